/** A worker that stops in good order loses nothing, and the next one goes on. */
import { it } from "@effect/vitest"
import { Effect, Schedule, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"

const Go = Signal.make("go")

describe("a restart", () => {
  it.scoped("interrupts bodies, which run again, and no finalizer of a program", () =>
    Effect.gen(function*() {
      let interrupted = 0
      const body = Effect.onInterrupt(Effect.as(Effect.sleep("1 hour"), "done"), () => Effect.sync(() => void (interrupted += 1)))
      const Works = Workflow.make("works", {}, () =>
        Effect.onInterrupt(Step.run("work", body), () => Step.run("never", Effect.void)))
      const world = yield* World.make({ workflows: [Works] })
      const run = yield* world.start(Works, undefined)
      yield* world.advance("30 minutes")
      yield* world.restart()
      expect(interrupted).toBe(1)
      expect(yield* world.runToEnd(run)).toBe("done")
      expect((yield* world.calls).map(({ attempt, step }) => `${step} ${attempt}`)).toEqual(["work 1", "work 1"])
    }))

  it.scoped("goes on with waits, retries and messages of all runs", () =>
    Effect.gen(function*() {
      const Mixed = Workflow.make("mixed", { input: Schema.Number, error: Schema.String }, (hours) =>
        Effect.gen(function*() {
          yield* Effect.sleep(`${hours} hours`)
          const flaky = Effect.flatMap(Step.attempt, ({ attempt }) => attempt < 3 ? Effect.fail("busy") : Effect.succeed(attempt))
          const tries = yield* Step.run("flaky", flaky, { retry: Schedule.spaced("1 hour") })
          yield* Go.receive
          return hours * 10 + tries
        }))
      const world = yield* World.make({ workflows: [Mixed] })
      const runs = yield* Effect.forEach([1, 2, 3], (hours) => world.start(Mixed, hours, { id: `run-${hours}` }))
      for (let i = 0; i < 8; i++) {
        if (i === 2) yield* world.run(Client.signal("run-1", Go, undefined))
        yield* world.advance("45 minutes")
        yield* i % 2 === 0 ? world.restart() : world.crash
      }
      yield* world.run(Client.signal("run-2", Go, undefined))
      yield* world.run(Client.signal("run-3", Go, undefined))
      expect(yield* Effect.forEach(runs, world.runToEnd)).toEqual([13, 23, 33])
      expect((yield* world.calls).every((call) => !call.isRepeated)).toBe(true)
    }))

  it.scoped("fires at once what fell due while no worker ran", () =>
    Effect.gen(function*() {
      const Sleeps = Workflow.make("sleeps", {}, () => Effect.as(Effect.sleep("1 hour"), "woken"))
      const world = yield* World.make({ workflows: [Sleeps] })
      const run = yield* world.start(Sleeps, undefined)
      yield* world.evictAll
      yield* world.restart()
      expect(yield* world.runToEnd(run)).toBe("woken")
    }))
})
