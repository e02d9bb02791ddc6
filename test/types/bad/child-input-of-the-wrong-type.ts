// expect: not assignable to parameter of type 'number'
import { Child, Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"

const Double = Workflow.make("double", { input: Schema.Number }, (n) => Effect.succeed(2 * n))
export const child = Child.run(Double, "21") // <- here
