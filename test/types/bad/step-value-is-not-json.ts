// expect: this step's value is not JSON: give it an `output` schema
import { Step } from "@reprise/core"
import { Effect } from "effect"

export const when = Step.run("now", Effect.sync(() => new Date())) // <- here
