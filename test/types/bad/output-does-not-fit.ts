// expect: the output does not fit the workflow's `output` schema
import { Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"

export const Total = Workflow.make("total", { output: Schema.Number }, () => Effect.succeed("42")) // <- here
