// expect: not assignable to parameter of type 'number'
import { Workflow } from "@reprise/core"
import { Reprise } from "@reprise/server/client"
import { Effect, Schema } from "effect"

const Double = Workflow.make("double", { input: Schema.Number }, (n) => Effect.succeed(n * 2))
const client = Reprise.connect({ url: "http://127.0.0.1:4300" })
export const started = client.start(Double, "21") // <- here
