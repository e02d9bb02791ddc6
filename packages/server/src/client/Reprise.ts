/** A client of one server, typed by the workflows that it is given. Promises and async iterables; needs `fetch` and no more. */
import type { Signal, Workflow } from "@reprise/core"
import { Duration } from "effect"
import { RecordedEvent, type Run } from "../api/Model.js"
import type * as Route from "../api/Route.js"
import { ROUTES, type Routes } from "../api/Routes.js"
import * as Call from "./Call.js"
import * as Follow from "./Follow.js"
import * as Handle from "./Handle.js"
import * as Results from "./Results.js"
import * as Retry from "./Retry.js"
import * as Talk from "./Talk.js"

export interface Options extends Omit<Call.Options, "baseUrl"> {
  /** Where the server is: `https://reprise.example.com`, with or without a path. */
  readonly url: string
}

export interface StartOptions extends Talk.CallOptions {
  /** The run's id; taken as long as the store keeps the run, closed or not. By default a fresh one. */
  readonly id?: string
  /** Business key; at most one open run of a workflow has it. */
  readonly key?: string
  /** What to do when the id, or the key of an open run, is taken. Default: `fail`. Only a run of this workflow is used. */
  readonly onConflict?: "fail" | "use_existing" | "terminate_existing"
  /** The run stays pending until then. */
  readonly startAt?: Date
  /** Longest time from its beginning; then it is cancelled with cleanup and fails with `RunTimedOut`. */
  readonly timeout?: Duration.DurationInput
  /** Starts with one key, by whatever process, make one run. By default a fresh one, which covers the tries of this call. */
  readonly idempotencyKey?: string
}

export interface Started<A, E> extends Handle.Handle<A, E> {
  /** Whether the run was there before (`use_existing`), or was started by an earlier request with the same idempotency key. */
  readonly existed: boolean
}

/** The open run of a workflow that has a business key, whichever that is at the moment of each call. */
export interface Keyed extends Talk.Talk {
  readonly workflow: string
  readonly key: string
}

/** Which runs; all conditions hold at once. */
export type ListFilter = Omit<Route.QueryOf<Routes["listRuns"]>, "cursor" | "total">

/** Whose events, and of which types. */
export type FollowFilter = Omit<Route.QueryOf<Routes["followRuns"]>, "after" | "limit" | "follow">

export interface FollowOptions extends Talk.CallOptions {
  /** Events after this position of the log; `end` leaves out what is there. Default: 0. */
  readonly after?: number | "end"
}

export interface Client extends Call.Call {
  /** Starts a run; when this resolves, the run exists and will reach an end. */
  readonly start: <Input, A, E>(
    workflow: Workflow.Workflow<Input, A, E, unknown>,
    input: Input,
    options?: StartOptions
  ) => Promise<Started<A, E>>
  /** Starts a run, or takes the open one that has the id or key, and sends it a signal: both or neither. */
  readonly signalWithStart: <Input, A, E, Payload>(
    workflow: Workflow.Workflow<Input, A, E, unknown>,
    input: Input,
    send: Sent<Payload>,
    options?: StartOptions
  ) => Promise<Started<A, E>>
  /** Starts a run and waits for its result. */
  readonly execute: <Input, A, E>(
    workflow: Workflow.Workflow<Input, A, E, unknown>,
    input: Input,
    options?: StartOptions
  ) => Promise<A>
  /** A run that was started before. Asks nobody: whether it is there, and of this workflow, shows when it is used. */
  readonly handle: <A, E>(workflow: Results.Ending<A, E>, runId: string) => Handle.Handle<A, E>
  /** The open run of a workflow that has a key. */
  readonly byKey: (workflow: Workflow.Any, key: string) => Keyed
  /** The runs that a filter selects, newest first, read page by page as they are taken. */
  readonly list: (filter?: ListFilter, options?: Talk.CallOptions) => AsyncIterable<Run>
  /** The events of all runs that a filter selects, in the order of the log, and what comes, without end. */
  readonly follow: (filter?: FollowFilter, options?: FollowOptions) => AsyncIterable<RecordedEvent>
}

/** A signal with its payload. */
export interface Sent<Payload> {
  readonly message: Signal.Signal<Payload>
  readonly payload: Payload
  readonly messageId?: string
}

