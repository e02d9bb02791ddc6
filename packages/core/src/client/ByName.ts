/**
 * Talking to runs with names and JSON, as a server does. What the run's workflow declares is checked by its schemas; a message
 * that it need not declare goes through as it is.
 */
import { Effect } from "effect"
import type { AnyMessage } from "../define/Workflow.js"
import type {
  HistoryDamaged,
  LogError,
  MessageUnknown,
  PayloadInvalid,
  PayloadTooLarge,
  QueryFailed,
  RunNotFound,
  UpdateFailed,
  UpdateRejected,
  WorkerMissing
} from "../model/Errors.js"
import type { Json } from "../model/Json.js"
import { codec } from "../model/Payload.js"
import { checkName, declared, encode } from "./Checks.js"
import { ask, exchange, type SendError, sendSignal, type SendOptions, type Updated } from "./Messages.js"
import { Client, type ClientShape } from "./Shape.js"

type Refusal = SendError | MessageUnknown | PayloadInvalid | PayloadTooLarge

/** Sends a signal. When this succeeds, the signal is durable and will reach the run's history. */
export const signalByName = (
  runId: string,
  name: string,
  payload: Json | undefined,
  options: SendOptions = {}
): Effect.Effect<void, Refusal, Client> =>
  Effect.gen(function*() {
    const client = yield* Client
    const message = yield* declared(client, runId, "Signal", name)
    yield* sendSignal(client, runId, name, yield* checkedSignal(client, message, name, payload), options)
  })

/** Reads a run's state through its query handler; the answer is what the query's schema makes of it. */
export const queryByName = (
  runId: string,
  name: string,
  input: Json | undefined
): Effect.Effect<
  Json | undefined,
  QueryFailed | MessageUnknown | RunNotFound | PayloadInvalid | PayloadTooLarge | WorkerMissing | HistoryDamaged | LogError,
  Client
> =>
  Effect.gen(function*() {
    const client = yield* Client
    const message = yield* declared(client, runId, "Query", name)
    return yield* ask(client, runId, name, yield* checkedInput(client, message, `input of query "${name}"`, input))
  })

/** Sends an update and waits for the run's answer: its output, or its typed error, as their schemas encode them. */
export const updateByName = (
  runId: string,
  name: string,
  input: Json | undefined,
  options: SendOptions = {}
): Effect.Effect<Updated, Refusal | UpdateRejected | UpdateFailed | HistoryDamaged, Client> =>
  Effect.gen(function*() {
    const client = yield* Client
    const message = yield* declared(client, runId, "Update", name)
    yield* checkName(client, "update", name)
    const json = yield* checkedInput(client, message, `input of update "${name}"`, input)
    return yield* exchange(client, runId, name, json, options)
  })

/** The payload of a signal, if it fits; `message` is what the workflow says of it, if anything. */
export const checkedSignal = (client: ClientShape, message: AnyMessage | undefined, name: string, payload: Json | undefined) =>
  Effect.gen(function*() {
    yield* checkName(client, "signal", name)
    const what = `payload of signal "${name}"`
    const json = yield* encode(client, codec<Json | undefined>(), payload, what)
    if (message?._tag === "Signal") yield* message.payload.decode(json, what)
    return json
  })

const checkedInput = (client: ClientShape, message: AnyMessage | undefined, what: string, input: Json | undefined) =>
  Effect.gen(function*() {
    const json = yield* encode(client, codec<Json | undefined>(), input, what)
    if (message !== undefined && message._tag !== "Signal") yield* message.input.decode(json, what)
    return json
  })
