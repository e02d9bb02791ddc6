/**
 * Values: the clock, random numbers and configuration are recorded when a workflow first reads them, so
 * that a replay, days later and on another machine, sees the same. `Step.value` records what comes from
 * elsewhere, without the cost of a step.
 *
 *   npm run example -- 21-values-and-config
 */
import { Client, Query, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Clock, Config, ConfigProvider, Effect, Layer, Random, Schema } from "effect"
import { hostname } from "node:os"
import { rmSync } from "node:fs"

const filename = "21-values-and-config.db"

const Seen = Schema.Struct({
  time: Schema.Number,
  dice: Schema.Number,
  host: Schema.String,
  discount: Schema.Number
})
const See = Query.make("see", { output: Seen })

const Offer = Workflow.make("offer", { messages: [See] }, () =>
  Effect.gen(function*() {
    const time = yield* Clock.currentTimeMillis
    const dice = yield* Random.nextIntBetween(1, 1_000_000)
    const host = yield* Step.value("host", Effect.sync(() => hostname()))
    const discount = yield* Config.number("DISCOUNT").pipe(Effect.orDie)
    yield* Query.handle(See, () => Effect.succeed({ time, dice, host, discount }))
    yield* Effect.sleep("30 days")
  }))

/** Runs an effect in a worker of its own, as a new process would. */
const inWorker = <A, E>(discount: string, effect: Effect.Effect<A, E, Client.Client>) => {
  const config = ConfigProvider.fromMap(new Map([["DISCOUNT", discount]]))
  const Live = Worker.layer({ workflows: [Offer], config }).pipe(Layer.provide(Sqlite.layer({ filename })))
  return Effect.runPromise(Effect.provide(effect, Live))
}

const see = (id: string) =>
  Effect.flatMap(Client.start(Offer, undefined, { id, onConflict: "use_existing" }), ({ runId }) =>
    Client.query(runId, See, undefined))

rmSync(filename, { force: true })
const first = await inWorker("10", see("offer-1"))
const second = await inWorker("25", see("offer-1"))
const other = await inWorker("25", see("offer-2"))

console.log(`offer-1 has a discount of ${first.discount}`)
console.log(`replayed with another configuration: ${second.discount}`)
console.log(`same time, dice and host: ${JSON.stringify(first) === JSON.stringify(second)}`)
console.log(`offer-2 has a discount of ${other.discount}`)

/* output:
offer-1 has a discount of 10
replayed with another configuration: 10
same time, dice and host: true
offer-2 has a discount of 25
*/
