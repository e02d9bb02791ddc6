// expect: this error is not listed: add it to the workflow's `error` schema, or handle it
import { Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"

export const Charge = Workflow.make("charge", { input: Schema.Number }, (amount) =>
  amount > 0 ? Effect.void : Effect.fail("declined")) // <- here
