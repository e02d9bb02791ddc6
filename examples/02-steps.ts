/**
 * Steps: when a process dies, its runs go on in the next one. Finished steps are not run again; the step in
 * which the process died is, with the same idempotency key, so that the far side can tell that it has seen
 * this request before.
 *
 * This program is the parent of two processes on one database. The first kills itself in the middle of a
 * step.
 *
 *   npm run example -- 02-steps
 */
import { Client, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Schema } from "effect"
import { fork } from "node:child_process"
import { once } from "node:events"
import { rmSync } from "node:fs"

const filename = "02-steps.db"
const life = process.argv[2]

const say = (line: string) => Effect.sync(() => console.log(`  ${line}`))

const charge = (amount: number) =>
  Effect.gen(function*() {
    const { idempotencyKey } = yield* Step.attempt
    yield* say(`charging ${amount} with key ${idempotencyKey}`)
    if (life === "first") process.kill(process.pid, "SIGKILL")
    return `receipt for ${amount}`
  })

const Order = Workflow.make("order", { input: Schema.String }, (item) =>
  Effect.gen(function*() {
    const price = yield* Step.run("look up price", Effect.as(say(`looking up the price of a ${item}`), 42))
    const receipt = yield* Step.run("charge", charge(price))
    yield* Step.run("ship", say(`shipping a ${item}`))
    return receipt
  }))

const Store = Sqlite.layer({ filename })
const Live = Worker.layer({ workflows: [Order] }).pipe(Layer.provide(Store))

/**
 * An id is taken for ever: the first process starts the run, the second finds it there and waits for its
 * result.
 */
const order = Effect.gen(function*() {
  const receipt = yield* Client.execute(Order, "book", { id: "order-1", onConflict: "use_existing" })
  yield* say(`order-1 returned "${receipt}"`)
})

if (life === undefined) {
  rmSync(filename, { force: true })
  for (const name of ["first", "second"]) {
    console.log(`the ${name} process`)
    const [code, signal] = await once(fork(import.meta.filename, [name]), "exit")
    console.log(`  ended with ${signal ?? code}`)
  }
} else {
  await Effect.runPromise(Effect.provide(order, Live))
}

/* output:
the first process
  looking up the price of a book
  charging 42 with key order-1/0#1
  ended with SIGKILL
the second process
  charging 42 with key order-1/0#1
  shipping a book
  order-1 returned "receipt for 42"
  ended with 0
*/
