/**
 * Starting runs and talking to them. A thin layer: encode, put into the log or an inbox, decode what comes back. What
 * needs a look into a live program (a query) goes to the worker of this process.
 */
import { Clock, Context, Duration, Effect, Either, Option, type Scope } from "effect"
import type { AnyMessage, Any, StepError, Workflow } from "./define/Workflow.js"
import type { Query } from "./define/Query.js"
import type { Signal } from "./define/Signal.js"
import type { Update } from "./define/Update.js"
import * as Registry from "./engine/Registry.js"
import {
  AwakeableAlreadySettled,
  AwakeableUnknown,
  type HistoryDamaged,
  type LogError,
  MessageUnknown,
  NameInvalid,
  PayloadInvalid,
  PayloadTooLarge,
  QueryFailed,
  RunCancelled,
  RunClosed,
  RunExists,
  RunFailed,
  RunNotFound,
  RunTerminated,
  RunTimedOut,
  UpdateFailed,
  UpdateRejected,
  WorkerMissing,
  type WorkflowUnknown
} from "./model/Errors.js"
import type { Closing, Event, Failure, Resolution, Settlement, TraceContext } from "./model/Event.js"
import type { Json } from "./model/Json.js"
import { Limits } from "./model/Limits.js"
import type * as Message from "./model/Message.js"
import { type Codec, sizeOf } from "./model/Payload.js"
import * as Run from "./model/Run.js"
import * as Token from "./model/Token.js"
import type { Appended, Change, LogShape, RunFilter, RunSummary, StartRequest } from "./ports/Log.js"

/** What the worker of this process can do for a client, faster than through the store or not at all through it. */
export interface LocalWorker {
  /** Starts a run and its first activation in one transaction. */
  readonly start: (request: StartRequest) => Effect.Effect<Appended, LogError>
  /** What is wrong with a message, judged by the schemas of the run's own program. */
  readonly refusal: (run: RunSummary, message: Message.Message) => Effect.Effect<PayloadInvalid | undefined, LogError>
  /** Asks a live program; the run is replayed first when it is not in memory. */
  readonly query: (
    run: RunSummary,
    name: string,
    input: Json | undefined
  ) => Effect.Effect<Json | undefined, LogError | HistoryDamaged | QueryFailed | MessageUnknown>
}

export interface ClientShape {
  readonly log: LogShape
  readonly registry: Registry.Registry
  readonly local: LocalWorker | undefined
  readonly limits: Limits
  /** A fresh unguessable id. */
  readonly newId: () => string
  readonly waiters: Waiters
}

/** Somebody who waits for news of a run: told of each change, and now and then to look for itself. */
export interface Waiter {
  readonly tell: (change: Change) => void
  readonly lookAgain: () => void
}
export type Waiters = Map<string, Set<Waiter>>

/** How often waiters look into the store for themselves, where other processes may commit what is not told here. */
const LOOK_AGAIN = Duration.seconds(1)

export class Client extends Context.Tag("@reprise/core/Client")<Client, ClientShape>() {}

/** Builds a client on a log; it listens for changes until the scope closes. */
export const make = (options: Omit<ClientShape, "waiters">): Effect.Effect<ClientShape, never, Scope.Scope> =>
  Effect.gen(function*() {
    const waiters: Waiters = new Map()
    yield* options.log.watch((change) => {
      for (const waiter of waiters.get(change.runId) ?? []) waiter.tell(change)
    })
    const lookAgain = Effect.sync(() => {
      for (const all of waiters.values()) for (const waiter of all) waiter.lookAgain()
    })
    const ticker = Effect.forever(Effect.zipRight(Effect.sleep(LOOK_AGAIN), lookAgain))
    if (!options.log.watchesAll) yield* Effect.forkScoped(ticker)
    return { ...options, waiters }
  })

// ---- starting ----

export interface StartOptions {
  /** The run's id; taken as long as the store keeps the run, closed or not. By default a fresh one. */
  readonly id?: string
  /** Business key; at most one open run of a workflow has it. */
  readonly key?: string
  /** What to do when the id, or the key of an open run, is taken. Default: `fail`. */
  readonly onConflict?: "fail" | "use_existing" | "terminate_existing"
  /** How long the run stays pending before it begins. */
  readonly delay?: Duration.DurationInput
  /** Longest time from its beginning; then it is cancelled with cleanup and fails with `RunTimedOut`. */
  readonly timeout?: Duration.DurationInput
}

