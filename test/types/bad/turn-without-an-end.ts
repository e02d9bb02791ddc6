// expect: a turn must end with Workflow.next(state) or Workflow.done(output)
import { Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"

export const Count = Workflow.loop("count", { input: Schema.Number }, (n) => Effect.succeed(n + 1)) // <- here
