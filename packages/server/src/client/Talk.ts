/** What can be asked of a run, whether it is found by its id or by the business key that it has while it is open. */
import { type Query, type Signal, type Update } from "@reprise/core"
import { Either } from "effect"
import { ROUTES } from "../api/Routes.js"
import type { Call } from "./Call.js"
import { jsonOf, orThrow } from "./Results.js"

/** Where messages go. */
export type Address =
  | { readonly runId: string }
  | { readonly workflow: string; readonly key: string }

export interface CallOptions {
  /** Gives up; the promise is rejected with the signal's reason. */
  readonly abortSignal?: AbortSignal
}

export interface SendOptions extends CallOptions {
  /** Makes the message idempotent: a second one with this id for the same run is dropped. By default a fresh one for each call. */
  readonly messageId?: string
}

export interface AskOptions extends SendOptions {
  readonly reason?: string
}

export interface Talk {
  /** Sends a signal. When this resolves, the signal is durable and will reach the run's history. */
  readonly signal: <A>(message: Signal.Signal<A>, payload: A, options?: SendOptions) => Promise<void>
  /** Reads the run's state through its query handler. */
  readonly query: <Input, A>(message: Query.Query<Input, A>, input: Input, options?: CallOptions) => Promise<A>
  /** Sends an update and waits for its answer; rejected with the update's typed error, or what refused it. */
  readonly update: <Input, A, E>(message: Update.Update<Input, A, E>, input: Input, options?: SendOptions) => Promise<A>
  /** As `update`, with the typed error as a value. */
  readonly updateOutcome: <Input, A, E>(
    message: Update.Update<Input, A, E>,
    input: Input,
    options?: SendOptions
  ) => Promise<Either.Either<A, E>>
  /** Asks the run to stop: its cleanup runs durably, then it ends as `cancelled`. */
  readonly cancel: (options?: AskOptions) => Promise<void>
  /** Ends the run at once: nothing of it runs any more, its cleanup neither. */
  readonly terminate: (options?: AskOptions) => Promise<void>
  /** Stops the run where it stands, until it is resumed. */
  readonly pause: (options?: AskOptions) => Promise<void>
  readonly resume: (options?: AskOptions) => Promise<void>
}

export const make = (call: Call, address: Address): Talk => ({
  signal: (message, payload, options) => signal(call, address, message, payload, options),
  query: (message, input, options) => query(call, address, message, input, options),
  update: async (message, input, options) => orThrow(await updateOutcome(call, address, message, input, options)),
  updateOutcome: (message, input, options) => updateOutcome(call, address, message, input, options),
  cancel: (options) => ask(call, address, "cancel", options),
  terminate: (options) => ask(call, address, "terminate", options),
  pause: (options) => ask(call, address, "pause", options),
  resume: (options) => ask(call, address, "resume", options)
})

const signal = async <A>(
  { call }: Call,
  address: Address,
  { name, payload: codec }: Signal.Signal<A>,
  value: A,
  { abortSignal, messageId }: SendOptions = {}
): Promise<void> => {
  const payload = orThrow(codec.encode(value, `payload of signal "${name}"`))
  const given = { body: { payload, messageId }, signal: abortSignal }
  await ("runId" in address
    ? call(ROUTES.signalRun, { params: { ...address, name }, ...given })
    : call(ROUTES.signalKey, { params: { ...address, name }, ...given }))
}

const query = async <Input, A>(
  { call }: Call,
  address: Address,
  { input: codec, name, output }: Query.Query<Input, A>,
  value: Input,
  { abortSignal }: CallOptions = {}
): Promise<A> => {
  const input = orThrow(codec.encode(value, `input of query "${name}"`))
  const given = { body: { input }, signal: abortSignal }
  const answer = await ("runId" in address
    ? call(ROUTES.queryRun, { params: { ...address, name }, ...given })
    : call(ROUTES.queryKey, { params: { ...address, name }, ...given }))
  return orThrow(output.decode(jsonOf(answer.output), `answer of query "${name}"`))
}

/** An update may take its time: a connection that breaks off meanwhile asks again, under the same message id. */
const updateOutcome = async <Input, A, E>(
  { call }: Call,
  address: Address,
  { error, input: codec, name, output }: Update.Update<Input, A, E>,
  value: Input,
  { abortSignal, messageId }: SendOptions = {}
): Promise<Either.Either<A, E>> => {
  const input = orThrow(codec.encode(value, `input of update "${name}"`))
  const given = { body: { input, messageId }, signal: abortSignal, isPatient: true }
  const answer = await ("runId" in address
    ? call(ROUTES.updateRun, { params: { ...address, name }, ...given })
    : call(ROUTES.updateKey, { params: { ...address, name }, ...given }))
  return answer.status === "completed"
    ? Either.right(orThrow(output.decode(jsonOf(answer.output), `answer of update "${name}"`)))
    : Either.left(orThrow(error.decode(jsonOf(answer.error), `error of update "${name}"`)))
}

const ASKS = {
  cancel: [ROUTES.cancelRun, ROUTES.cancelKey],
  terminate: [ROUTES.terminateRun, ROUTES.terminateKey],
  pause: [ROUTES.pauseRun, ROUTES.pauseKey],
  resume: [ROUTES.resumeRun, ROUTES.resumeKey]
} as const

const ask = async (
  { call }: Call,
  address: Address,
  what: keyof typeof ASKS,
  { abortSignal, messageId, reason }: AskOptions = {}
): Promise<void> => {
  const [byId, byKey] = ASKS[what]
  const given = { body: { reason, messageId }, signal: abortSignal }
  await ("runId" in address ? call(byId, { params: address, ...given }) : call(byKey, { params: address, ...given }))
}