export interface Handle<A, E> {
  readonly runId: string
  /** Whether the run was there before (`use_existing`). */
  readonly existed: boolean
  /** Waits for the end: the output, the workflow's typed error, or how else it ended. */
  readonly result: Effect.Effect<A, E | StepError | Ended, Client>
}

/** The ways for a run to end, or not to be found, that are no typed error of its workflow. */
export type Ended =
  | RunFailed
  | RunTimedOut
  | RunCancelled
  | RunTerminated
  | RunNotFound
  | PayloadInvalid
  | HistoryDamaged
  | LogError

export type StartError = RunExists | WorkflowUnknown | PayloadInvalid | PayloadTooLarge | NameInvalid | LogError

/** Starts a run; when this succeeds, the run exists and will reach an end. */
export const start = <Input, A, E, R>(
  workflow: Workflow<Input, A, E, R>,
  input: Input,
  options: StartOptions = {}
): Effect.Effect<Handle<A, E>, StartError, Client> =>
  Effect.gen(function*() {
    const client = yield* Client
    const encoded = yield* encode(client, workflow.input, input, `input of workflow "${workflow.name}"`)
    return yield* startEncoded<A, E>(client, workflow, encoded, options)
  })

/** Starts a registered workflow by name with JSON input, as a server does. */
export const startByName = (
  name: string,
  input: Json | undefined,
  options: StartOptions = {}
): Effect.Effect<Handle<unknown, unknown>, StartError, Client> =>
  Effect.gen(function*() {
    const client = yield* Client
    const workflow = Registry.newest(client.registry, name)
    if (workflow._tag === "WorkflowUnknown") return yield* workflow
    yield* workflow.input.decode(input, `input of workflow "${name}"`)
    yield* checkSize(client, input, `input of workflow "${name}"`)
    return yield* startEncoded(client, workflow, input, options)
  })

/** Starts a run and waits for its result. */
export const execute = <Input, A, E, R>(
  workflow: Workflow<Input, A, E, R>,
  input: Input,
  options: StartOptions = {}
): Effect.Effect<A, E | StepError | StartError | Ended, Client> =>
  Effect.gen(function*() {
    const client = yield* Client
    const runId = options.id ?? client.newId()
    let begun = false
    // Whoever listens before the start need not ask the store whether the run has ended meanwhile.
    const look = Effect.suspend((): Effect.Effect<Closing | Handle<A, E> | undefined, StartError | RunNotFound | HistoryDamaged> => {
      if (begun) return closingOf(client, runId)
      begun = true
      const started = Effect.provideService(start(workflow, input, { ...options, id: runId }), Client, client)
      return Effect.map(started, (handle) => (handle.existed ? handle : undefined))
    })
    const end = yield* watching<Closing | Handle<A, E>, StartError | RunNotFound | HistoryDamaged>(client, runId, closingIn, look)
    return yield* "_tag" in end ? outcomeOf<A, E>(workflow, runId, end) : end.result
  })

const startEncoded = <A, E>(
  client: ClientShape,
  workflow: Any,
  input: Json | undefined,
  options: StartOptions
): Effect.Effect<Handle<A, E>, StartError> =>
  Effect.gen(function*() {
    const registered = Registry.newest(client.registry, workflow.name)
    if (registered._tag === "WorkflowUnknown") return yield* registered
    if (options.id !== undefined) yield* checkName(client, "run id", options.id)
    if (options.key !== undefined) yield* checkName(client, "key", options.key)
    const trace = yield* currentTrace
    for (;;) {
      const now = yield* Clock.currentTimeMillis
      const request = startRequest(client, workflow, input, options, now, trace)
      const appended = yield* client.local !== undefined && request.startAt === undefined
        ? client.local.start(request)
        : startRemotely(client, request)
      if (appended._tag === "Committed") return handleOf<A, E>(workflow, request.runId, false)
      if (appended._tag !== "Exists") return yield* Effect.dieMessage(`a start was answered with ${appended._tag}`)
      if (options.onConflict === "use_existing") return handleOf<A, E>(workflow, appended.existing.runId, true)
      // An id stays taken for ever; only a business key becomes free when its run ends.
      if (options.onConflict !== "terminate_existing" || appended.by === "id") return yield* taken(appended, request)
      yield* terminateExisting(client, appended.existing.runId)
    }
  })

