/** What must compile: the counterpart of bad/. It is never run; the type check of the repository covers it. */
import { type Json, Query, Signal, Step, Update, Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"

export const payload: Json = { order: ["a", 1, true, null] }

/** Messages of every sort can be declared, also an update that cannot fail. */
const messages = [
  Signal.make("go"),
  Query.make("total", { output: Schema.Number }),
  Update.make("add", { input: Schema.Number }),
  Update.make("add within limits", { input: Schema.Number, output: Schema.Number, error: Schema.String })
]
export const withMessages = Workflow.make("with messages", { messages }, () => Effect.void)

class Busy extends Schema.TaggedError<Busy>()("Busy", {}) {}
class Down extends Schema.TaggedError<Down>()("Down", {}) {}

/** A schema may be wider than what it encodes: a read-only list for a list, several errors for one of them. */
const dates: Effect.Effect<Array<Date>, Busy> = Effect.succeed([])
export const wider: Effect.Effect<ReadonlyArray<Date>, Busy, unknown> = Step.run("dates", dates, {
  output: Schema.Array(Schema.DateFromString),
  error: Schema.Union(Busy, Down),
  nonRetryable: ["Busy"]
})
