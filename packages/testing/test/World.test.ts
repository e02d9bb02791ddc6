/** What a world promises a test. */
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { it } from "@effect/vitest"
import { Cause, Context, Deferred, Effect, Exit, Layer, Option, Schedule, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Sensor, Signal, Step, Workflow } from "@reprise/core"
import { Crashes, MemoryLog, World } from "@reprise/testing"

const failureOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)

class Declined extends Schema.TaggedError<Declined>()("Declined", { reason: Schema.String }) {}

class Payments extends Context.Tag("test/Payments")<Payments, { readonly charge: Effect.Effect<Date, Declined> }>() {}
const neverCharged = Layer.succeed(Payments, { charge: Effect.die("the test must not charge") })

const Go = Signal.make("go")

const Order = Workflow.make("order", { output: Schema.Date, error: Declined }, () =>
  Effect.gen(function*() {
    yield* Effect.sleep("7 days")
    return yield* Step.run("charge", Effect.flatMap(Payments, ({ charge }) => charge), {
      output: Schema.Date,
      error: Declined,
      retry: Schedule.recurs(2)
    })
  }))

describe("time", () => {
  it.scoped("stands still until it is moved, and stops at each due instant", () =>
    Effect.gen(function*() {
      const at: Array<number> = []
      const Ticks = Workflow.make("ticks", {}, () =>
        Effect.repeat(Step.run("tick", Effect.clockWith((clock) => Effect.map(clock.currentTimeMillis, (now) => void at.push(now)))), {
          schedule: Schedule.spaced("1 hour"),
          times: 3
        }).pipe(Effect.asVoid))
      const world = yield* World.make({ workflows: [Ticks], startAt: 1_000 })
      yield* world.start(Ticks, undefined)
      yield* world.idle
      expect(yield* world.now).toBe(1_000)
      yield* world.advance("1 day")
      expect(yield* world.now).toBe(86_401_000)
      expect(at).toEqual([0, 1, 2, 3].map((hours) => 1_000 + hours * 3_600_000))
    }))

  it.scoped("skip says whether anything is due", () =>
    Effect.gen(function*() {
      const Waits = Workflow.make("waits", {}, () => Effect.zipRight(Effect.sleep("1 hour"), Go.receive))
      const world = yield* World.make({ workflows: [Waits] })
      const run = yield* world.start(Waits, undefined)
      expect(yield* world.skip).toBe(true)
      expect(yield* world.skip).toBe(false)
      const stuck = failureOf(yield* Effect.exit(world.runToEnd(run)))
      expect(stuck).toBeInstanceOf(World.WorldStuck)
      expect(String(stuck)).toContain("waits for a message")
    }))

  it.scoped("idle waits for bodies that await a promise, and not for those that wait for the test", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const Reads = Workflow.make("reads", {}, () =>
        Effect.gen(function*() {
          const gated = yield* Effect.fork(Step.run("gated", Deferred.await(gate)))
          const read = Effect.promise(() => readFile(fileURLToPath(import.meta.url), "utf8"))
          const both = Effect.map(Effect.all([read, read], { concurrency: "unbounded" }), ([a, b]) => a.length === b.length)
          const same = yield* Step.run("read twice", both, { timeout: "1 minute" })
          yield* gated.await
          return same
        }))
      const world = yield* World.make({ workflows: [Reads] })
      const run = yield* world.start(Reads, undefined, { id: "run" })
      expect((yield* world.history("run")).some((event) => event._tag === "StepCompleted")).toBe(true)
      yield* Deferred.succeed(gate, undefined)
      expect(yield* world.runToEnd(run)).toBe(true)
    }))
})

describe("mocks", () => {
  const world = World.make({ workflows: [Order], services: neverCharged })

  it.scoped("a value, written by the step's own schema", () =>
    Effect.gen(function*() {
      const { execute, mock } = yield* world
      yield* mock("charge", Effect.succeed(new Date(7)))
      expect(yield* execute(Order, undefined)).toEqual(new Date(7))
    }))

  it.scoped("a typed error, a defect, and then a value, by attempt", () =>
    Effect.gen(function*() {
      const { calls, execute, mock } = yield* world
      yield* mock("charge", ({ attempt }) =>
        attempt === 1 ? Effect.fail(new Declined({ reason: "no" })) : attempt === 2 ? Effect.die("lost") : Effect.succeed(new Date(3)))
      expect(yield* execute(Order, undefined)).toEqual(new Date(3))
      expect((yield* calls).map((call) => `${call.step} ${call.attempt}`)).toEqual(["charge 1", "charge 2", "charge 3"])
    }))

  it.scoped("a delay, in the world's time", () =>
    Effect.gen(function*() {
      const { execute, mock, now } = yield* world
      const before = yield* now
      yield* mock("charge", Effect.delay(Effect.succeed(new Date(1)), "1 day"))
      yield* execute(Order, undefined)
      expect((yield* now) - before).toBe(8 * 86_400_000)
    }))

  it.scoped("around the body itself, and off again", () =>
    Effect.gen(function*() {
      const charged = Layer.succeed(Payments, { charge: Effect.succeed(new Date(5)) })
      const { execute, mock } = yield* World.make({ workflows: [Order], services: charged })
      yield* mock("charge", (_call, body) => Effect.map(body, () => new Date(6)))
      expect(yield* execute(Order, undefined)).toEqual(new Date(6))
      yield* mock("charge", undefined)
      expect(yield* execute(Order, undefined)).toEqual(new Date(5))
    }))

  it.scoped("of a sensor", () =>
    Effect.gen(function*() {
      const Senses = Workflow.make("senses", {}, () => Sensor.until("ready", Effect.die("real"), { every: "1 minute" }))
      const { calls, execute, mock } = yield* World.make({ workflows: [Senses] })
      yield* mock("ready", ({ poll }) => Effect.succeed(poll < 3 ? Option.none() : Option.some(null)))
      yield* execute(Senses, undefined)
      expect(yield* calls).toHaveLength(3)
    }))
})

