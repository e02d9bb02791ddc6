/** What is due is found, however much else is due, and however the clock runs. */
import { it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Sensor, Step, Workflow } from "@reprise/core"
import { MemoryLog, World } from "@reprise/testing"

const Sleeps = Workflow.make("sleeps", {}, () => Effect.as(Effect.sleep("1 hour"), "woken"))

describe("many runs", () => {
  it.scoped("that are due at the same instant are all woken", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Sleeps] })
      const runs = yield* Effect.replicateEffect(world.run(Client.start(Sleeps, undefined)), 2_500)
      yield* world.evictAll
      // A round takes a thousand; the next follows some milliseconds later.
      yield* world.advance("61 minutes")
      const closed = yield* Effect.forEach(runs, (run) => world.run(Client.describe(run.runId)))
      expect(closed.filter((run) => run.status !== "completed")).toEqual([])
    }))

  it.scoped("whose sensors take their time keep nobody else from waking", () =>
    Effect.gen(function*() {
      const slow = Effect.as(Effect.sleep("10 days"), true)
      const Senses = Workflow.make("senses", {}, () =>
        Sensor.until("slow", Effect.flatMap(Step.attempt, ({ poll }) => (poll === 1 ? Effect.succeed(false) : slow)), {
          every: "1 minute"
        }))
      const world = yield* World.make({ workflows: [Sleeps, Senses], limits: { attemptsMax: 5_000 } })
      yield* Effect.replicateEffect(world.run(Client.start(Senses, undefined)), 1_100)
      const run = yield* world.start(Sleeps, undefined)
      yield* world.advance("2 hours")
      expect((yield* world.run(Client.describe(run.runId))).status).toBe("completed")
    }))
})

describe("a clock that is set back", () => {
  it.scoped("never takes a run back in time", () =>
    Effect.gen(function*() {
      const Sums = Workflow.make("sums", { input: Schema.Number }, (hours) =>
        Effect.gen(function*() {
          yield* Effect.sleep(`${hours} hours`)
          yield* Step.run("work", Effect.void)
          yield* Effect.sleep("1 hour")
        }))
      const store = MemoryLog.makeStore()
      const noon = Date.UTC(2025, 0, 1, 12)
      const before = yield* World.make({ workflows: [Sums], store, startAt: noon })
      yield* before.start(Sums, 1, { id: "run" })
      yield* before.advance("61 minutes")
      const after = yield* World.make({ workflows: [Sums], store, startAt: noon - 3_600_000 })
      yield* after.advance("4 hours")
      const history = yield* after.history("run")
      expect((yield* after.run(Client.describe("run"))).status).toBe("completed")
      const instants = history.map((event) => event.at)
      expect(instants).toEqual(instants.toSorted((a, b) => a - b))
    }))
})
