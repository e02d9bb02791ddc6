/** What must compile: the counterpart of bad/. It is never run; the type check of the repository covers it. */
import { type Json, Query, Signal, Update, Workflow } from "@reprise/core"
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
