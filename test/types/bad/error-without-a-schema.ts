// expect: this error is not listed
import { Workflow } from "@reprise/core"
import { Effect } from "effect"

export const Charge = Workflow.make("charge", {}, () => Effect.fail("declined")) // <- here