const terminateExisting = (client: ClientShape, runId: string): Effect.Effect<void, LogError> =>
  Effect.gen(function*() {
    const message: Message.Message = {
      _tag: "Terminate",
      messageId: client.newId(),
      reason: "replaced by a new run",
      by: "terminate_existing"
    }
    yield* Effect.ignore(client.log.send(runId, message))
    yield* Effect.ignore(awaitClosed(client, runId))
  })

const taken = (appended: Appended & { readonly _tag: "Exists" }, request: StartRequest): RunExists =>
  new RunExists({
    by: appended.by,
    value: appended.by === "id" ? request.runId : request.key ?? "",
    runId: appended.existing.runId,
    status: appended.existing.status
  })

const startRequest = (
  client: ClientShape,
  workflow: Any,
  input: Json | undefined,
  options: StartOptions,
  now: number,
  trace: TraceContext | undefined
): StartRequest => {
  const delayMillis = options.delay === undefined ? 0 : Duration.toMillis(options.delay)
  return {
    runId: options.id ?? client.newId(),
    workflow: workflow.name,
    version: workflow.version,
    key: options.key,
    createdAt: now,
    startAt: delayMillis > 0 ? now + delayMillis : undefined,
    message: {
      _tag: "Start",
      messageId: "start",
      seed: client.newId(),
      ...(input === undefined ? {} : { input }),
      ...(options.timeout === undefined ? {} : { timeoutMillis: Duration.toMillis(options.timeout) }),
      ...(trace === undefined ? {} : { trace })
    }
  }
}

const startRemotely = (client: ClientShape, start: StartRequest): Effect.Effect<Appended, LogError> =>
  Effect.map(
    client.log.append([{
      runId: start.runId,
      epoch: client.log.epoch,
      expectedSeq: 0,
      events: [],
      delivered: [],
      row: undefined,
      start
    }]),
    (answers) => answers[0]!
  )

const currentTrace: Effect.Effect<TraceContext | undefined> = Effect.map(
  Effect.option(Effect.currentParentSpan),
  Option.match({
    onNone: () => undefined,
    onSome: ({ sampled, spanId, traceId }) => ({ traceId, spanId, sampled })
  })
)

const handleOf = <A, E>(workflow: Any, runId: string, existed: boolean): Handle<A, E> => ({
  runId,
  existed,
  result: result<A, E>(workflow, runId)
})

// ---- results ----

/** Waits until a run has ended, and answers its typed outcome. */
export const result = <A, E>(
  workflow: Workflow<any, A, E, any>,
  runId: string
): Effect.Effect<A, E | StepError | Ended, Client> =>
  Effect.gen(function*() {
    const client = yield* Client
    const closing = yield* awaitClosed(client, runId)
    return yield* outcomeOf<A, E>(workflow, runId, closing)
  })

/** The event that closed a run, waiting for it if need be. */
const awaitClosed = (
  client: ClientShape,
  runId: string
): Effect.Effect<Closing, RunNotFound | LogError | HistoryDamaged> =>
  watching(client, runId, closingIn, closingOf(client, runId))

const closingIn = (change: Change): Closing | undefined => (change._tag === "Closed" ? change.event : undefined)

const closingOf = (client: ClientShape, runId: string) =>
  Effect.gen(function*() {
    const summary = yield* describeWith(client, runId)
    if (!Run.isClosed(summary.status)) return undefined
    const [last] = yield* client.log.read(runId, summary.eventCount - 1, 1)
    return last?.event as Closing | undefined
  })

/**
 * The first news that `pick` takes, from a look at the store or from a change told after it. Looks again whenever the
 * client's ticker says so, because another process may be the one that commits.
 */
