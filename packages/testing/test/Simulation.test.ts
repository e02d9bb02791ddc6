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

  it.effect("deploys other versions of a workflow", () =>
    Effect.gen(function*() {
      const body = (last: string) => () =>
        Effect.zipRight(Effect.zipRight(Step.run("first", Effect.succeed(1)), Effect.sleep("1 day")), Step.run(last, Effect.succeed(last)))
      const first = Workflow.make("versioned", { version: "1" }, body("old"))
      const second = Workflow.make("versioned", { version: "2" }, body("new"))
      const careless = Workflow.make("versioned", { version: "1" }, body("new"))
      const deeds = ["crash before", "crash after", "deployment"] as const
      const bounds = { pairs: 0, plans: 150, deeds }
      yield* Simulation.check(first, { ...bounds, given: { deployments: [[first, second]] } })
      const failure = yield* Effect.flip(Simulation.check(first, { ...bounds, given: { deployments: [[careless]] } }))
      expect(failure.plan.faults.map(({ does }) => does)).toContain("deployment")
      expect(failure.complaints.join()).toContain("Divergence")
    }))

  it.effect("plays again what a failure has printed", () =>
    Effect.gen(function*() {
      const failing = (again: Simulation.Seen["runs"][number]["history"] | undefined) => again === undefined || again.length < 4
      const property = ({ damage, runs }: Simulation.Seen) => damage.strikes.length < 2 || failing(runs[0]?.history) || "two faults"
      const failure = yield* Effect.flip(Simulation.check(Order, { given, pairs: 0, property, deeds: ["doubled", "refused"] }))
      expect(failure.plan.faults.length).toBe(2)
      const [, again] = /REPRISE_SIMULATION='(.*)'/.exec(failure.message) ?? []
      process.env["REPRISE_SIMULATION"] = again
      const repeated = yield* Effect.flip(Simulation.check(Order, { given, pairs: 0, property, deeds: ["doubled", "refused"] })).pipe(
        Effect.ensuring(Effect.sync(() => delete process.env["REPRISE_SIMULATION"]))
      )
      expect(repeated.plan).toEqual(failure.plan)
      expect(repeated.complaints).toEqual(failure.complaints)
    }))
})
