// expect: this step's error is not JSON: give it an `error` schema
import { Step } from "@reprise/core"
import { Effect } from "effect"

export const charge = Step.run("charge", Effect.fail(new Error("declined"))) // <- here
