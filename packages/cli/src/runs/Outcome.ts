/** `reprise runs result` and `reprise runs why`: how a run ended, or why it has not. */
import { Command, Options } from "@effect/cli"
import { type Model, ROUTES } from "@reprise/server/client"
import { Clock, Effect, Option } from "effect"
import * as Connection from "../Connection.js"
import { NotEnded, UsageInvalid } from "../Errors.js"
import * as Exit from "../Exit.js"
import * as Given from "../Given.js"
import * as EventText from "../show/EventText.js"
import * as Paint from "../show/Paint.js"
import * as Say from "../show/Say.js"

export const wait = Options.optional(Options.text("wait")).pipe(
  Options.withPseudoName("LENGTH"),
  Options.withDescription("Wait for the end: for so long (90s, 1h), or `forever`.")
)

/** `undefined`: without a wait. */
export const secondsOf = (command: string, given: Option.Option<string>): Effect.Effect<number | undefined, UsageInvalid> =>
  Option.contains(given, "forever")
    ? Effect.succeed(Infinity)
    : Effect.map(Given.length(command, "wait", given), (millis) => millis === undefined ? undefined : millis / 1_000)

const COMMAND = "reprise runs result"

export const result = Command.make(
  "result",
  { ...Connection.options, run: Given.run, wait },
  (asked): Effect.Effect<void, Exit.Failed> =>
    Effect.scoped(Effect.gen(function*() {
      const seconds = yield* secondsOf(COMMAND, asked.wait)
      const connection = yield* Connection.open(asked, "read")
      yield* tell(connection, asked.run, seconds ?? 0, asked.json)
    }))
).pipe(Command.withDescription(
  "Prints the output of a run. " +
    "Exit codes: 0 it has completed, 1 it has ended otherwise, 2 it has not ended, or the server or store cannot be asked."
))

/** The server's longest wait, in seconds; it is asked again. */
const WAIT_MAX = 30

/** Waits for the end of a run and tells it. */
export const tell = (connection: Connection.Connection, runId: string, seconds: number, asJson: boolean) =>
  Effect.gen(function*() {
    const until = (yield* Clock.currentTimeMillis) + seconds * 1_000
    const params = { runId }
    for (;;) {
      const left = Math.max(0, (until - (yield* Clock.currentTimeMillis)) / 1_000)
      const query = { wait: Math.min(WAIT_MAX, left) }
      const outcome = yield* connection.ask((call, signal) => call.call(ROUTES.runResult, { params, query, signal, isPatient: true }))
      const isOpen = outcome.status === "running" || outcome.status === "pending"
      if (isOpen && left > query.wait) continue
      if (isOpen) return yield* new NotEnded({ runId, status: outcome.status })
      yield* Say.answer(asJson, ROUTES.runResult, outcome, text(outcome))
      if (outcome.status !== "completed") return yield* new Exit.Found()
      return
    }
  })

/** A completed run's output as JSON: that is what scripts read. */
const text = (outcome: Model.Outcome): string => {
  switch (outcome.status) {
    case "completed":
      return outcome.output === undefined ? "" : JSON.stringify(outcome.output, undefined, 2)
    case "failed":
      return [
        `${Paint.red("failed")}: ${EventText.failure(outcome.failure)}`,
        ...(outcome.uncompensated ?? []).map(({ failure, name }) => `not undone: ${EventText.quoted(name)}: ${EventText.failure(failure)}`)
      ].join("\n")
    case "cancelled":
    case "terminated":
      return [
        Paint.status(outcome.status),
        ...(outcome.by === undefined ? [] : [`by ${EventText.quoted(outcome.by)}`]),
        ...(outcome.reason === undefined ? [] : [`because ${EventText.quoted(outcome.reason)}`])
      ].join(" ")
    default:
      return outcome.status
  }
}

export const why = Command.make(
  "why",
  { ...Connection.options, run: Given.run },
  (asked): Effect.Effect<void, Exit.Failed> =>
    Effect.scoped(Effect.gen(function*() {
      const { ask } = yield* Connection.open(asked, "read")
      const report = yield* ask((call, signal) => call.call(ROUTES.whyRun, { params: { runId: asked.run }, signal }))
      yield* Say.answer(asked.json, ROUTES.whyRun, report, report.text)
    }))
).pipe(Command.withDescription(
  "Says what a run waits for, since when, and what would wake it. With --store, give --workflows, too: the run is replayed. " +
    "Exit codes: 0 done, 2 there is no such run, or the server or store cannot be asked."
))
