/** `reprise runs cancel`, `terminate`, `pause` and `resume`, of one run or several; and `fork`. */
import { Args, Command, Options } from "@effect/cli"
import type { Json } from "@reprise/core/engine"
import { ROUTES } from "@reprise/server/client"
import { Console, Effect, Option } from "effect"
import * as Connection from "../Connection.js"
import { UsageInvalid } from "../Errors.js"
import * as Exit from "../Exit.js"
import * as Given from "../Given.js"
import * as EventText from "../show/EventText.js"
import * as Say from "../show/Say.js"

const runs = Args.text({ name: "RUN" }).pipe(Args.withDescription("The ids of the runs."), Args.atLeast(1))
const reason = Given.text("reason", "TEXT", "Goes into the history.")

const ROUTE = { cancel: ROUTES.cancelRun, terminate: ROUTES.terminateRun, pause: ROUTES.pauseRun, resume: ROUTES.resumeRun }

type Verb = keyof typeof ROUTE

const asking = (verb: Verb, done: string, what: string) =>
  Command.make(
    verb,
    { ...Connection.options, reason, runs },
    (asked): Effect.Effect<void, Exit.Failed> => Effect.scoped(askEach(verb, done, asked))
  ).pipe(Command.withDescription(`${what} Exit codes: 0 asked, 1 some of several could not be asked, 2 none could.`))

interface Asked extends Connection.Asked {
  readonly reason: Option.Option<string>
  readonly runs: ReadonlyArray<string>
}

const askEach = (verb: Verb, done: string, asked: Asked) =>
  Effect.gen(function*() {
    const { ask } = yield* Connection.open(asked, "change")
    const body = Option.isNone(asked.reason) ? {} : { reason: asked.reason.value }
    const answers = yield* Effect.forEach(asked.runs, (runId) =>
      Effect.either(ask((call, signal) => call.call(ROUTE[verb], { params: { runId }, body, signal }))))
    const refused = answers.flatMap((answer) => answer._tag === "Left" ? [answer.left] : [])
    const [first] = refused
    if (first !== undefined && refused.length === answers.length) return yield* Effect.fail(first)
    const accepted = answers.flatMap((answer) => answer._tag === "Right" ? [answer.right] : [])
    yield* asked.json
      ? Say.json(accepted)
      : Say.text(accepted.map(({ runId }) => `run ${EventText.quoted(runId)} ${done}`).join("\n"))
    for (const error of refused) yield* Console.error(`reprise: ${error.message}`)
    if (refused.length > 0) return yield* new Exit.Found()
  })

export const cancel = asking("cancel", "is asked to stop", "Asks runs to stop; their cleanup runs first.")
export const terminate = asking("terminate", "ends at once", "Ends runs at once, without their cleanup.")
export const pause = asking("pause", "will stand still", "Stops runs where they stand.")
export const resume = asking("resume", "will go on", "Lets paused runs go on.")

const at = Options.integer("at").pipe(
  Options.withPseudoName("SEQ"),
  Options.withDescription("The number of the event at which the fork leaves its source: `reprise runs show RUN --events`.")
)

const replace = Options.text("replace").pipe(
  Options.repeated,
  Options.withPseudoName("SEQ=JSON"),
  Options.withDescription("Another output, payload or input for an event up to that; may be repeated.")
)

const forking = {
  ...Connection.options,
  at,
  id: Given.text("id", "ID", "The id of the new run. Default: a fresh one."),
  key: Given.text("key", "KEY", "The business key of the new run."),
  replace,
  run: Given.run,
  version: Given.text("version", "VERSION", "The version of the workflow whose code the new run has.")
}

export const fork = Command.make("fork", forking, (asked): Effect.Effect<void, Exit.Failed> => Effect.scoped(forkRun(asked))).pipe(
  Command.withDescription("Starts a new run from any event of an old one, and prints its id. Exit codes: 0 done, 2 it was not made.")
)

const forkRun = (asked: Command.Command.ParseConfig<typeof forking>) =>
  Effect.gen(function*() {
    const body = {
      at: asked.at,
      ...(asked.replace.length === 0 ? {} : { replace: yield* Effect.forEach(asked.replace, replacement) }),
      ...(Option.isNone(asked.id) ? {} : { id: asked.id.value }),
      ...(Option.isNone(asked.key) ? {} : { key: asked.key.value }),
      ...(Option.isNone(asked.version) ? {} : { version: asked.version.value })
    }
    const { ask } = yield* Connection.open(asked, "change")
    const forked = yield* ask((call, signal) => call.call(ROUTES.forkRun, { params: { runId: asked.run }, body, signal }))
    yield* Say.answer(asked.json, ROUTES.forkRun, forked, forked.runId)
  })

const replacement = (given: string): Effect.Effect<{ readonly seq: number; readonly value?: Json.Json }, UsageInvalid> => {
  const [, seq, text] = /^(\d+)=(.*)$/s.exec(given) ?? []
  if (seq === undefined) {
    return new UsageInvalid({ command: "reprise runs fork", detail: `--replace takes SEQ=JSON, not ${JSON.stringify(given)}.` })
  }
  return Effect.map(Given.json("reprise runs fork", Option.fromNullable(text || undefined)), (value) =>
    value === undefined ? { seq: Number(seq) } : { seq: Number(seq), value })
}
