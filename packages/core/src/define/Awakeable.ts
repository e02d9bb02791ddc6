/** A promise that an outsider settles by token: hand the token out in a step, then await the value. */
import { Effect, Either, type Schema } from "effect"
import type { Settlement } from "../model/Event.js"
import { type Codec, codec } from "../model/Payload.js"
import { lineOf } from "../model/Source.js"
import { Activation } from "./Activation.js"
import { refusalOf } from "./Journal.js"

export interface Awakeable<A, E> {
  /** What the outsider needs to settle it; cannot be guessed, and leads to this run. */
  readonly token: string
  /** Waits until it is settled; fails with the outsider's error when it was rejected. */
  readonly await: Effect.Effect<A, E, Activation>
}

/** Creates an awakeable. Without schemas it is settled with nothing and rejected with any JSON. */
export const make = <A = void, E = never>(
  name: string,
  options: { readonly value?: Schema.Schema<A, any>; readonly error?: Schema.Schema<E, any> } = {}
): Effect.Effect<Awakeable<A, E>, never, Activation> => {
  const value = codec<A>(options.value)
  const error = codec<E>(options.error)
  const source = lineOf(make)
  const accepts = (settlement: Settlement) =>
    settlement._tag === "Resolved"
      ? refusalOf(value, settlement.value, `value of awakeable "${name}"`)
      : refusalOf(error, settlement.error, `error of awakeable "${name}"`)
  return Effect.flatMap(Activation, (activation) =>
    Effect.map(activation.perform<"CreateAwakeable">({ _tag: "CreateAwakeable", name, source, accepts }), ({ id, token }) => ({
      token,
      await: Effect.flatMap(activation.perform<"AwaitAwakeable">({ _tag: "AwaitAwakeable", id }), (settlement) =>
        settled(settlement, value, error, name))
    })))
}

const settled = <A, E>(settlement: Settlement, value: Codec<A>, error: Codec<E>, name: string): Effect.Effect<A, E> => {
  if (settlement._tag === "Resolved") {
    const resolved = value.decode(settlement.value, `value of awakeable "${name}"`)
    return Either.isRight(resolved) ? Effect.succeed(resolved.right) : Effect.die(resolved.left)
  }
  const rejected = error.decode(settlement.error, `error of awakeable "${name}"`)
  return Either.isRight(rejected) ? Effect.fail(rejected.right) : Effect.die(rejected.left)
}
