/** Talking to runs: signals, queries, updates, and what operators ask for. */
import { Effect } from "effect"
import type { Query } from "../define/Query.js"
import type { Signal } from "../define/Signal.js"
import type { Update } from "../define/Update.js"
import {
  type HistoryDamaged,
  type LogError,
  type MessageUnknown,
  type NameInvalid,
  type PayloadInvalid,
  type PayloadTooLarge,
  type QueryFailed,
  RunClosed,
  type RunNotFound,
  UpdateFailed,
  UpdateRejected,
  WorkerMissing
} from "../model/Errors.js"
import type { Event, Failure, Resolution } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import type * as Message from "../model/Message.js"
import * as Run from "../model/Run.js"
import type { Change } from "../ports/Log.js"
import { checkAccepted, checkDeclared, checkMessageId, checkText, encode } from "./Checks.js"
import { describeWith, search } from "./Runs.js"
import { Client, type ClientShape } from "./Shape.js"
import { watching } from "./Watch.js"

export interface SendOptions {
  /** Makes the message idempotent: a second one with this id for the same run is dropped. */
  readonly messageId?: string
  /** Who sends it; recorded. */
  readonly by?: string
}

export type SendError = RunNotFound | RunClosed | NameInvalid | LogError

/** Sends a signal. When this succeeds, the signal is durable and will reach the run's history. */
export const signal = <A>(
  runId: string,
  message: Signal<A>,
  payload: A,
  options: SendOptions = {}
): Effect.Effect<void, SendError | MessageUnknown | PayloadInvalid | PayloadTooLarge, Client> =>
  Effect.gen(function*() {
    const client = yield* Client
    yield* checkDeclared(client, runId, message)
    const encoded = yield* encode(client, message.payload, payload, `payload of signal "${message.name}"`)
    yield* sendSignal(client, runId, message.name, encoded, options)
  })

export const sendSignal = (client: ClientShape, runId: string, name: string, payload: Json | undefined, options: SendOptions) =>
  send(client, runId, options, (common) => ({ _tag: "Signal", ...common, name, ...(payload === undefined ? {} : { payload }) }))

/** Asks the run to stop: its cleanup runs durably, then it ends as `cancelled`. */
export const cancel = (
  runId: string,
  options: SendOptions & { readonly reason?: string } = {}
): Effect.Effect<void, SendError, Client> =>
  Effect.flatMap(Client, (client) =>
    Effect.asVoid(send(client, runId, options, (common) => ({ _tag: "Cancel", ...common, ...reasonOf(options) }))))

/** Ends the run at once: nothing of it runs any more, its cleanup neither. */
export const terminate = (
  runId: string,
  options: SendOptions & { readonly reason?: string } = {}
): Effect.Effect<void, SendError, Client> =>
  Effect.flatMap(Client, (client) =>
    Effect.asVoid(send(client, runId, options, (common) => ({ _tag: "Terminate", ...common, ...reasonOf(options) }))))

/**
 * Stops the run where it stands: nothing of it starts until it is resumed. Attempts that are running end, and what they
 * say is kept; messages and due timers wait in order. `terminate` works all the same.
 */
export const pause = (
  runId: string,
  options: SendOptions & { readonly reason?: string } = {}
): Effect.Effect<void, SendError, Client> =>
  Effect.flatMap(Client, (client) =>
    Effect.asVoid(send(client, runId, options, (common) => ({ _tag: "Pause", ...common, ...reasonOf(options) }))))

/** Lets a paused run go on: everything that has waited is delivered, in order. */
export const resume = (
  runId: string,
  options: SendOptions & { readonly reason?: string } = {}
): Effect.Effect<void, SendError, Client> =>
  Effect.flatMap(Client, (client) =>
    Effect.asVoid(send(client, runId, options, (common) => ({ _tag: "Resume", ...common, ...reasonOf(options) }))))

/** Says what became of a step whose outcome is unknown (`onUnknown: "ask"`). */
export const resolveStep = (
  runId: string,
  stepId: string,
  resolution: Resolution,
  options: SendOptions = {}
): Effect.Effect<void, SendError | PayloadInvalid, Client> =>
  Effect.gen(function*() {
    const client = yield* Client
    yield* checkAccepted(client, runId, { _tag: "ResolveStep", messageId: "", id: stepId, resolution })
    yield* send(client, runId, options, (common) => ({ _tag: "ResolveStep", ...common, id: stepId, resolution }))
  })

const reasonOf = (options: { readonly reason?: string }) => (options.reason === undefined ? {} : { reason: options.reason })

/** Reads a run's state through its query handler. Works on open and closed runs; leaves no event. */
export const query = <Input, A>(
  runId: string,
  message: Query<Input, A>,
  input: Input
): Effect.Effect<
  A,
  QueryFailed | MessageUnknown | RunNotFound | PayloadInvalid | PayloadTooLarge | WorkerMissing | HistoryDamaged | LogError,
  Client
> =>
  Effect.gen(function*() {
    const client = yield* Client
    yield* checkDeclared(client, runId, message)
    const encoded = yield* encode(client, message.input, input, `input of query "${message.name}"`)
    const answer = yield* ask(client, runId, message.name, encoded)
    return yield* message.output.decode(answer, `answer of query "${message.name}"`)
  })

export const ask = (client: ClientShape, runId: string, name: string, input: Json | undefined) =>
  Effect.gen(function*() {
    const run = yield* describeWith(client, runId)
    if (client.local === undefined) return yield* new WorkerMissing({ operation: "query" })
    return yield* client.local.query(run, name, input)
  })

