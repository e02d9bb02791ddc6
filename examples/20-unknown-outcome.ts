/**
 * Unknown outcomes: when the process dies in the middle of a step, nobody knows whether the world has seen
 * it. By default the step is run again, with the same idempotency key. A step that must not be repeated
 * blindly says so: `fail` raises `StepOutcomeUnknown`, and `ask` waits until an operator has looked and
 * decides.
 *
 * This program is the parent of two processes on one database. The first kills itself in the middle of the
 * transfer.
 *
 *   npm run example -- 20-unknown-outcome
 */
import { Client, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Schema } from "effect"
import { fork } from "node:child_process"
import { once } from "node:events"
import { rmSync } from "node:fs"

const filename = "20-unknown-outcome.db"
const life = process.argv[2]

const transfer = (amount: number) =>
  Effect.sync(() => {
    console.log(`  transferring ${amount}`)
    process.kill(process.pid, "SIGKILL")
    return "never reached"
  })

const Transfer = Workflow.make("transfer", { input: Schema.Number }, (amount) =>
  Step.run("transfer", transfer(amount), { onUnknown: "ask" }))

const Store = Sqlite.layer({ filename })
const Live = Worker.layer({ workflows: [Transfer] }).pipe(Layer.provide(Store))

const main = Effect.gen(function*() {
  const run = yield* Client.start(Transfer, 1_000_000, { id: "transfer-1", onConflict: "use_existing" })
  if (life === "second") {
    const asked = yield* Client.history(run.runId).pipe(
      Effect.map((events) => events.find((event) => event._tag === "StepAsked")),
      Effect.repeat({ until: (event) => event !== undefined })
    )
    console.log(`  attempt ${asked?.attempt} may or may not have happened: asking the operator`)
    // The operator has called the bank: the money has arrived.
    yield* Client.resolveStep(run.runId, asked?.id ?? "", { _tag: "Complete", output: "confirmed by phone" })
  }
  console.log(`  transfer-1: ${yield* run.result}`)
})

if (life === undefined) {
  rmSync(filename, { force: true })
  for (const name of ["first", "second"]) {
    console.log(`the ${name} process`)
    const [code, signal] = await once(fork(import.meta.filename, [name]), "exit")
    console.log(`  ended with ${signal ?? code}`)
  }
} else {
  await Effect.runPromise(Effect.provide(main, Live))
}

/* output:
the first process
  transferring 1000000
  ended with SIGKILL
the second process
  attempt 1 may or may not have happened: asking the operator
  transfer-1: confirmed by phone
  ended with 0
*/
