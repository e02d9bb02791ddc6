// expect: have no overlap
import { Workflow } from "@reprise/core"
import { Reprise } from "@reprise/server/client"
import { Effect, Either, Schema } from "effect"

class Declined extends Schema.TaggedError<Declined>()("Declined", {}) {}
const Pay = Workflow.make("pay", { error: Declined }, () => Effect.zipRight(new Declined(), Effect.void))
const client = Reprise.connect({ url: "http://127.0.0.1:4300" })
export const outcome = await client.handle(Pay, "pay-1").outcome()
export const isLate = Either.isLeft(outcome) && outcome.left._tag === "TooLate" // <- here
