// expect: "Declined"
import { Step } from "@reprise/core"
import { Effect, Schema } from "effect"

class Declined extends Schema.TaggedError<Declined>()("Declined", {}) {}
const charge: Effect.Effect<number, Declined> = Effect.fail(new Declined())
export const step = Step.run("charge", charge, { error: Declined, nonRetryable: ["Decline"] }) // <- here
