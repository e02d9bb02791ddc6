/** `reprise runs signal`, `query` and `update`: talking to a run. */
import { Args, Command } from "@effect/cli"
import { ROUTES } from "@reprise/server/client"
import { Effect, Option } from "effect"
import * as Connection from "../Connection.js"
import { UsageInvalid } from "../Errors.js"
import * as Exit from "../Exit.js"
import * as Given from "../Given.js"
import * as EventText from "../show/EventText.js"
import * as Say from "../show/Say.js"

const name = Args.text({ name: "NAME" })
const { messageId, run } = Given

export const signal = Command.make(
  "signal",
  { ...Connection.options, run, name, payload: Given.jsonArgument("PAYLOAD", "Its payload"), messageId },
  (asked): Effect.Effect<void, Exit.Failed> =>
    Effect.scoped(Effect.gen(function*() {
      const payload = yield* Given.json("reprise runs signal", asked.payload)
      const { ask } = yield* Connection.open(asked, "change")
      const params = { runId: asked.run, name: asked.name }
      const body = { ...(payload === undefined ? {} : { payload }), ...idOf(asked.messageId) }
      const sent = yield* ask((call, signal) => call.call(ROUTES.signalRun, { params, body, signal }))
      const text = `signal ${EventText.quoted(asked.name)} will reach run ${EventText.quoted(sent.runId)}`
      yield* Say.answer(asked.json, ROUTES.signalRun, sent, text)
    }))
).pipe(Command.withDescription("Sends a signal. Exit codes: 0 it is durable, and will reach the run, 2 it was not sent."))

export const query = Command.make(
  "query",
  { ...Connection.options, run, name, input: Given.jsonArgument("INPUT", "Its input") },
  (asked): Effect.Effect<void, Exit.Failed> =>
    Effect.scoped(Effect.gen(function*() {
      const input = yield* Given.json("reprise runs query", asked.input)
      const { ask } = yield* Connection.open(asked, "read")
      const params = { runId: asked.run, name: asked.name }
      const body = input === undefined ? {} : { input }
      const answer = yield* ask((call, signal) => call.call(ROUTES.queryRun, { params, body, signal }))
      yield* Say.answer(asked.json, ROUTES.queryRun, answer, shown(answer.output))
    }))
).pipe(Command.withDescription("Asks a run, and prints its answer as JSON. Exit codes: 0 it has answered, 2 it has not."))

export const update = Command.make(
  "update",
  { ...Connection.options, run, name, input: Given.jsonArgument("INPUT", "Its input"), messageId },
  (asked): Effect.Effect<void, Exit.Failed> =>
    Effect.scoped(Effect.gen(function*() {
      if (Option.isSome(asked.store)) return yield* new UsageInvalid({ command: "reprise runs update", detail: WORKER })
      const input = yield* Given.json("reprise runs update", asked.input)
      const { ask } = yield* Connection.open(asked, "change")
      const params = { runId: asked.run, name: asked.name }
      const body = { ...(input === undefined ? {} : { input }), ...idOf(asked.messageId) }
      const answer = yield* ask((call, signal) => call.call(ROUTES.updateRun, { params, body, signal }))
      const isDone = answer.status === "completed"
      yield* Say.answer(asked.json, ROUTES.updateRun, answer, isDone ? shown(answer.output) : `failed: ${shown(answer.error)}`)
      if (!isDone) return yield* new Exit.Found()
    }))
).pipe(Command.withDescription(
  "Sends an update, waits for it, and prints its answer as JSON. " +
    "Exit codes: 0 it has answered, 1 it has failed with an error of its own, 2 it was not taken."
))

const WORKER = "An update is answered by a worker, and a store has none: give --url."

const idOf = (messageId: Option.Option<string>) => Option.isNone(messageId) ? {} : { messageId: messageId.value }

const shown = (value: unknown): string => value === undefined ? "" : JSON.stringify(value, undefined, 2)