const watching = <A, E>(
  client: ClientShape,
  runId: string,
  pick: (change: Change) => A | undefined,
  look: Effect.Effect<A | undefined, E>
): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    let news: A | undefined
    let wake: () => void = () => {}
    const waiter: Waiter = {
      tell: (change) => {
        news ??= pick(change)
        if (news !== undefined) wake()
      },
      lookAgain: () => wake()
    }
    const woken = Effect.async<void>((resume) => {
      wake = () => resume(Effect.void)
      if (news !== undefined) wake()
    })
    const settled: Effect.Effect<A, E> = Effect.suspend(() =>
      news !== undefined ? Effect.succeed(news) : Effect.flatMap(look, (seen) => {
        const found = news ?? seen
        return found === undefined ? Effect.zipRight(woken, settled) : Effect.succeed(found)
      })
    )
    attend(client.waiters, runId, waiter)
    return Effect.onExit(settled, () => Effect.sync(() => leave(client.waiters, runId, waiter)))
  })

const attend = (waiters: Waiters, runId: string, waiter: Waiter): void => {
  const all = waiters.get(runId)
  if (all === undefined) waiters.set(runId, new Set([waiter]))
  else all.add(waiter)
}

const leave = (waiters: Waiters, runId: string, waiter: Waiter): void => {
  const all = waiters.get(runId)
  all?.delete(waiter)
  if (all?.size === 0) waiters.delete(runId)
}

const outcomeOf = <A, E>(workflow: Any, runId: string, closing: Closing): Effect.Effect<A, E | StepError | Ended> => {
  switch (closing._tag) {
    case "RunCompleted":
      return workflow.output.decode(closing.output, `output of run "${runId}"`) as Either.Either<A, PayloadInvalid>
    case "RunFailed":
      return failed(workflow, runId, closing.failure)
    case "RunCancelled":
      return Effect.fail(new RunCancelled({ runId, reason: closing.reason, by: closing.by }))
    case "RunTerminated":
      return Effect.fail(new RunTerminated({ runId, reason: closing.reason, by: closing.by }))
  }
}

const failed = <E>(workflow: Any, runId: string, failure: Failure): Effect.Effect<never, E | StepError | Ended> => {
  switch (failure._tag) {
    case "Error":
      return Effect.flatMap(
        workflow.error.decode(failure.error, `error of run "${runId}"`) as Either.Either<E, PayloadInvalid>,
        Effect.fail
      )
    case "Defect":
      return Effect.fail(
        new RunFailed({ runId, name: failure.name, detail: failure.message, stack: failure.stack })
      )
    case "TimedOut":
      return Effect.fail(new RunTimedOut({ runId, millis: failure.millis }))
    case "Unencodable":
    case "OutcomeUnknown":
    case "Interrupted":
      return Effect.fail(new RunFailed({ runId, name: failure._tag, detail: "message" in failure ? failure.message : "" }))
  }
}

/** A run as the store lists it. */
export const describe = (runId: string): Effect.Effect<RunSummary, RunNotFound | LogError, Client> =>
  Effect.flatMap(Client, (client) => describeWith(client, runId))

const describeWith = (client: ClientShape, runId: string): Effect.Effect<RunSummary, RunNotFound | LogError> =>
  Effect.flatMap(client.log.find({ runIds: [runId], limit: 1 }), ([summary]) =>
    summary === undefined ? Effect.fail(new RunNotFound({ runId })) : Effect.succeed(summary))

/** The runs that a filter selects, newest first. */
export const list = (filter: RunFilter): Effect.Effect<ReadonlyArray<RunSummary>, LogError, Client> =>
  Effect.flatMap(Client, (client) => client.log.find(filter))

/** A run's events in order, read in pages. */
export const history = (
  runId: string
): Effect.Effect<ReadonlyArray<Event>, RunNotFound | LogError | HistoryDamaged, Client> =>
  Effect.gen(function*() {
    const client = yield* Client
    yield* describeWith(client, runId)
    const events: Array<Event> = []
    for (;;) {
      const page = yield* client.log.read(runId, events.length, client.limits.pageEventCount)
      for (const { event } of page) events.push(event)
      if (page.length < client.limits.pageEventCount) return events
    }
  })

// ---- messages ----

export interface SendOptions {
  /** Makes the message idempotent: a second one with this id for the same run is dropped. */
  readonly messageId?: string
  /** Who sends it; recorded. */
  readonly by?: string
}

