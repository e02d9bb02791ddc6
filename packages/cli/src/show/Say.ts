/** Prints the result of a command: as JSON, in the form in which a server answers it, or as text. */
import { Console, Effect, Schema } from "effect"

interface Route {
  readonly answer: Schema.Schema.AnyNoContext
}

/** What the text of a result is made of may depend on the terminal. */
export type Text = string | Effect.Effect<string>

export const json = (value: unknown): Effect.Effect<void> => Console.log(JSON.stringify(value, undefined, 2) ?? "null")

/** JSON on one line. */
export const line = (value: unknown): Effect.Effect<void> => Console.log(JSON.stringify(value))

/** An empty text prints nothing. */
export const text = (what: Text): Effect.Effect<void> =>
  Effect.flatMap(typeof what === "string" ? Effect.succeed(what) : what, (said) => said === "" ? Effect.void : Console.log(said))

/** What a route has answered. */
export const answer = <R extends Route>(
  asJson: boolean,
  route: R,
  value: Schema.Schema.Type<R["answer"]>,
  what: Text
): Effect.Effect<void> =>
  asJson ? json(Schema.encodeUnknownSync(route.answer)(value)) : text(what)
