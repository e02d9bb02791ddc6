/** A read-only question to a live run. It leaves no event; its handler may read state, and must neither wait nor run steps. */
import { Effect, Either, type Schema } from "effect"
import type { PayloadInvalid } from "../model/Errors.js"
import { type Codec, codec } from "../model/Payload.js"
import { Activation, type QueryHandler } from "./Activation.js"

export interface Query<Input, A> {
  readonly _tag: "Query"
  readonly name: string
  readonly input: Codec<Input>
  readonly output: Codec<A>
}

/** Declares a query. Without schemas it takes nothing and answers JSON. */
export const make = <Input = void, A = void>(
  name: string,
  options: { readonly input?: Schema.Schema<Input, any>; readonly output?: Schema.Schema<A, any> } = {}
): Query<Input, A> => ({ _tag: "Query", name, input: codec(options.input), output: codec(options.output) })

/** Answers a query from now on; a later handler for the same query replaces this one. */
export const handle = <Input, A>(
  query: Query<Input, A>,
  handler: (input: Input) => Effect.Effect<A>
): Effect.Effect<void, never, Activation> =>
  Effect.flatMap(Activation, (activation) =>
    activation.perform<"HandleQuery">({ _tag: "HandleQuery", name: query.name, handler: encoded(query, handler) }))

const encoded = <Input, A>(query: Query<Input, A>, handler: (input: Input) => Effect.Effect<A>): QueryHandler => (json) =>
  Effect.gen(function*() {
    const input = yield* Either.mapLeft(query.input.decode(json, `input of query "${query.name}"`), shown)
    const answer = yield* handler(input)
    return yield* Either.mapLeft(query.output.encode(answer, `answer of query "${query.name}"`), shown)
  })

/** In one line: the error that it becomes a part of has a hint of its own. */
const shown = ({ detail, path, what }: PayloadInvalid): string => `the ${what} does not fit${path === "" ? "" : ` at ${path}`}: ${detail}`