/** Nothing is sent before something is asked. */
export const connect = ({ url, ...options }: Options): Client => {
  const call = Call.make({ ...options, baseUrl: url })
  const connection: Results.Connection = { call, policy: { ...Retry.DEFAULTS, ...options.retries } }
  return {
    ...call,
    start: (workflow, input, startOptions) => start(connection, workflow, input, startOptions),
    signalWithStart: (workflow, input, sent, startOptions) => start(connection, workflow, input, startOptions, sent),
    execute: (workflow, input, startOptions) => execute(connection, workflow, input, startOptions),
    handle: (workflow, runId) => Handle.make(connection, workflow, runId),
    byKey: ({ name }, key) => ({ ...Talk.make(call, { workflow: name, key }), workflow: name, key }),
    list: (filter, callOptions) => list(call, filter, callOptions),
    follow: (filter, followOptions) => follow(connection, filter, followOptions)
  }
}

/** The body and the headers of a start. */
const startOf = <Input>(
  { input: codec, name: workflow }: Workflow.Workflow<Input, unknown, unknown, unknown>,
  value: Input,
  { abortSignal, id, idempotencyKey, key, onConflict, startAt, timeout }: StartOptions
) => ({
  body: {
    workflow,
    input: Results.orThrow(codec.encode(value, `input of workflow "${workflow}"`)),
    id,
    key,
    onConflict,
    startAt: startAt?.getTime(),
    timeoutMillis: boundOf(timeout)
  },
  headers: { "Idempotency-Key": idempotencyKey },
  signal: abortSignal
})

/** JSON has no infinity: what is unbounded has no bound. */
const boundOf = (timeout: Duration.DurationInput = Infinity): number | undefined => {
  const millis = Math.ceil(Duration.toMillis(timeout))
  return millis === Infinity ? undefined : millis
}

const signalOf = <Payload>({ message, messageId, payload }: Sent<Payload>) => ({
  name: message.name,
  payload: Results.orThrow(message.payload.encode(payload, `payload of signal "${message.name}"`)),
  messageId
})

const start = async <Input, A, E, Payload>(
  connection: Results.Connection,
  workflow: Workflow.Workflow<Input, A, E, unknown>,
  input: Input,
  options: StartOptions = {},
  sent?: Sent<Payload>
): Promise<Started<A, E>> => {
  const given = startOf(workflow, input, options)
  const signal = sent === undefined ? undefined : signalOf(sent)
  const { existed, runId } = await connection.call.call(ROUTES.startRun, { ...given, body: { ...given.body, signal } })
  return { ...Handle.make(connection, workflow, runId), existed }
}

/** The answer of the start may hold the end already, which saves a request. */
const execute = async <Input, A, E>(
  connection: Results.Connection,
  workflow: Workflow.Workflow<Input, A, E, unknown>,
  input: Input,
  options: StartOptions = {}
): Promise<A> => {
  const given = startOf(workflow, input, options)
  const headers = { ...given.headers, Prefer: `wait=${Results.WAIT_SECONDS}` }
  const { outcome, runId } = await connection.call.call(ROUTES.startRun, { ...given, headers })
  const end = outcome === undefined ? undefined : Results.endIn(outcome)
  const awaited = end ?? await Results.awaitEnd(connection, runId, options.abortSignal)
  return Results.orThrow(Results.outcomeOf(workflow, runId, awaited))
}

async function* list({ call }: Call.Call, filter: ListFilter = {}, { abortSignal }: Talk.CallOptions = {}): AsyncGenerator<Run, void> {
  for (let cursor: string | undefined;;) {
    const page = await call(ROUTES.listRuns, { query: { ...filter, cursor }, signal: abortSignal })
    yield* page.items
    if (page.nextCursor === undefined) return
    cursor = page.nextCursor
  }
}

const follow = (
  { call, policy }: Results.Connection,
  filter: FollowFilter = {},
  { abortSignal, after }: FollowOptions = {}
): AsyncIterable<RecordedEvent> =>
  Follow.follow({
    name: "the events of all runs",
    policy,
    open: (last) =>
      call.open(ROUTES.followRuns, Follow.CONTENT_TYPE, {
        query: { ...filter, after },
        headers: { "Last-Event-ID": last },
        signal: abortSignal,
        isPatient: true
      }),
    item: RecordedEvent,
    positionOf: ({ position = 0 }) => position,
    signal: abortSignal
  })
