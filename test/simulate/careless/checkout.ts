/** Tests that are meant to fail: what pays takes another key each time it runs. */
import { Step, Workflow } from "@reprise/core"
import type { World } from "@reprise/testing"
import { it } from "@reprise/testing/vitest"
import { Effect, Schema } from "effect"
import { afterAll } from "vitest"

const payments: Array<number> = []
const paid = () => payments.reduce((sum, cents) => sum + cents, 0)

const Checkout = Workflow.make("checkout", { input: Schema.Int }, (cents) =>
  Effect.gen(function*() {
    yield* Step.run("pay", Effect.sync(() => payments.push(cents)))
    yield* Effect.sleep("14 days")
  }))

let playCount = 0
const script = (world: World.World, cents: number) => {
  playCount += 1
  payments.length = 0
  return Effect.map(world.execute(Checkout, cents), paid)
}

it.durable.check("takes 'what' it should (once), whatever happens", Checkout, { given: { input: 4200, script } })

it.durable.check("is never slow, whatever chance brings", Checkout, {
  given: { input: 4200, script },
  allowed: () => true,
  property: ({ damage }) => damage.strikes.every(({ fault }) => fault.does !== "slow") || "it was slow"
})

afterAll(() => console.log(`played ${playCount} times`))
