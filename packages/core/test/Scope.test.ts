/** Cleanup is durable: what a scope releases, and what follows an interruption, runs steps like anything else. */
import { it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Schedule, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Step, Workflow } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import { Crashes, World } from "@reprise/testing"
import { survives } from "./survives.js"

const slow = (name: string, duration: `${number} seconds`) => Step.run(name, Effect.as(Effect.sleep(duration), name))

const names = (events: ReadonlyArray<Event.Event> | undefined) =>
  (events ?? []).flatMap((event) => (event._tag === "StepScheduled" ? [event.name] : []))
const last = (events: ReadonlyArray<Event.Event> | undefined) => events?.at(-1)

describe("finalizers run steps", () => {
  survives(
    Workflow.make("acquireUseRelease", {}, () =>
      Effect.gen(function*() {
        const order: Array<string> = []
        const note = (name: string) => Effect.map(slow(name, "60 seconds"), () => order.push(name))
        yield* Effect.acquireUseRelease(note("acquire"), () => note("use"), () => note("release"))
        return order.join(" ")
      })),
    "acquire use release"
  )
  survives(
    Workflow.make("a scope inside the body, released in reverse", {}, () =>
      Effect.gen(function*() {
        const order: Array<string> = []
        const resource = (name: string) =>
          Effect.acquireRelease(slow(name, "60 seconds"), () => Effect.map(slow(`-${name}`, "60 seconds"), () => order.push(name)))
        yield* Effect.scoped(Effect.zipRight(resource("a"), resource("b")))
        return order.join(" ")
      })),
    "b a"
  )
  survives(
    Workflow.make("ensuring, after a failure", {}, () =>
      Effect.gen(function*() {
        const order: Array<string> = []
        yield* Step.run("fails", Effect.fail("no")).pipe(
          Effect.ensuring(Effect.map(slow("ensured", "60 seconds"), (name) => order.push(name))),
          Effect.ignore
        )
        return order.join(" ")
      })),
    "ensured"
  )
  survives(
    Workflow.make("onInterrupt of the loser of a race", {}, () =>
      Effect.gen(function*() {
        const order: Array<string> = []
        const loser = Effect.sleep("1 day").pipe(
          Effect.onInterrupt(() => Effect.map(slow("undo", "60 seconds"), (name) => order.push(name)))
        )
        yield* Effect.race(loser, Effect.sleep("1 hour"))
        return order.join(" ")
      })),
    "undo"
  )
  survives(
    Workflow.make("an uninterruptible region finishes first", {}, () =>
      Effect.gen(function*() {
        let finished = "cut off"
        const careful = Effect.map(slow("must finish", "3600 seconds"), (name) => void (finished = name))
        const fiber = yield* Effect.fork(Effect.uninterruptible(careful))
        yield* Effect.sleep("1 minute")
        yield* Fiber.interrupt(fiber)
        return finished
      })),
    "must finish"
  )
})

const Booking = Workflow.make("booking", {}, () =>
  Effect.gen(function*() {
    yield* Effect.acquireRelease(Step.run("book", Effect.void), () => slow("unbook", "3600 seconds"))
    yield* slow("travel", "86400 seconds")
    return "travelled"
  }))

const cancelled = (after: `${number} hours`) => (world: World.World) =>
  Effect.gen(function*() {
    const run = yield* world.start(Booking, undefined, { id: "run" })
    yield* world.advance(after)
    yield* world.run(Client.cancel("run", { reason: "no money", by: "anna", messageId: "cancel-1" }))
    return yield* world.runToEnd(run)
  })

