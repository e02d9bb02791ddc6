/**
 * Retry: a step is tried again by any Effect `Schedule`, with jitter too. Failed attempts and the next due
 * time are in the log, so neither the count nor the wait starts over after a crash. Typed errors stay
 * typed: what is left when the schedule gives up is caught by its tag.
 *
 *   npm run example -- 03-retry
 */
import { Client, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Schedule, Schema } from "effect"

class Busy extends Schema.TaggedError<Busy>()("Busy", {}) {}
class CardDeclined extends Schema.TaggedError<CardDeclined>()("CardDeclined", { reason: Schema.String }) {}

/** A bank that is busy twice and then looks at the card. */
const charge = (card: string) =>
  Effect.gen(function*() {
    const { attempt } = yield* Step.attempt
    console.log(`${card}: attempt ${attempt}`)
    if (attempt < 3) return yield* new Busy()
    if (card === "stolen") return yield* new CardDeclined({ reason: "reported as stolen" })
    return `charged a ${card} card`
  })

const Pay = Workflow.make("pay", { input: Schema.String }, (card) =>
  Step.run("charge", charge(card), {
    error: Schema.Union(Busy, CardDeclined),
    timeout: "5 seconds",
    retry: Schedule.exponential("20 millis").pipe(Schedule.jittered, Schedule.intersect(Schedule.recurs(5))),
    nonRetryable: ["CardDeclined"]
  }).pipe(
    Effect.catchTag("CardDeclined", ({ reason }) => Effect.succeed(`asked for another card: ${reason}`)),
    Effect.catchAll((error) => Effect.succeed(`gave up: ${error._tag}`))
  ))

const Store = Sqlite.layer({ filename: "03-retry.db" })
const Live = Worker.layer({ workflows: [Pay] }).pipe(Layer.provide(Store))

const main = Effect.gen(function*() {
  for (const card of ["good", "stolen"]) console.log(yield* Client.execute(Pay, card))
})

await Effect.runPromise(Effect.provide(main, Live))

/* output:
good: attempt 1
good: attempt 2
good: attempt 3
charged a good card
stolen: attempt 1
stolen: attempt 2
stolen: attempt 3
asked for another card: reported as stolen
*/
