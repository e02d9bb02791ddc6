/**
 * A subscription: a run that lives for years. Each turn of `Workflow.loop` waits for the end of the month or
 * for a change, and ends with the state of the next one. When the history has grown, the run continues as
 * new by itself: the same run, and a history that a replay reads in no time.
 *
 * Ten years are long for an example, so it runs in a world whose clock it moves itself.
 *
 *   npm run example -- 24-subscription
 */
import { Client, Query, Signal, Step, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"
import { Clock, Duration, Effect, Option, Schema } from "effect"

const Account = Schema.Struct({
  customer: Schema.String,
  plan: Schema.Literal("basic", "pro"),
  paid: Schema.Number,
  /** When the next month is charged; nothing while the subscription is paused. */
  dueAt: Schema.optional(Schema.Number)
})
const Change = Signal.make("change", { payload: Schema.Literal("basic", "pro", "pause", "resume", "cancel") })
const Status = Query.make("status", { output: Account })

const PRICES = { basic: 5, pro: 12 }
const MONTH = Duration.toMillis("30 days")

const Subscribe = Workflow.loop("subscribe", { input: Account, messages: [Change, Status], continueAfter: 100 }, (now) =>
  Effect.gen(function*() {
    yield* Query.handle(Status, () => Effect.succeed(now))
    const time = yield* Clock.currentTimeMillis
    const untilDue = now.dueAt === undefined ? Duration.infinity : Duration.millis(now.dueAt - time)
    const change = yield* Change.receive.pipe(Effect.timeoutOption(untilDue))
    if (Option.isNone(change)) {
      const price = PRICES[now.plan]
      yield* Step.run("charge", Effect.logDebug(`${now.customer} pays ${price}`))
      return Workflow.next({ ...now, paid: now.paid + price, dueAt: time + MONTH })
    }
    if (change.value === "cancel") return Workflow.done(now.paid)
    if (change.value === "pause") return Workflow.next({ ...now, dueAt: undefined })
    if (change.value === "resume") return Workflow.next({ ...now, dueAt: time })
    return Workflow.next({ ...now, plan: change.value })
  }))

const main = Effect.gen(function*() {
  const world = yield* World.make({ workflows: [Subscribe] })
  const run = yield* world.start(Subscribe, { customer: "Ada", plan: "basic", paid: 0, dueAt: yield* world.now })
  const change = (to: "pro" | "pause" | "resume" | "cancel") => world.run(Client.signal(run.runId, Change, to))
  const tell = (after: string) =>
    Effect.gen(function*() {
      const { paid, plan } = yield* world.run(Client.query(run.runId, Status, undefined))
      const { eventCount, historyLength } = yield* world.run(Client.describe(run.runId))
      console.log(`${after}: ${plan}, paid ${paid}; a replay reads ${historyLength} of ${eventCount} events`)
    })

  yield* world.advance("730 days")
  yield* tell("two years")
  yield* change("pro")
  yield* world.crash
  yield* world.advance("1825 days")
  yield* tell("seven years")
  yield* change("pause")
  yield* world.advance("365 days")
  yield* tell("a year of pause")
  yield* change("resume")
  yield* world.advance("730 days")
  yield* change("cancel")
  console.log(`ten years: paid ${yield* world.runToEnd(run)}`)
})

await Effect.runPromise(Effect.scoped(main))

/* output:
two years: basic, paid 245; a replay reads 46 of 150 events
seven years: pro, paid 1697; a replay reads 34 of 647 events
a year of pause: pro, paid 1697; a replay reads 36 of 649 events
ten years: paid 2285
*/
