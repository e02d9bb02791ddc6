// expect: the output is not JSON: give the workflow an `output` schema
import { Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"

export const Count = Workflow.loop("count", { input: Schema.Number }, (n) =>
  Effect.succeed(n < 9 ? Workflow.next(n + 1) : Workflow.done(new Date(n)))) // <- here