/** Sends an update and waits for the run's answer; a rejected one leaves no event. */
export const update = <Input, A, E>(
  runId: string,
  message: Update<Input, A, E>,
  input: Input,
  options: SendOptions = {}
): Effect.Effect<
  A,
  E | UpdateRejected | UpdateFailed | SendError | MessageUnknown | PayloadInvalid | PayloadTooLarge | HistoryDamaged,
  Client
> =>
  Effect.gen(function*() {
    const client = yield* Client
    yield* checkDeclared(client, runId, message)
    const encoded = yield* encode(client, message.input, input, `input of update "${message.name}"`)
    const answer = yield* exchange(client, runId, message.name, encoded, options)
    if (answer._tag === "Completed") return yield* message.output.decode(answer.output, `answer of update "${message.name}"`)
    return yield* Effect.flatMap(message.error.decode(answer.error, `error of update "${message.name}"`), Effect.fail)
  })

/** What a handler has said: its answer, or its typed error, encoded. */
export type Updated =
  | { readonly _tag: "Completed"; readonly output: Json | undefined }
  | { readonly _tag: "Failed"; readonly error: Json | undefined }

/** Sends an update whose input is encoded, and waits for the answer. */
export const exchange = (
  client: ClientShape,
  runId: string,
  name: string,
  input: Json | undefined,
  options: SendOptions
): Effect.Effect<Updated, SendError | UpdateRejected | UpdateFailed | HistoryDamaged> =>
  Effect.gen(function*() {
    const messageId = options.messageId ?? client.newId()
    const sent = send(client, runId, { ...options, messageId }, (common) => ({
      _tag: "Update",
      ...common,
      name,
      ...(input === undefined ? {} : { input })
    }))
    let first = true
    const look = Effect.gen(function*() {
      // Nobody has answered what was not sent before; a look at the store reads the whole history.
      const isNew = first && (yield* sent) === "Sent"
      first = false
      return isNew ? undefined : yield* answered(client, runId, messageId)
    })
    const answer = yield* watching(client, runId, (change) => answerIn(change, messageId), look)
    return yield* updated(runId, name, answer)
  })

type Answer =
  | { readonly _tag: "Completed"; readonly output: Json | undefined }
  | { readonly _tag: "Failed"; readonly failure: Failure }
  | { readonly _tag: "Rejected"; readonly reason: Json }
  | { readonly _tag: "Closed"; readonly status: string }

const answerIn = (change: Change, messageId: string): Answer | undefined => {
  switch (change._tag) {
    case "Refused":
      return change.messageId === messageId ? { _tag: "Rejected", reason: change.error } : undefined
    case "Appended":
      return answerAmong(change.events, messageId)
    case "Closed":
      return { _tag: "Closed", status: Run.closedBy(change.event) }
    default:
      return undefined
  }
}

const answerAmong = (events: ReadonlyArray<Event>, messageId: string): Answer | undefined => {
  for (const event of events) {
    if (event._tag === "UpdateCompleted" && event.messageId === messageId) return { _tag: "Completed", output: event.output }
    if (event._tag === "UpdateFailed" && event.messageId === messageId) return { _tag: "Failed", failure: event.failure }
  }
  return undefined
}

/** The answer that the store already holds: for an update sent before, or answered by another process. */
const answered = (client: ClientShape, runId: string, messageId: string) =>
  Effect.gen(function*() {
    const { notes } = yield* client.log.inbox(runId)
    const refused = notes.refused.get(messageId)
    if (refused !== undefined) return { _tag: "Rejected", reason: refused } as Answer
    const found = yield* search(client, runId, 0, (event) => answerAmong([event], messageId))
    if (found !== undefined) return found
    const summary = yield* describeWith(client, runId)
    return Run.isClosed(summary.status) ? { _tag: "Closed", status: summary.status } as Answer : undefined
  })

const updated = (runId: string, update: string, answer: Answer): Effect.Effect<Updated, UpdateRejected | RunClosed | UpdateFailed> => {
  switch (answer._tag) {
    case "Completed":
      return Effect.succeed(answer)
    case "Rejected":
      return Effect.fail(new UpdateRejected({ runId, update, reason: String(answer.reason) }))
    case "Closed":
      return Effect.fail(new RunClosed({ runId, status: answer.status }))
    case "Failed":
      return answer.failure._tag === "Error"
        ? Effect.succeed({ _tag: "Failed", error: answer.failure.error })
        : Effect.fail(new UpdateFailed({ runId, update, detail: detailOf(answer.failure) }))
  }
}

const detailOf = (failure: Failure): string => {
  if (failure._tag === "Interrupted") return "it was interrupted before it answered, as by a run that continues as new"
  return failure._tag === "Defect" ? `${failure.name}: ${failure.message}` : "message" in failure ? failure.message : failure._tag
}

export const send = (
  client: ClientShape,
  runId: string,
  options: SendOptions & { readonly reason?: string },
  build: (common: { readonly messageId: string; readonly by?: string }) => Message.Message
): Effect.Effect<"Sent" | "Duplicate", SendError> =>
  Effect.gen(function*() {
    if (options.messageId !== undefined) yield* checkMessageId(client, options.messageId)
    if (options.by !== undefined) yield* checkText(client, "sender", options.by)
    if (options.reason !== undefined) yield* checkText(client, "reason", options.reason)
    const by = options.by === undefined ? {} : { by: options.by }
    return yield* client.log.send(runId, build({ messageId: options.messageId ?? client.newId(), ...by }))
  })
