/**
 * A request that a run answers. Its validator may refuse it, which leaves no event; once accepted, its handler runs as
 * part of the program, may run steps and wait, and its answer is recorded.
 */
import { Effect, Either, type Schema } from "effect"
import { type Codec, codec } from "../model/Payload.js"
import { Activation, type InStep, type UpdateHandler } from "./Activation.js"
import { failureOf } from "./Journal.js"

export interface Update<Input, A, E> {
  readonly _tag: "Update"
  readonly name: string
  readonly input: Codec<Input>
  readonly output: Codec<A>
  readonly error: Codec<E>
}

/** Declares an update. Without schemas it takes nothing, answers nothing and does not fail. */
export const make = <Input = void, A = void, E = never>(
  name: string,
  options: {
    readonly input?: Schema.Schema<Input, any>
    readonly output?: Schema.Schema<A, any>
    readonly error?: Schema.Schema<E, any>
  } = {}
): Update<Input, A, E> => ({
  _tag: "Update",
  name,
  input: codec(options.input),
  output: codec(options.output),
  error: codec(options.error)
})

export interface Handler<Input, A, E, R> {
  /** Fails with the reason to refuse. It must neither wait nor change anything. */
  readonly validate?: (input: Input) => Effect.Effect<void, string>
  readonly run: (input: Input) => Effect.Effect<A, E, Activation | InStep<R>>
}

/** Answers an update from now on; those that arrived before wait until here. */
export const handle = <Input, A, E, R = never>(
  update: Update<Input, A, E>,
  handler: Handler<Input, A, E, R>
): Effect.Effect<void, never, Activation | InStep<R>> =>
  Effect.flatMap(Activation, (activation) =>
    activation.perform<"HandleUpdate">({ _tag: "HandleUpdate", name: update.name, handler: encoded(update, handler) }))

const encoded = <Input, A, E, R>(update: Update<Input, A, E>, handler: Handler<Input, A, E, R>): UpdateHandler => {
  const what = `input of update "${update.name}"`
  return {
    validate: (json) => {
      const input = update.input.decode(json, what)
      if (Either.isLeft(input)) return Effect.succeed(input.left.message)
      if (handler.validate === undefined) return Effect.succeed(undefined)
      return Effect.match(handler.validate(input.right), { onSuccess: () => undefined, onFailure: (reason) => reason })
    },
    run: (json) =>
      Effect.matchCause(
        Effect.gen(function*() {
          const input = yield* Effect.orDie(update.input.decode(json, what))
          // The services of its steps are met by the worker, as for the body.
          const answer = yield* handler.run(input) as Effect.Effect<A, E, Activation>
          return yield* Effect.orDie(update.output.encode(answer, `answer of update "${update.name}"`))
        }),
        {
          onSuccess: (output) => ({ output }),
          onFailure: (cause) => ({ failure: failureOf(cause, update.error, `error of update "${update.name}"`) })
        }
      )
  }
}
