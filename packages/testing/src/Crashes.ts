/**
 * Runs a script again and again, with a crash of the worker right before and right after each append that it makes, on
 * programs that stay in memory and on programs that are replayed for every event. Whatever happens, the script must see
 * the same outcome, the histories must hold the same events, no completed step may run again, and no attempt twice in one
 * process.
 */
import { isDeepStrictEqual, inspect } from "node:util"
import { Data, Effect, Exit } from "effect"
import { Client, type Workflow } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import * as World from "./World.js"

/** What a script did and what it left in the log. */
export interface Seen<A, E> {
  readonly exit: Exit.Exit<A, E>
  /** By run id. */
  readonly histories: Readonly<Record<string, ReadonlyArray<Event.Event>>>
  readonly calls: ReadonlyArray<World.StepCall>
  readonly appendCount: number
}

/** Where the worker crashes, and whether programs are replayed for every event. */
export interface Fault {
  readonly crash: World.CrashPoint | undefined
  readonly alwaysReplay: boolean
}

/** With this fault, the script saw something else than without one. */
export class CrashNoticed extends Data.TaggedError("CrashNoticed")<{
  readonly fault: Fault
  readonly what: string
  readonly expected: unknown
  readonly actual: unknown
}> {
  override get message() {
    const { append, moment } = this.fault.crash ?? {}
    const crash = append === undefined ? "no crash" : `a crash ${moment} append ${append}`
    const mode = this.fault.alwaysReplay ? "programs replayed for every event" : "programs in memory"
    return `With ${crash} and ${mode}, the ${this.what} differ.\nexpected: ${shown(this.expected)}\nactual: ${shown(this.actual)}`
  }
}

const shown = (value: unknown): string => inspect(value, { depth: 12, breakLength: 120 })

/** Runs the script without a crash, then with each; `options` makes a fresh world each time. Answers the first run. */
export const everywhere = <W extends Workflow.Any, A, E>(
  options: () => World.Options<W>,
  script: (world: World.World) => Effect.Effect<A, E>
): Effect.Effect<Seen<A, E>, CrashNoticed> =>
  Effect.gen(function*() {
    const expected = yield* once(options, script, { crash: undefined, alwaysReplay: false })
    for (const fault of faults(expected.appendCount)) {
      yield* compare(fault, expected, yield* once(options, script, fault))
    }
    return expected
  })

/** Runs the script in a world of its own, with one fault. */
export const once = <W extends Workflow.Any, A, E>(
  options: () => World.Options<W>,
  script: (world: World.World) => Effect.Effect<A, E>,
  fault: Fault
): Effect.Effect<Seen<A, E>> =>
  Effect.scoped(Effect.gen(function*() {
    const world = yield* World.make({ ...options(), alwaysReplay: fault.alwaysReplay })
    if (fault.crash !== undefined) yield* world.crashAt(fault.crash)
    const exit = yield* Effect.exit(script(world))
    yield* world.idle
    const runs = yield* world.run(Effect.flatMap(Client.Client, ({ log }) => Effect.orDie(log.find({ limit: 1_000 }))))
    const histories: Record<string, ReadonlyArray<Event.Event>> = {}
    for (const { runId } of runs) histories[runId] = yield* world.history(runId)
    return { exit, histories, calls: yield* world.calls, appendCount: yield* world.appendCount }
  }))

const faults = (appendCount: number): ReadonlyArray<Fault> => {
  const all: Array<Fault> = [{ crash: undefined, alwaysReplay: true }]
  for (let append = 1; append <= appendCount; append++) {
    for (const moment of ["before", "after"] as const) {
      for (const alwaysReplay of [false, true]) all.push({ crash: { append, moment }, alwaysReplay })
    }
  }
  return all
}

const compare = <A, E>(fault: Fault, expected: Seen<A, E>, actual: Seen<A, E>): Effect.Effect<void, CrashNoticed> => {
  const repeated = actual.calls.filter((call, i) => call.isRepeated || actual.calls.slice(0, i).some(isSame(call)))
  if (repeated.length > 0) return differ(fault, "repeated attempts", [], repeated)
  if (!isDeepStrictEqual(outcome(actual.exit), outcome(expected.exit))) {
    return differ(fault, "outcomes", outcome(expected.exit), outcome(actual.exit))
  }
  const [before, after] = [timeless(expected), timeless(actual)]
  return isDeepStrictEqual(after, before) ? Effect.void : differ(fault, "histories", before, after)
}

/** One process begins an attempt once; only a crash makes it begin again. */
const isSame = (a: World.StepCall) => (b: World.StepCall): boolean =>
  a.process === b.process && a.runId === b.runId && a.stepId === b.stepId && a.attempt === b.attempt && a.poll === b.poll

const differ = (fault: Fault, what: string, expected: unknown, actual: unknown) =>
  Effect.fail(new CrashNoticed({ fault, what, expected, actual }))

const outcome = <A, E>(exit: Exit.Exit<A, E>): unknown =>
  Exit.match(exit, { onSuccess: (value) => ({ value }), onFailure: (cause) => ({ cause: cause.toString() }) })

/** Instants may differ, because a step that ran again took its time twice. */
const VARYING = new Set(["at", "dueAt", "deadlineAt", "timeoutAt", "stack"])
/** Tokens are secret, so one that was not committed is not made again. */
const TOKEN = /\btoken-\d+/g

const timeless = (seen: Seen<unknown, unknown>): unknown =>
  JSON.parse(JSON.stringify(seen.histories, (key, value: unknown) =>
    VARYING.has(key) ? undefined : typeof value === "string" ? value.replace(TOKEN, "token") : value))
