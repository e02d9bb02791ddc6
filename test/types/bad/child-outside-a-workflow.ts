// expect: Activation
import { Child, Workflow } from "@reprise/core"
import { Effect } from "effect"

const Nothing = Workflow.make("nothing", {}, () => Effect.void)
export const lost = Effect.runPromise(Child.run(Nothing, undefined)) // <- here
