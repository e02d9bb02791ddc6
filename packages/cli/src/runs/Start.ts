/** `reprise runs start`. */
import { Args, Command, Options } from "@effect/cli"
import { ROUTES } from "@reprise/server/client"
import { Effect, Option } from "effect"
import * as Connection from "../Connection.js"
import { UsageInvalid } from "../Errors.js"
import type * as Exit from "../Exit.js"
import * as Given from "../Given.js"
import * as Say from "../show/Say.js"
import * as Outcome from "./Outcome.js"

const COMMAND = "reprise runs start"

const workflow = Args.text({ name: "WORKFLOW" }).pipe(Args.withDescription("The name of the workflow."))
const input = Given.jsonArgument("INPUT", "Its input")

const onConflict = Options.choice("on-conflict", ["fail", "use_existing", "terminate_existing"]).pipe(
  Options.optional,
  Options.withDescription("What to do when the id, or the key of an open run, is taken. Default: fail.")
)

const starting = {
  ...Connection.options,
  workflow,
  input,
  at: Given.text("at", "WHEN", "Begin then, not now: an instant, or a length of time from now (90s, 7d)."),
  id: Given.text("id", "ID", "The id of the run. Default: a fresh one."),
  idempotencyKey: Given.text("idempotency-key", "KEY", "A second start with this key answers the run of the first."),
  key: Given.text("key", "KEY", "The business key of the run."),
  onConflict,
  timeout: Given.text("timeout", "LENGTH", "Longest time from its beginning (90s, 7d)."),
  wait: Outcome.wait
}

export const command = Command.make("start", starting, (asked): Effect.Effect<void, Exit.Failed> => Effect.scoped(start(asked))).pipe(
  Command.withDescription(
    "Starts a run and prints its id; with --wait, how it ended. With --store the run waits there for a worker. " +
      "Exit codes: 0 done, 1 it ended otherwise than completed, 2 it was not started, or has not ended in time."
  )
)

type Asked = Command.Command.ParseConfig<typeof starting>

const start = (asked: Asked) =>
  Effect.gen(function*() {
    if (Option.isSome(asked.store) && Option.isNone(asked.workflows)) {
      const detail = "With --store, give --workflows ENTRY, too: the input is checked by the workflow."
      return yield* new UsageInvalid({ command: COMMAND, detail })
    }
    const body = {
      workflow: asked.workflow,
      input: yield* Given.json(COMMAND, asked.input),
      id: Option.getOrUndefined(asked.id),
      key: Option.getOrUndefined(asked.key),
      onConflict: Option.getOrUndefined(asked.onConflict),
      startAt: yield* Given.instant(COMMAND, "at", asked.at, "after"),
      timeoutMillis: yield* Given.length(COMMAND, "timeout", asked.timeout)
    }
    const wait = yield* Outcome.secondsOf(COMMAND, asked.wait)
    const connection = yield* Connection.open(asked, "change")
    const headers = { "Idempotency-Key": Option.getOrUndefined(asked.idempotencyKey) }
    const started = yield* connection.ask((call, signal) => call.call(ROUTES.startRun, { body, headers, signal }))
    if (wait !== undefined) return yield* Outcome.tell(connection, started.runId, wait, asked.json)
    yield* Say.answer(asked.json, ROUTES.startRun, started, started.runId)
  })