type SendError = RunNotFound | RunClosed | NameInvalid | LogError

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
    yield* send(client, runId, options, (common) => ({
      _tag: "Signal",
      ...common,
      name: message.name,
      ...(encoded === undefined ? {} : { payload: encoded })
    }))
  })

/** Asks the run to stop: its cleanup runs durably, then it ends as `cancelled`. */
export const cancel = (
  runId: string,
  options: SendOptions & { readonly reason?: string } = {}
): Effect.Effect<void, SendError, Client> =>
  Effect.flatMap(Client, (client) =>
    send(client, runId, options, (common) => ({ _tag: "Cancel", ...common, ...reasonOf(options) })))

/** Ends the run at once: nothing of it runs any more, its cleanup neither. */
export const terminate = (
  runId: string,
  options: SendOptions & { readonly reason?: string } = {}
): Effect.Effect<void, SendError, Client> =>
  Effect.flatMap(Client, (client) =>
    send(client, runId, options, (common) => ({ _tag: "Terminate", ...common, ...reasonOf(options) })))

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
    const run = yield* describeWith(client, runId)
    if (client.local === undefined) return yield* new WorkerMissing({ operation: "query" })
    const encoded = yield* encode(client, message.input, input, `input of query "${message.name}"`)
    const answer = yield* client.local.query(run, message.name, encoded)
    return yield* message.output.decode(answer, `answer of query "${message.name}"`)
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
    const messageId = options.messageId ?? client.newId()
    const sent = send(client, runId, { ...options, messageId }, (common) => ({
      _tag: "Update",
      ...common,
      name: message.name,
      ...(encoded === undefined ? {} : { input: encoded })
    }))
    let first = true
    const look = Effect.suspend(() => {
      const ask = first ? sent : Effect.void
      first = false
      return Effect.zipRight(ask, answered(client, runId, messageId))
    })
    const answer = yield* watching(client, runId, (change) => answerIn(change, messageId), look)
    return yield* decodeAnswer(message, runId, answer)
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
    const events = yield* Effect.provideService(history(runId), Client, client)
    const found = answerAmong(events, messageId)
    if (found !== undefined) return found
    const summary = yield* describeWith(client, runId)
    return Run.isClosed(summary.status) ? { _tag: "Closed", status: summary.status } as Answer : undefined
  })

const decodeAnswer = <Input, A, E>(message: Update<Input, A, E>, runId: string, answer: Answer) => {
  switch (answer._tag) {
    case "Completed":
      return message.output.decode(answer.output, `answer of update "${message.name}"`)
    case "Rejected":
      return Effect.fail(new UpdateRejected({ runId, update: message.name, reason: String(answer.reason) }))
    case "Closed":
      return Effect.fail(new RunClosed({ runId, status: answer.status }))
    case "Failed":
      return answer.failure._tag === "Error"
        ? Effect.flatMap(message.error.decode(answer.failure.error, `error of update "${message.name}"`), Effect.fail)
        : Effect.fail(new UpdateFailed({ runId, update: message.name, detail: detailOf(answer.failure) }))
  }
}

const detailOf = (failure: Failure): string =>
  failure._tag === "Defect" ? `${failure.name}: ${failure.message}` : "message" in failure ? failure.message : failure._tag

// ---- awakeables ----

/** Resolves an awakeable with a value (JSON that fits its schema). The first settlement counts. */
export const resolveAwakeable = (token: string, value?: Json, options: SendOptions = {}) =>
  settle(token, value === undefined ? { _tag: "Resolved" } : { _tag: "Resolved", value }, options)

/** Rejects an awakeable with an error (JSON that fits its schema). The first settlement counts. */
export const rejectAwakeable = (token: string, error?: Json, options: SendOptions = {}) =>
  settle(token, error === undefined ? { _tag: "Rejected" } : { _tag: "Rejected", error }, options)

const settle = (
  token: string,
  settlement: Settlement,
  options: SendOptions
): Effect.Effect<
  void,
  AwakeableUnknown | AwakeableAlreadySettled | RunClosed | PayloadInvalid | PayloadTooLarge | HistoryDamaged | LogError,
  Client
