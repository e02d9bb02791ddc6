/**
 * Simulation: a payment that looks right. Its tests pass, and so does a test with a hundred drawn amounts. A simulated
 * check crashes the worker at every append, alone and in pairs, then tries mixtures of faults that chance draws. It finds
 * the one moment at which the customer pays twice, and tells the shortest story of it.
 *
 *   npm run example -- 14-simulation
 */
import { Step, Workflow } from "@reprise/core"
import { Simulation, World } from "@reprise/testing"
import { Effect, FastCheck, Schema } from "effect"
import { strictEqual } from "node:assert"
import { randomUUID } from "node:crypto"

/** The bank of the tests. Like a real one, it takes each idempotency key once. */
const payments = new Map<string, number>()
const pay = (key: string, cents: number) => Effect.sync(() => void payments.set(key, cents))
const paid = () => [...payments.values()].reduce((sum, cents) => sum + cents, 0)

const checkout = (key: Effect.Effect<string, never, Step.CurrentAttempt>) =>
  Workflow.make("checkout", { input: Schema.Int }, (cents) =>
    Effect.gen(function*() {
      yield* Step.run("pay", Effect.flatMap(key, (key) => pay(key, cents)))
      yield* Effect.sleep("14 days")
    }))

const careless = checkout(Effect.sync(() => randomUUID())) // another key each time the body runs
const careful = checkout(Effect.map(Step.attempt, ({ idempotencyKey }) => idempotencyKey)) // always the same

const plain = (workflow: typeof careless, cents: number) =>
  Effect.scoped(Effect.gen(function*() {
    payments.clear()
    const world = yield* World.make({ workflows: [workflow] })
    yield* world.execute(workflow, cents)
    strictEqual(paid(), cents)
  }))

/** The outcome of the script is what the customer has paid: with faults it must be the same as without. */
const simulated = (workflow: typeof careless) =>
  Simulation.check(workflow, {
    plans: 50,
    given: {
      input: 4200,
      script: (world, cents) => {
        payments.clear()
        return Effect.map(world.execute(workflow, cents), paid)
      }
    }
  })

await Effect.runPromise(plain(careless, 4200))
console.log("ok  careless: a plain test")
await Effect.runPromise(Effect.forEach(FastCheck.sample(FastCheck.nat(), 100), (cents) => plain(careless, cents)))
console.log("ok  careless: a hundred drawn amounts")
console.log((await Effect.runPromise(Effect.flip(simulated(careless)))).message)
const { plays, strikes } = await Effect.runPromise(simulated(careful))
console.log(`ok  careful: simulated ${plays} times, with ${strikes} faults`)

/* output:
ok  careless: a plain test
ok  careless: a hundred drawn amounts
Workflow "checkout", given 4200, breaks under one fault:
  - append 2: crash before (process 1, run)
    it was about to append StepCompleted 0#0, TimerStarted 0#1

  another outcome than without faults:
  expected { value: 4200 }
  seen     { value: 8400 }

  What stands in the history of id-1:
     1 RunStarted
     2 StepScheduled "pay" 0#0
     3 StepCompleted 0#0
     4 TimerStarted 0#1
     5 TimerFired 0#1
     6 RunCompleted
  hint: Play it again, alone: REPRISE_SIMULATION=<…>
  see: docs/errors.md#simulationfailed
ok  careful: simulated <…> times, with <…> faults
*/
