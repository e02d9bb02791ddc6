// expect: the workflow cannot continue as new with this: it is not its input
import { Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"

export const Count = Workflow.make("count", { input: Schema.Number }, (n) =>
  n < 9 ? Workflow.continueAsNew(`${n}`) : Effect.void) // <- here
