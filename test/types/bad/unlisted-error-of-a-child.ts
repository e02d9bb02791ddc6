// expect: this error is not listed: add it to the workflow's `error` schema, or handle it
import { Child, Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"

class Declined extends Schema.TaggedError<Declined>()("Declined", {}) {}
const Charge = Workflow.make("charge", { error: Declined }, () => Effect.fail(new Declined()))

export const Order = Workflow.make("order", {}, () => Child.run(Charge, undefined)) // <- here
