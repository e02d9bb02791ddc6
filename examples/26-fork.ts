/**
 * Fork: a new run from any event of an old one. What came before is taken over and does not run again; from there on the
 * fork goes its own way, with another result of a step, another signal or mended code, if you like.
 *
 *   npm run example -- 26-fork
 */
import { Client, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Schema } from "effect"

class Declined extends Schema.TaggedError<Declined>()("Declined", { reason: Schema.String }) {}

const say = (line: string) => Effect.sync(() => console.log(`  ${line}`))

const Order = Workflow.make("order", { input: Schema.Number, error: Declined }, (amount) =>
  Effect.gen(function*() {
    yield* Step.run("reserve", say(`reserved goods for ${amount} €`))
    const receipt = yield* Step.run(
      "charge",
      Effect.zipRight(say("charging"), amount > 100 ? Effect.fail(new Declined({ reason: "limit" })) : Effect.succeed("paid by card")),
      { error: Declined }
    )
    yield* Step.run("ship", say(`shipped, ${receipt}`))
    return receipt
  }))

const Live = Worker.layer({ workflows: [Order] }).pipe(Layer.provide(Sqlite.layer({ filename: "26-fork.db" })))

const main = Effect.gen(function*() {
  const order = yield* Client.start(Order, 250, { id: "order-1" })
  console.log(`failed: ${(yield* Effect.flip(order.result))._tag}`)

  const history = yield* Client.history("order-1")
  for (const [i, event] of history.entries()) console.log(`${i + 1} ${event._tag}`)
  const at = history.findIndex((event) => event._tag === "StepAttemptFailed") + 1

  console.log("the customer has paid by hand")
  const paid = yield* Client.fork("order-1", { at, replace: [{ seq: at, value: "paid by hand" }], by: "Ada" })
  console.log(`ended: ${String(yield* paid.result)}`)

  console.log("a smaller order, from the beginning")
  const smaller = yield* Client.fork("order-1", { at: 1, replace: [{ seq: 1, value: 80 }] })
  console.log(`ended: ${String(yield* smaller.result)}`)

  console.log("at the wrong place")
  const refused = yield* Effect.flip(Client.fork("order-1", { at: history.length }))
  console.log(refused.message)
})

await Effect.runPromise(Effect.provide(main, Live))

/* output:
  reserved goods for 250 €
  charging
failed: Declined
1 RunStarted
2 StepScheduled
3 StepCompleted
4 StepScheduled
5 StepAttemptFailed
6 StepFailed
7 RunFailed
the customer has paid by hand
  shipped, paid by hand
ended: paid by hand
a smaller order, from the beginning
  reserved goods for 80 €
  charging
  shipped, paid by card
ended: paid by card
at the wrong place
Run "order-1" cannot be forked at event 7: this event closes the run: nothing is left to do after it.
  hint: Fork at event 5.
  see: docs/errors.md#forkinvalid
*/
