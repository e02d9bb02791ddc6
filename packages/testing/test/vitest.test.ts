/** What `it.durable` promises; some of these tests are made by it. */
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"
import { it } from "@reprise/testing/vitest"
import { Cause, Context, Effect, Exit, FastCheck, Layer, Option, Schedule, Schema } from "effect"
import { describe, expect } from "vitest"

class Declined extends Schema.TaggedError<Declined>()("Declined", { why: Schema.String }) {}
class Bank extends Context.Tag("test/Bank")<Bank, { readonly charge: (cents: number) => Effect.Effect<void> }>() {}
const Cancel = Signal.make("cancel")

const Order = Workflow.make("order", { input: Schema.Int, error: Declined, messages: [Cancel] }, (cents) =>
  Effect.gen(function*() {
    yield* Step.run("charge", Effect.flatMap(Bank, (bank) => bank.charge(cents)), {
      error: Declined,
      retry: Schedule.spaced("1 minute")
    })
    const cancelled = yield* Cancel.receive.pipe(Effect.timeoutOption("30 days"))
    return Option.isSome(cancelled) ? "cancelled" : "shipped"
  }))

let charged: Array<number> = []
const setting = () => {
  charged = []
  const charge = (cents: number) => Effect.sync(() => void charged.push(cents))
  return { workflows: [Order], services: Layer.succeed(Bank, { charge }) }
}

describe("it.durable", () => {
  it.durable("runs a test in a world", setting, (world) =>
    Effect.gen(function*() {
      expect(yield* world.execute(Order, 5)).toBe("shipped")
      expect(charged).toEqual([5])
    }))

  it.durable("makes what a setting makes anew", setting, (world) =>
    Effect.gen(function*() {
      expect(charged).toEqual([])
      expect(yield* world.calls).toEqual([])
    }))

  it.durable.everywhere("crashes at each append", setting, (world) => world.execute(Order, 5), ({ appendCount, exit }) => {
    expect(appendCount).toBeGreaterThan(2)
    expect(exit).toEqual(Exit.succeed("shipped"))
  })

  it.durable.check("simulates", Order, { given: { input: 5, world: setting }, pairs: 5, plans: 5 })

  it.durable.prop("draws from a schema", Schema.Int.pipe(Schema.between(1, 9)), setting, (world, cents) =>
    Effect.gen(function*() {
      yield* world.execute(Order, cents)
      expect(charged).toEqual([cents])
      expect(cents).toBeLessThan(10)
    }), { fastCheck: { numRuns: 10 } })

  it.durable.prop("draws from an arbitrary", FastCheck.constant(3), setting, (world, cents) =>
    Effect.map(world.execute(Order, cents), () => expect(charged).toEqual([3])), { fastCheck: { numRuns: 2 } })
})

describe("it.durable.prop", () => {
  const Priced = Schema.Struct({ cents: Schema.Int.pipe(Schema.between(1, 9)), paidAt: Schema.DateFromString.pipe(Schema.validDate()) })
  const Ship = Workflow.make("ship", { input: Priced }, ({ cents, paidAt }) =>
    Effect.as(Effect.sleep("1 day"), `${cents} ${paidAt.getTime()}`))
  const drawn: Array<typeof Priced.Type> = []

  it.durable.prop("draws a workflow's inputs", Ship, { workflows: [Ship] }, (world, input) =>
    Effect.map(world.execute(Ship, input), (shipped) => {
      expect(shipped).toBe(`${input.cents} ${input.paidAt.getTime()}`)
      expect(input.cents).toBeGreaterThan(0)
      expect(input.cents).toBeLessThan(10)
      drawn.push(input)
    }), { fastCheck: { numRuns: 10 } })

  it.effect("has drawn more than one", () =>
    Effect.sync(() => expect(new Set(drawn.map(({ paidAt }) => paidAt.getTime())).size).toBeGreaterThan(1)))

  const Tick = Workflow.make("tick", {}, () => Effect.as(Effect.sleep("1 second"), "tock"))
  it.durable.prop("has nothing to draw for a workflow without input", Tick, { workflows: [Tick] }, (world, input) =>
    Effect.map(world.execute(Tick, input), (said) => expect([input, said]).toEqual([undefined, "tock"])), { fastCheck: { numRuns: 2 } })
})

describe("a world", () => {
  it.durable("tells a history in lines", setting, (world) =>
    Effect.gen(function*() {
      yield* world.mock("charge", ({ attempt }, body) => (attempt < 3 ? new Declined({ why: "try later" }) : body))
      const run = yield* world.start(Order, 5)
      yield* world.runToEnd(run)
      expect(yield* world.timeline(run.runId)).toMatchInlineSnapshot(`
        [
          "0       run started",
          "0       step "charge" scheduled",
          "0       step "charge" attempt 1 failed",
          "0       step "charge" attempt 2 retry scheduled due in 1m",
          "1m      step "charge" attempt 2 started",
          "1m      step "charge" attempt 2 failed",
          "1m      step "charge" attempt 3 retry scheduled due in 1m",
          "2m      step "charge" attempt 3 started",
          "2m      step "charge" attempt 3 completed",
          "2m      timer started due in 30d",
          "30d 2m  timer fired",
          "30d 2m  run completed",
        ]
      `)
    }))

  it.durable("skips time until an event", setting, (world) =>
    Effect.gen(function*() {
      yield* world.mock("charge", ({ attempt }, body) => (attempt < 3 ? Effect.die("the bank is down") : body))
      const run = yield* world.start(Order, 5)
      yield* world.until(run.runId, ({ _tag }) => _tag === "StepCompleted")
      expect((yield* world.calls).length).toBe(3)
      yield* world.run(Client.signal(run.runId, Cancel, undefined))
      expect(yield* world.runToEnd(run)).toBe("cancelled")
    }))

  it.durable("says so when no such event comes", setting, (world) =>
    Effect.gen(function*() {
      const run = yield* world.start(Order, 5)
      const exit = yield* Effect.exit(world.until(run.runId, ({ _tag }) => _tag === "StepFailed"))
      expect(Exit.isFailure(exit) && Cause.squash(exit.cause)).toBeInstanceOf(World.WorldStuck)
    }))
})