describe("cancelling a run", () => {
  it.effect("interrupts the step body and runs the cleanup as steps, whenever it crashes", () =>
    Effect.gen(function*() {
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Booking] }), cancelled("2 hours"))
      expect(names(seen.histories["run"])).toEqual(["book", "travel", "unbook"])
      expect(seen.histories["run"]?.map((event) => event._tag)).toContain("StepCancelled")
      expect(last(seen.histories["run"])).toMatchObject({ _tag: "RunCancelled", reason: "no money", by: "anna" })
      expect(Exit.isFailure(seen.exit) && Cause.squash(seen.exit.cause)).toMatchObject({
        _tag: "RunCancelled",
        reason: "no money",
        by: "anna"
      })
    }))

  it.effect("finishes an uninterruptible region", () =>
    Effect.gen(function*() {
      const Careful = Workflow.make("careful", {}, () =>
        Effect.zipRight(Effect.uninterruptible(slow("must finish", "3600 seconds")), slow("may go", "3600 seconds")))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Careful] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(Careful, undefined, { id: "run" })
          yield* world.run(Client.cancel("run", { messageId: "cancel-1" }))
          return yield* Effect.exit(world.runToEnd(run))
        }))
      expect(names(seen.histories["run"])).toEqual(["must finish"])
      expect(seen.histories["run"]?.map((event) => event._tag)).toEqual([
        "RunStarted",
        "StepScheduled",
        "RunCancelRequested",
        "StepCompleted",
        "RunCancelled"
      ])
    }))

  it.effect("ends the wait for a retry", () =>
    Effect.gen(function*() {
      const Flaky = Workflow.make("flaky", { error: Schema.String }, () =>
        Step.run("fails", Effect.fail("no"), { retry: Schedule.spaced("1 day") }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Flaky] }), (world) =>
        Effect.gen(function*() {
          yield* world.start(Flaky, undefined, { id: "run" })
          yield* world.advance("1 hour")
          yield* world.run(Client.cancel("run", { messageId: "cancel-1" }))
          yield* world.idle
          return (yield* world.run(Client.describe("run"))).status
        }))
      expect(seen.exit).toEqual(Exit.succeed("cancelled"))
      expect(seen.calls).toHaveLength(1)
    }))

  it.effect("waits for the cleanup of the body that it interrupts", () =>
    Effect.gen(function*() {
      const done: Array<string> = []
      const body = Effect.onInterrupt(Effect.sleep("1 day"), () => Effect.sync(() => done.push("body cleaned up")))
      const Careful = Workflow.make("careful body", {}, () =>
        Effect.onInterrupt(Step.run("work", body), () => Step.run("after", Effect.sync(() => void done.push("after")))))
      const world = yield* World.make({ workflows: [Careful] })
      yield* world.start(Careful, undefined, { id: "run" })
      yield* world.run(Client.cancel("run"))
      yield* world.idle
      expect(done).toEqual(["body cleaned up", "after"])
    }).pipe(Effect.scoped))

  it.effect("is asked for once", () =>
    Effect.gen(function*() {
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Booking] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(Booking, undefined, { id: "run" })
          yield* world.run(Client.cancel("run", { messageId: "cancel-1" }))
          yield* world.run(Client.cancel("run", { messageId: "cancel-1" }))
          yield* world.run(Client.cancel("run", { messageId: "cancel-2", reason: "again" }))
          return yield* Effect.exit(world.runToEnd(run))
        }))
      expect(names(seen.histories["run"])).toEqual(["book", "travel", "unbook"])
      expect(last(seen.histories["run"])).not.toHaveProperty("reason")
    }))
})

describe("a step that dies in cleanup", () => {
  it.effect("does not hide the error that came before it", () =>
    Effect.gen(function*() {
      const failing = Step.run("work", Effect.fail("no work"))
      const Works = Workflow.make("works", { error: Schema.String }, () =>
        Effect.ensuring(failing, Effect.orDie(Step.run("clean", Effect.die(new Error("no soap"))))))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Works] }), (world) =>
        Effect.exit(world.execute(Works, undefined, { id: "run" })))
      expect(last(seen.histories["run"])).toMatchObject({ _tag: "RunFailed", failure: { _tag: "Error", error: "no work" } })
    }))
})

describe("terminating a run", () => {
  it.effect("runs nothing more of it", () =>
    Effect.gen(function*() {
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Booking] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(Booking, undefined, { id: "run" })
          yield* world.advance("2 hours")
          yield* world.run(Client.terminate("run", { reason: "enough", by: "anna", messageId: "end" }))
          return yield* Effect.exit(world.runToEnd(run))
        }))
      expect(names(seen.histories["run"])).toEqual(["book", "travel"])
      expect(last(seen.histories["run"])).toMatchObject({ _tag: "RunTerminated", reason: "enough", by: "anna" })
    }))
})

describe("a run's timeout", () => {
  it.effect("cancels it with cleanup and fails it", () =>
    Effect.gen(function*() {
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Booking] }), (world) =>
        world.execute(Booking, undefined, { id: "run", timeout: "3 hours" }))
      expect(names(seen.histories["run"])).toEqual(["book", "travel", "unbook"])
      expect(Exit.isFailure(seen.exit) && Cause.squash(seen.exit.cause)).toMatchObject({ _tag: "RunTimedOut" })
      expect(last(seen.histories["run"])).toMatchObject({ _tag: "RunFailed" })
    }))
})