> =>
  Effect.gen(function*() {
    const client = yield* Client
    yield* checkSize(client, settlement._tag === "Resolved" ? settlement.value : settlement.error, "settlement")
    const unknown = new AwakeableUnknown({ token })
    const runId = Token.runIdOf(token)
    if (runId === undefined) return yield* unknown
    const events = yield* Effect.catchTag(history(runId), "RunNotFound", () => Effect.fail(unknown))
    const created = events.find((event) => event._tag === "AwakeableCreated" && event.token === token)
    if (created?._tag !== "AwakeableCreated") return yield* unknown
    const by = options.by === undefined ? {} : { by: options.by }
    // The token is the message id: whoever comes second is told so.
    const message: Message.Message = { _tag: "SettleAwakeable", messageId: token, ...by, id: created.id, settlement }
    yield* Effect.catchTag(checkAccepted(client, runId, message), "RunNotFound", () => Effect.fail(unknown))
    const sent = yield* Effect.catchTag(client.log.send(runId, message), "RunNotFound", () => Effect.fail(unknown))
    if (sent === "Duplicate") return yield* new AwakeableAlreadySettled({ token })
  })

// ---- checks ----

const send = (
  client: ClientShape,
  runId: string,
  options: SendOptions,
  build: (common: { readonly messageId: string; readonly by?: string }) => Message.Message
): Effect.Effect<void, SendError> =>
  Effect.gen(function*() {
    if (options.messageId !== undefined) yield* checkName(client, "message id", options.messageId)
    const by = options.by === undefined ? {} : { by: options.by }
    yield* client.log.send(runId, build({ messageId: options.messageId ?? client.newId(), ...by }))
  })

const encode = <A>(client: ClientShape, codec: Codec<A>, value: A, what: string) =>
  Effect.tap(codec.encode(value, what), (json) => checkSize(client, json, what))

const checkSize = (client: ClientShape, json: Json | undefined, what: string): Effect.Effect<void, PayloadTooLarge> => {
  const bytesMax = client.limits.payloadBytesMax
  const bytes = sizeOf(json, bytesMax)
  return bytes > bytesMax ? Effect.fail(new PayloadTooLarge({ what, bytes, bytesMax })) : Effect.void
}

/** Control characters, except the space, would make ids and keys unreadable in logs and URLs. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/

const checkName = (client: ClientShape, what: string, value: string): Effect.Effect<void, NameInvalid> => {
  if (value === "") return Effect.fail(new NameInvalid({ what, value, detail: "is empty" }))
  if (value.length > client.limits.nameCharsMax) {
    return Effect.fail(new NameInvalid({ what, value, detail: `has more than ${client.limits.nameCharsMax} characters` }))
  }
  return CONTROL.test(value)
    ? Effect.fail(new NameInvalid({ what, value, detail: "holds a control character" }))
    : Effect.void
}

/** What an outsider sends must fit the program's schemas, as far as a worker in this process can say. */
const checkAccepted = (
  client: ClientShape,
  runId: string,
  message: Message.Message
): Effect.Effect<void, PayloadInvalid | RunNotFound | LogError> =>
  Effect.gen(function*() {
    if (client.local === undefined) return
    const refusal = yield* client.local.refusal(yield* describeWith(client, runId), message)
    if (refusal !== undefined) return yield* refusal
  })

/** A workflow that lists its messages takes no others. */
const checkDeclared = (
  client: ClientShape,
  runId: string,
  message: AnyMessage
): Effect.Effect<void, MessageUnknown | RunNotFound | LogError> =>
  Effect.gen(function*() {
    const someDeclare = [...client.registry.byName.values()].some((versions) => versions.some((w) => w.messages.length > 0))
    if (!someDeclare) return
    const run = yield* describeWith(client, runId)
    const workflow = Registry.forRun(client.registry, run.workflow, run.version)
    if (workflow._tag === "WorkflowUnknown" || workflow.messages.length === 0) return
    const alike = workflow.messages.filter((other) => other._tag === message._tag).map((other) => other.name)
    if (alike.includes(message.name)) return
    const kind = message._tag === "Signal" ? "signal" : message._tag === "Query" ? "query" : "update"
    return yield* new MessageUnknown({ kind, name: message.name, workflow: run.workflow, known: alike })
  })
