import { it } from "@effect/vitest"
import { DateTime, Effect, Schedule } from "effect"
import { expect } from "vitest"
import { Step, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"

const Sleepy = Workflow.make("sleepy", {}, () =>
  Effect.gen(function*() {
    const before = yield* DateTime.now
    const a = yield* Step.run("first", Effect.succeed(1))
    yield* Effect.sleep("7 days")
    const b = yield* Step.run("second", Effect.succeed(2))
    const after = yield* DateTime.now
    return { sum: a + b, slept: DateTime.distance(before, after) }
  }))

it.scoped("runs to the end in no time", () =>
  Effect.gen(function*() {
    const world = yield* World.make({ workflows: [Sleepy] })
    const result = yield* world.execute(Sleepy, undefined)
    expect(result).toEqual({ sum: 3, slept: 7 * 86_400_000 })
  }))

it.scoped("crashes", () =>
  Effect.gen(function*() {
    const world = yield* World.make({ workflows: [Sleepy] })
    const run = yield* world.start(Sleepy, undefined)
    yield* world.crash
    yield* world.advance("6 days")
    yield* world.crash
    expect((yield* world.calls).map((call) => call.step)).toEqual(["first"])
    expect(yield* world.runToEnd(run)).toEqual({ sum: 3, slept: 7 * 86_400_000 })
    expect((yield* world.calls).map((call) => call.step)).toEqual(["first", "second"])
  }))

const Retried = Workflow.make("retried", {}, () =>
  Step.run("flaky", Effect.fail("no"), { retry: Schedule.exponential("1 second").pipe(Schedule.intersect(Schedule.recurs(4))) }).pipe(
    Effect.catchAll((e) => Effect.succeed(`gave up: ${e}`))
  ))

it.scoped("crashes at each append", () =>
  Effect.gen(function*() {
    const plain = yield* World.make({ workflows: [Retried] })
    yield* plain.execute(Retried, undefined, { id: "r" })
    const expected = yield* plain.history("r")
    const count = yield* plain.appendCount
    for (let k = 1; k <= count; k++) {
      for (const alwaysReplay of [false, true]) {
        const world = yield* World.make({ workflows: [Retried], alwaysReplay })
        yield* world.crashAt({ append: k, moment: "after" })
        yield* Effect.ignore(world.start(Retried, undefined, { id: "r" }))
        yield* world.runToEnd({ runId: "r", existed: true, result: Effect.succeed(1) })
        expect((yield* world.history("r")).map((e) => e._tag)).toEqual(expected.map((e) => e._tag))
        expect((yield* world.calls).at(-1)?.process).toBe(k >= count ? 1 : 2)
      }
    }
  }))
