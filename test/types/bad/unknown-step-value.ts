// expect: this step's value is not JSON: give it an `output` schema
import { Step } from "@reprise/core"
import { Effect } from "effect"

const parsed: Effect.Effect<unknown> = Effect.succeed({})
export const parse = Step.run("parse", parsed) // <- here