describe("a crash", () => {
  it.scoped("runs no finalizer and delivers nothing", () =>
    Effect.gen(function*() {
      const ran: Array<string> = []
      const noting = (what: string) => Effect.sync(() => void ran.push(what))
      const body = Effect.onInterrupt(Effect.zipRight(Effect.sleep("1 hour"), noting("body")), () => noting("interrupted"))
      const Works = Workflow.make("works", {}, () =>
        Step.run("work", body).pipe(Effect.ensuring(noting("ensured")), Effect.zipRight(noting("after"))))
      const world = yield* World.make({ workflows: [Works] })
      const run = yield* world.start(Works, undefined)
      yield* world.crash
      yield* world.advance("59 minutes")
      expect(ran).toEqual([])
      yield* world.runToEnd(run)
      expect(ran).toEqual(["body", "ensured", "after"])
      expect((yield* world.calls).map((call) => call.process)).toEqual([1, 2])
    }))

  it.scoped("takes the services' memory with it, and leaves the test's", () =>
    Effect.gen(function*() {
      let built = 0
      const counting = Layer.sync(Payments, () => {
        built += 1
        return { charge: Effect.succeed(new Date(built)) }
      })
      const world = yield* World.make({ workflows: [Order], services: counting })
      const run = yield* world.start(Order, undefined)
      yield* world.crash
      expect(yield* world.runToEnd(run)).toEqual(new Date(2))
    }))

  it.scoped("at an append: whoever starts a run learns what became of it", () =>
    Effect.gen(function*() {
      for (const moment of ["before", "after"] as const) {
        const Quick = Workflow.make("quick", {}, () => Effect.succeed("done"))
        const world = yield* World.make({ workflows: [Quick] })
        yield* world.crashAt({ append: 1, moment })
        const run = yield* world.start(Quick, undefined, { id: "run" })
        expect(yield* world.runToEnd(run)).toBe("done")
        expect((yield* world.history("run")).map((event) => event._tag)).toEqual(["RunStarted", "RunCompleted"])
      }
    }))
})

describe("worlds", () => {
  it.scoped("do the same each time, and share nothing but a store that is given", () =>
    Effect.gen(function*() {
      const Draws = Workflow.make("draws", {}, () => Step.value("id", Effect.succeed(1)))
      const history = (options: { readonly store?: MemoryLog.MemoryStore }) =>
        Effect.scoped(Effect.gen(function*() {
          const world = yield* World.make({ workflows: [Draws], ...options })
          yield* Effect.ignore(world.execute(Draws, undefined, { id: "run" }))
          return { events: yield* world.history("run"), appendCount: yield* world.appendCount }
        }))
      expect(yield* history({})).toEqual(yield* history({}))
      const store = MemoryLog.makeStore()
      yield* history({ store })
      expect((yield* history({ store })).events).toHaveLength(3)
    }))

  it.effect("Crashes.everywhere finds a workflow that depends on its process", () =>
    Effect.gen(function*() {
      let count = 0
      const Leaky = Workflow.make("leaky", {}, () =>
        Effect.gen(function*() {
          const mine = ++count
          yield* Step.run("work", Effect.void)
          return mine === count ? "first pass" : "replayed"
        }))
      const noticed = yield* Effect.flip(Crashes.everywhere(() => ({ workflows: [Leaky] }), (world) =>
        Effect.gen(function*() {
          count = 0
          yield* world.execute(Leaky, undefined, { id: "run" })
          return count
        })))
      expect(noticed).toMatchObject({ _tag: "CrashNoticed", what: "outcomes" })
      expect(noticed.message).toContain("programs replayed for every event")
    }))

  it.scoped("a waiting result is answered by whichever worker gets there", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Order], services: Layer.succeed(Payments, { charge: Effect.succeed(new Date(1)) }) })
      const waiting = yield* Effect.fork(world.run(Client.execute(Order, undefined)))
      yield* world.advance("1 day")
      yield* world.crash
      yield* world.advance("7 days")
      expect(yield* waiting.await).toEqual(Exit.succeed(new Date(1)))
    }))
})
