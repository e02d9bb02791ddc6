// expect: not assignable to parameter of type 'number'
import { Client, Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"

const Double = Workflow.make("double", { input: Schema.Number }, (n) => Effect.succeed(n * 2))
export const started = Client.start(Double, "21") // <- here
