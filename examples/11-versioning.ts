/**
 * Code that changes under live runs. Two orders begin on the first release; then a bad release is deployed, and a good one.
 * The releases are in the folder beside this file. Each `on` is a process of its own, as far as the store can tell.
 *
 *   npm run example -- 11-versioning
 */
import { Client } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Logger, LogLevel } from "effect"
import { Order as Mistake } from "./11-versioning/mistake.js"
import { Delivered, Order as OrderV1 } from "./11-versioning/v1.js"
import { Order as OrderV2 } from "./11-versioning/v2.js"

const on = (workflow: typeof OrderV1, effect: Effect.Effect<unknown, unknown, Client.Client>) =>
  Effect.runPromise(effect.pipe(
    Effect.provide(Worker.layer({ workflows: [workflow] })),
    Effect.provide(Sqlite.layer({ filename: "11-versioning.db" })),
    Logger.withMinimumLogLevel(LogLevel.None)
  ))

const quiet = Effect.sleep("200 millis")
const deliver = (id: string) => Effect.zipRight(Client.signal(id, Delivered, undefined), quiet)
const show = (id: string) =>
  Effect.map(Client.describe(id), ({ blocked, status, version }) =>
    console.log(`${id}: version ${version}, ${status}${blocked === undefined ? "" : ", blocked"}`))

console.log("release 1")
await on(OrderV1, Effect.all([Client.start(OrderV1, "A", { id: "A" }), quiet, Client.start(OrderV1, "B", { id: "B" }), quiet]))

console.log("a mistake")
await on(Mistake, Effect.gen(function*() {
  const { misfits } = yield* Client.check()
  for (const { fault, runId } of misfits) console.log(`${runId}: ${fault.message.split("\n").slice(1, 3).join(";")}`)
  yield* Effect.zipRight(deliver("A"), show("A"))
}))

console.log("release 2")
await on(OrderV2, Effect.gen(function*() {
  yield* Effect.zipRight(quiet, show("A"))
  yield* Effect.zipRight(Client.start(OrderV2, "C", { id: "C" }), quiet)
  const open = yield* Client.check()
  for (const { newBranch, oldBranch, patch } of open.patches) {
    console.log(`${patch}: old branch for ${oldBranch.runIds.join()}, new branch for ${newBranch.runIds.join()}`)
  }
  for (const id of ["B", "C"]) yield* Effect.zipRight(deliver(id), show(id))
}))

/* output:
release 1
  charge A
  charge B
a mistake
B:   expected: step "charge B" [0#0];  actual:   step "bill" [0#0]
A:   expected: step "charge A" [0#0];  actual:   step "bill" [0#0]
A: version 1, running, blocked
release 2
  close A
  ask for a review of A
A: version 2, completed
  check fraud of C
  charge C
check-fraud: old branch for B, new branch for C
  close B
  ask for a review of B
B: version 2, completed
  close C
  ask for a review of C
C: version 2, completed
*/
