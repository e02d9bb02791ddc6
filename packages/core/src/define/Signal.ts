/**
 * A typed message to a run. Signals are buffered before anyone waits for them, deduplicated by message id, and received
 * in the order in which they reached the log; a second signal of one name waits for the second `receive`.
 */
import { Effect, Either, Option, type Schema, Stream } from "effect"
import { RunClosed, RunNotFound } from "../model/Errors.js"
import type { Json } from "../model/Json.js"
import { type Codec, codec } from "../model/Payload.js"
import { type Line, lineOf } from "../model/Source.js"
import { Activation } from "./Activation.js"

export interface Signal<A> {
  readonly _tag: "Signal"
  readonly name: string
  readonly payload: Codec<A>
  /** Takes the next signal, waiting for one if there is none. */
  readonly receive: Effect.Effect<A, never, Activation>
  /** Takes the next signal if one has arrived. */
  readonly poll: Effect.Effect<Option.Option<A>, never, Activation>
  /** Every signal of this name, one after another, without end. */
  readonly stream: Stream.Stream<A, never, Activation>
  /** Sends the signal from this run to another one, once. When this succeeds, it will reach that run's history. */
  readonly send: (runId: string, payload: A) => Effect.Effect<void, RunNotFound | RunClosed, Activation>
}

/** Declares a signal. Without a payload schema it carries nothing. */
export const make = <A = void>(name: string, options: { readonly payload?: Schema.Schema<A, any> } = {}): Signal<A> => {
  const payload = codec<A>(options.payload)
  const receive = Effect.flatMap(Activation, (activation) =>
    Effect.flatMap(activation.perform<"ReceiveSignal">({ _tag: "ReceiveSignal", name }), (json) => decode(payload, json, name)))
  const poll = Effect.flatMap(Activation, (activation) =>
    Effect.flatMap(activation.perform<"PollSignal">({ _tag: "PollSignal", name }), (found) =>
      Option.isSome(found) ? Effect.asSome(decode(payload, found.value, name)) : Effect.succeedNone))
  const send: Signal<A>["send"] = (runId, value) => sendTo(runId, name, payload, value, lineOf(send))
  return { _tag: "Signal", name, payload, receive, poll, stream: Stream.repeatEffect(receive), send }
}

const sendTo = <A>(
  runId: string,
  name: string,
  payload: Codec<A>,
  value: A,
  source: Line | undefined
): Effect.Effect<void, RunNotFound | RunClosed, Activation> =>
  Effect.gen(function*() {
    const activation = yield* Activation
    const encoded = payload.encode(value, `payload of signal "${name}"`)
    if (Either.isLeft(encoded)) return yield* Effect.die(encoded.left)
    const request = { _tag: "SendSignal", runId, name, payload: encoded.right, source } as const
    const answer = yield* activation.perform<"SendSignal">(request)
    if (answer._tag === "Delivered") return
    if (answer.status === undefined) return yield* new RunNotFound({ runId: answer.runId })
    return yield* new RunClosed({ runId: answer.runId, status: answer.status })
  })

const decode = <A>(payload: Codec<A>, json: Json | undefined, name: string): Effect.Effect<A> => {
  const result = payload.decode(json, `payload of signal "${name}"`)
  return Either.isRight(result) ? Effect.succeed(result.right) : Effect.die(result.left)
}
