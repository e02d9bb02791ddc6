/** Sensors wait for the outside world without history, without memory, and through crashes. */
import { it } from "@effect/vitest"
import { Cause, Effect, Exit, Option } from "effect"
import { describe, expect } from "vitest"
import { Client, Sensor, Step, Workflow } from "@reprise/core"
import { Crashes, World } from "@reprise/testing"

const failureOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)

/** True from the given poll on. */
const fromPoll = (last: number) => Effect.map(Step.attempt, ({ poll }) => poll >= last)

const Ready = Workflow.make("ready", {}, () => Sensor.until("file is there", fromPoll(5), { every: "10 minutes" }))

describe("a sensor", () => {
  it.effect("polls until it is satisfied, and the history does not grow meanwhile", () =>
    Effect.gen(function*() {
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Ready] }), (world) =>
        world.execute(Ready, undefined, { id: "run" }))
      expect(seen.exit).toEqual(Exit.succeed(undefined))
      expect(seen.calls.map((call) => call.poll)).toEqual([1, 2, 3, 4, 5])
      expect((seen.histories["run"] ?? []).map((event) => event._tag)).toEqual([
        "RunStarted",
        "StepScheduled",
        "StepCompleted",
        "RunCompleted"
      ])
    }))

  it.scoped("polls at its own pace, whatever happens to the worker", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Ready] })
      const run = yield* world.start(Ready, undefined)
      yield* world.advance("15 minutes")
      yield* world.crash
      yield* world.advance("10 minutes")
      yield* world.evictAll
      yield* world.runToEnd(run)
      const start = Date.UTC(2025, 0, 1)
      expect((yield* world.calls).map((call) => (call.at - start) / 60_000)).toEqual([0, 10, 20, 30, 40])
    }))

  it.effect("answers the value that it found", () =>
    Effect.gen(function*() {
      const found = Effect.map(fromPoll(3), (yes) => (yes ? Option.some("s3://bucket/file") : Option.none()))
      const Finds = Workflow.make("finds", {}, () => Sensor.poll("file", found, { every: "1 minute" }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Finds] }), (world) => world.execute(Finds, undefined, { id: "run" }))
      expect(seen.exit).toEqual(Exit.succeed("s3://bucket/file"))
    }))

  it.scoped("backs off up to its longest wait", () =>
    Effect.gen(function*() {
      const Backs = Workflow.make("backs off", {}, () =>
        Sensor.until("file", fromPoll(6), { every: "1 minute", backoff: { factor: 2, max: "5 minutes" } }))
      const world = yield* World.make({ workflows: [Backs], alwaysReplay: true })
      yield* world.execute(Backs, undefined)
      const start = Date.UTC(2025, 0, 1)
      expect((yield* world.calls).map((call) => (call.at - start) / 60_000)).toEqual([0, 1, 3, 7, 12, 17])
    }))

  it.effect("gives up at its timeout", () =>
    Effect.gen(function*() {
      const Late = Workflow.make("late", {}, () =>
        Sensor.until("file", Effect.succeed(false), { every: "10 minutes", timeout: "35 minutes" }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Late] }), (world) => world.execute(Late, undefined, { id: "run" }))
      expect(failureOf(seen.exit)).toMatchObject({ _tag: "StepTimedOut", step: "file", millis: 2_100_000 })
      expect(seen.calls).toHaveLength(4)
    }))

  it.effect("fails with the typed error of its check", () =>
    Effect.gen(function*() {
      const Fails = Workflow.make("fails", {}, () =>
        Effect.merge(Effect.as(Sensor.until("file", Effect.fail("no access"), { every: "1 minute" }), "found")))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Fails] }), (world) => world.execute(Fails, undefined, { id: "run" }))
      expect(seen.exit).toEqual(Exit.succeed("no access"))
    }))

  it.scoped("is cancelled between polls", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Ready] })
      yield* world.start(Ready, undefined, { id: "run" })
      yield* world.advance("15 minutes")
      yield* world.run(Client.cancel("run"))
      yield* world.advance("1 day")
      expect((yield* world.run(Client.describe("run"))).status).toBe("cancelled")
      expect(yield* world.calls).toHaveLength(2)
    }))

  it.scoped("a check that outlives its run's stay in memory is heard all the same", () =>
    Effect.gen(function*() {
      const slow = Effect.zipRight(Effect.sleep("1 minute"), fromPoll(3))
      const Slow = Workflow.make("slow", {}, () => Sensor.until("file", slow, { every: "10 minutes" }))
      const world = yield* World.make({ workflows: [Slow], alwaysReplay: true })
      yield* world.execute(Slow, undefined)
      expect((yield* world.calls).map((call) => call.poll)).toEqual([1, 2, 3])
    }))
})
