/** Starting runs. */
import { Clock, type Duration, Effect, Option } from "effect"
import * as Bound from "../define/Bound.js"
import type { Signal } from "../define/Signal.js"
import type { Any, EngineError, Workflow } from "../define/Workflow.js"
import * as Registry from "../engine/Registry.js"
import {
  type HistoryDamaged,
  type LogError,
  type MessageUnknown,
  type NameInvalid,
  PayloadInvalid,
  type PayloadTooLarge,
  RunExists,
  type RunNotFound,
  type WorkflowUnknown
} from "../model/Errors.js"
import type { Closing, TraceContext } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import type * as Message from "../model/Message.js"
import * as MessageId from "../model/MessageId.js"
import { codec } from "../model/Payload.js"
import type { Appended, StartRequest } from "../ports/Log.js"
import { checkedSignal } from "./ByName.js"
import { checkMessageId, checkName, declaredBy, encode } from "./Checks.js"
import { awaitClosed, closingIn, closingOf, type Ended, outcomeOf, result } from "./Results.js"
import { Client, type ClientShape } from "./Shape.js"
import { watching } from "./Watch.js"

export interface StartOptions {
  /** The run's id; taken as long as the store keeps the run, closed or not. By default a fresh one. */
  readonly id?: string
  /** Business key; at most one open run of a workflow has it. */
  readonly key?: string
  /** What to do when the id, or the key of an open run, is taken. Default: `fail`. Only a run of this workflow is used. */
  readonly onConflict?: "fail" | "use_existing" | "terminate_existing"
  /** How long the run stays pending before it begins. */
  readonly delay?: Duration.DurationInput
  /** The instant at which it begins, in epoch milliseconds, instead of a delay; one that has passed is now. */
  readonly startAt?: number
  /** Longest time from its beginning; then it is cancelled with cleanup and fails with `RunTimedOut`. */
  readonly timeout?: Duration.DurationInput
  /**
   * A signal that the run gets in the transaction that starts it; with `use_existing`, which is then the default for
   * `onConflict`, the run that is there gets it.
   */
  readonly signal?: StartSignal
}

/** A signal that is sent with a start. */
export interface StartSignal {
  readonly name: string
  readonly payload?: Json | undefined
  readonly messageId?: string
}

export interface Handle<A, E> {
  readonly runId: string
  /** Whether the run was there before (`use_existing`). */
  readonly existed: boolean
  /** Waits for the end: the output, the workflow's typed error, or how else it ended. */
  readonly result: Effect.Effect<A, E | EngineError | Ended, Client>
}

export type StartError =
  | RunExists
  | WorkflowUnknown
  | MessageUnknown
  | PayloadInvalid
  | PayloadTooLarge
  | NameInvalid
  | LogError

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

/** Starts a run with a signal, or sends it to the run that is there (`StartOptions.signal`). */
export const signalWithStart = <Input, A, E, Payload>(
  workflow: Workflow<Input, A, E, unknown>,
  input: Input,
  signal: { readonly message: Signal<Payload>; readonly payload: Payload; readonly messageId?: string },
  options: Omit<StartOptions, "signal"> = {}
): Effect.Effect<Handle<A, E>, StartError, Client> =>
  Effect.gen(function*() {
    const client = yield* Client
    const { message: { name, payload: codec }, messageId } = signal
    const payload = yield* encode(client, codec, signal.payload, `payload of signal "${name}"`)
    return yield* start(workflow, input, { ...options, signal: { name, payload, ...(messageId === undefined ? {} : { messageId }) } })
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
    const what = `input of workflow "${name}"`
    const json = yield* encode(client, codec<Json | undefined>(), input, what)
    yield* workflow.input.decode(json, what)
    return yield* startEncoded(client, workflow, json, options)
  })

