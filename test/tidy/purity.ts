/** What code may touch: core is free of the world, programs run in few places, events are made in one. */
import { findAll, type Finding, isSource, type Rule, type Source } from "./source.js"

/** The one file that may name the globals: it replaces them while a program runs. */
const CONTAINMENT = "packages/core/src/engine/Containment.ts"

const WORLD = new RegExp(
  "\\bDate\\.now\\b|\\bnew Date\\(|\\bMath\\.random\\b|\\brandomUUID\\b|\\bset(?:Timeout|Interval|Immediate)\\b" +
    "|\\b(?:process|console|performance)\\.|\\bEffect\\.never\\b",
  "g"
)

/** Clock, randomness and the process belong to the worker; core is told the time. */
const noWorld = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files
    .filter((file) => isSource(file) && file.path.startsWith("packages/core/src/") && file.path !== CONTAINMENT)
    .flatMap((file) => findAll(file, file.bare, WORLD, ([call]) => `${call} in core`))

/** The files that may run an effect, and why. Everything else returns effects to its caller. */
const RUNNERS: Readonly<Record<string, string>> = {
  "packages/core/src/engine/Program.ts": "forks the fibers of a program on its own scheduler",
  "packages/core/src/engine/Services.ts": "answers a config read inside a drain, which is synchronous",
  "packages/core/src/define/Step.ts": "evaluates Step.value inside a drain, which is synchronous",
  "packages/cli/src/main.ts": "is the process",
  "packages/server/src/App.ts": "answers requests, which come as promises",
  "packages/server/src/stream/Body.ts": "answers readers of a stream, which pull by promises",
  "packages/worker/src/Attempts.ts": "forks the attempts of steps, which end on their own",
  "packages/worker/src/Live.ts": "forks reads of the log from listeners, which are synchronous",
  "packages/testing/src/simulation/Search.ts": "answers fast-check, which calls back with promises"
}

const RUN = /\b(?:Effect|\w*[rR]untime)\.(?:unsafe)?[rR]un(?:Fork|Sync|SyncExit|Promise|PromiseExit|Callback|Main)\b/g

const noRun = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files
    .filter((file) => isSource(file) && RUNNERS[file.path] === undefined)
    .flatMap((file) => findAll(file, file.bare, RUN, ([call]) => `${call} outside the files that own fibers`))

const EVENT = "packages/core/src/model/Event.ts"
const DECIDE = "packages/core/src/engine/Decide.ts"
/** The test kit also makes events, to try a log with them. */
const MAKERS = /^packages\/(core\/src\/(engine\/Decide|model\/Event)\.ts|testing\/)/

/** The tags of the Event union, read from its definition. */
export const eventTags = (files: ReadonlyArray<Source>): ReadonlyArray<string> => {
  const code = files.find(({ path }) => path === EVENT)?.code ?? ""
  const members = /export const Event = Schema\.Union\(([^)]*)\)/.exec(code)?.[1] ?? ""
  return [...members.matchAll(/\w+/g)].map(([tag]) => tag)
}

const eventsInDecide = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> => {
  const tags = eventTags(files).join("|")
  if (tags === "") return [`${EVENT}: the members of the Event union were not found`]
  // A type says `readonly _tag: "X"`; only an object made here says `_tag: "X"`.
  const literal = new RegExp(`(?<!readonly )\\b_tag: "(${tags})"|\\bEvent\\.(${tags})\\.make\\(`, "g")
  return files
    .filter((file) => isSource(file) && !MAKERS.test(file.path))
    .flatMap((file) => findAll(file, file.code, literal, ([match]) => `an event is made outside Decide: ${match}`))
}

/** A test waits for what it expects, by a virtual clock; time that passes by itself makes it slow and flaky. */
const noRealTime = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files.filter((file) => /^packages\/[^/]+\/test\//.test(file.path)).flatMap((file) => [
    ...findAll(file, file.bare, /\bset(?:Timeout|Interval)\(|\btimers\/promises\b/g, ([call]) => `${call} in a test`),
    ...findAll(file, file.bare, /\bit\.(?:live|scopedLive)\b/g, ([call]) => `${call}: a test with the real clock`)
  ])

const event = { [EVENT]: "export const Event = Schema.Union(\n  StepCompleted\n)" }

export const purity: ReadonlyArray<Rule> = [
  {
    name: "core touches no clock, no randomness and no process",
    check: noWorld,
    good: { "packages/core/src/A.ts": "const a = \"Date.now\" // Math.random", [CONTAINMENT]: "Date.now()" },
    bad: { "packages/core/src/A.ts": "const a = `${Date.now()}`" }
  },
  {
    name: "effects are run only by the files that own fibers",
    check: noRun,
    good: { "packages/core/src/engine/Program.ts": "Effect.runFork(a)", "test/a.test.ts": "Effect.runSync(a)" },
    bad: { "packages/worker/src/A.ts": "Effect.runPromise(a)" }
  },
  {
    name: "only Decide makes events",
    check: eventsInDecide,
    good: {
      ...event,
      [DECIDE]: "({ _tag: \"StepCompleted\" })",
      "packages/core/src/A.ts": "type A = { readonly _tag: \"StepCompleted\" }\nif (a._tag === \"StepCompleted\") b()"
    },
    bad: { ...event, "packages/worker/src/A.ts": "({ _tag: \"StepCompleted\", id })" }
  },
  {
    name: "package tests use no real time",
    check: noRealTime,
    good: { "packages/core/test/A.test.ts": "it.effect(\"waits\", () => TestClock.adjust(\"1 day\"))" },
    bad: { "packages/core/test/A.test.ts": "it.live(\"waits\", () => Effect.sleep(\"1 second\"))" }
  }
]
