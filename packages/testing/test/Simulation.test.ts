import { it } from "@effect/vitest"
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { Effect, FastCheck as fc, Schema } from "effect"
import { describe, expect } from "vitest"
import { Simulation } from "@reprise/testing"

const Approve = Signal.make("approve", { payload: Schema.String })

const Order = Workflow.make("order", { input: Schema.Number, messages: [Approve] }, (price) =>
  Effect.gen(function*() {
    yield* Step.run("reserve", Effect.sleep("1 second"))
    yield* Effect.sleep("1 day")
    const by = yield* Approve.receive
    yield* Effect.all([Step.run("charge", Effect.succeed(price)), Step.run("pack", Effect.void)], { concurrency: 2 })
    return `${by} paid ${price}`
  }))

const given: Simulation.Given<number, never> = {
  input: fc.nat({ max: 3 }),
  script: (world, price) =>
    Effect.gen(function*() {
      const run = yield* world.start(Order, price)
      yield* world.advance("2 days")
      yield* world.run(Client.signal(run.runId, Approve, "Ada"))
      return yield* world.runToEnd(run)
    })
}

describe("a simulation", () => {
  it.effect("finds nothing in a workflow that is right", () =>
    Effect.gen(function*() {
      const report = yield* Simulation.check(Order, { given, pairs: 40, plans: 60 })
      expect(report.plays).toBeGreaterThan(100)
      expect(report.strikes).toBeGreaterThan(report.plays)
    }))

  it.effect("finds a side effect that is made twice, and tells the shortest story", () =>
    Effect.gen(function*() {
      let mails = 0
      const Careless = Workflow.make("careless", {}, () =>
        Effect.zipRight(Step.run("mail", Effect.sync(() => void (mails += 1))), Effect.sleep("1 hour")))
      const failure = yield* Effect.flip(Simulation.check(Careless, {
        given: {
          script: (world) =>
            Effect.gen(function*() {
              mails = 0
              yield* world.execute(Careless, undefined)
              return mails
            })
        }
      }))
      expect(failure.plan.faults).toEqual([{ at: "append", nth: 2, does: "crash before", amount: 0 }])
      expect(failure.message).toContain("expected { value: 1 }")
      expect(failure.message).toContain("seen     { value: 2 }")
      expect(failure.message).toContain("REPRISE_SIMULATION=")
    }))
})