/** Starts a run and waits for its result. */
export const execute = <Input, A, E, R>(
  workflow: Workflow<Input, A, E, R>,
  input: Input,
  options: StartOptions = {}
): Effect.Effect<A, E | EngineError | StartError | Ended, Client> =>
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
    const registered = Registry.exact(client.registry, workflow.name, workflow.version)
    if (registered._tag === "WorkflowUnknown") return yield* registered
    yield* checkOptions(client, workflow, options)
    const signal = options.signal === undefined ? undefined : yield* signalOf(client, workflow, options.signal)
    const onConflict = options.onConflict ?? (signal === undefined ? "fail" : "use_existing")
    const trace = yield* currentTrace
    for (;;) {
      const now = yield* Clock.currentTimeMillis
      const request = startRequest(client, workflow, input, options, now, trace)
      const appended = yield* client.local !== undefined && request.startAt === undefined && signal === undefined
        ? client.local.start(request)
        : startRemotely(client, request, signal)
      if (appended._tag === "Committed") return handleOf<A, E>(workflow, request.runId, false)
      if (appended._tag !== "Exists") return yield* Effect.dieMessage(`a start was answered with ${appended._tag}`)
      const { by, existing } = appended
      // An id stays taken for ever; only a business key becomes free when its run ends.
      const isById = by === "id" || existing.runId === request.runId
      if (onConflict === "use_existing" && existing.workflow === workflow.name) {
        const took = signal === undefined || (yield* sendToExisting(client, existing.runId, signal))
        if (took) return handleOf<A, E>(workflow, existing.runId, true)
        if (!isById) continue
      }
      if (onConflict !== "terminate_existing" || isById) return yield* taken(appended, request)
      yield* terminateExisting(client, existing.runId)
    }
  })

const checkOptions = (client: ClientShape, workflow: Any, { delay, id, key, startAt }: StartOptions) =>
  Effect.gen(function*() {
    if (id !== undefined) yield* checkName(client, "run id", id)
    if (key !== undefined) yield* checkName(client, "key", key)
    const invalid = (field: string, detail: string) =>
      new PayloadInvalid({ what: `${field} of workflow "${workflow.name}"`, path: "", detail })
    if (delay !== undefined && Bound.millisOf(delay) === undefined) return yield* invalid("delay", "it never ends")
    if (startAt === undefined) return
    if (delay !== undefined) return yield* invalid("startAt", "it has a delay, too; give one of them")
    if (!Number.isSafeInteger(startAt)) return yield* invalid("startAt", `${startAt} is not an instant in whole milliseconds`)
  })

type SignalMessage = Message.Of<"Signal">

const signalOf = (client: ClientShape, workflow: Any, given: StartSignal) =>
  Effect.gen(function*() {
    const { messageId, name } = given
    if (messageId !== undefined) yield* checkMessageId(client, messageId)
    const payload = yield* checkedSignal(client, yield* declaredBy(workflow, "Signal", name), name, given.payload)
    const message: SignalMessage = {
      _tag: "Signal",
      messageId: messageId ?? client.newId(),
      name,
      ...(payload === undefined ? {} : { payload })
    }
    return message
  })

/** Whether the run that is there has got it; one that has closed meanwhile has not. */
const sendToExisting = (client: ClientShape, runId: string, signal: SignalMessage): Effect.Effect<boolean, LogError> =>
  Effect.matchEffect(client.log.send(runId, signal), {
    onSuccess: () => Effect.succeed(true),
    onFailure: (error) => (error._tag === "LogError" ? Effect.fail(error) : Effect.succeed(false))
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
  const startAt = options.startAt ?? now + (Bound.millisOf(options.delay ?? 0) ?? 0)
  const timeoutMillis = Bound.millisOf(options.timeout)
  return {
    runId: options.id ?? client.newId(),
    workflow: workflow.name,
    version: workflow.version,
    key: options.key,
    createdAt: now,
    startAt: startAt > now ? startAt : undefined,
    parent: undefined,
    forkedFrom: undefined,
    message: {
      _tag: "Start",
      messageId: MessageId.START,
      seed: client.newId(),
      ...(input === undefined ? {} : { input }),
      ...(timeoutMillis === undefined ? {} : { timeoutMillis }),
      ...(trace === undefined ? {} : { trace })
    }
  }
}

/** The signal goes with the start, in one transaction: both or neither. */
const startRemotely = (
  client: ClientShape,
  start: StartRequest,
  signal: SignalMessage | undefined
): Effect.Effect<Appended, LogError> =>
  Effect.map(
    client.log.append([{
      runId: start.runId,
      epoch: client.log.epoch,
      expectedSeq: 0,
      events: [],
      delivered: [],
      row: undefined,
      start,
      outgoing: signal === undefined ? [] : [{ _tag: "Send", id: "", runId: start.runId, message: signal, answered: false }]
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
