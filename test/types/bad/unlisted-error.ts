// expect: this error is not listed: add it to the workflow's `error` schema, or handle it
import { Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"

class Declined extends Schema.TaggedError<Declined>()("Declined", {}) {}
class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {}) {}

export const Charge = Workflow.make("charge", { error: Declined }, () => Effect.fail(new Unavailable())) // <- here
