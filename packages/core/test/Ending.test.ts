/** How a run ends when several things want to end it, and what is waiting then. */
import { it } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Schema } from "effect"
import { describe, expect } from "vitest"
import { Awakeable, Client, Query, Signal, Step, Update, Workflow } from "@reprise/core"
import { Crashes, World } from "@reprise/testing"
import { survives } from "./survives.js"

const failureOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)
const Go = Signal.make("go")
const Ask = Update.make("ask", { output: Schema.String })

describe("a run", () => {
  it.effect("that interrupts itself fails", () =>
    Effect.gen(function*() {
      const Quits = Workflow.make("quits", {}, () => Effect.zipRight(Step.run("work", Effect.void), Effect.interrupt))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Quits] }), (world) => world.execute(Quits, undefined, { id: "run" }))
      expect(failureOf(seen.exit)).toMatchObject({ _tag: "RunFailed", name: "Interrupted" })
    }))

  it.effect("that ends tells the updates that are under way", () =>
    Effect.gen(function*() {
      const Ends = Workflow.make("ends", {}, () =>
        Effect.gen(function*() {
          yield* Update.handle(Ask, { run: () => Step.run("slow", Effect.as(Effect.sleep("1 day"), "answer")) })
          yield* Go.receive
        }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Ends] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(Ends, undefined, { id: "run" })
          const asked = yield* Effect.fork(Effect.exit(world.run(Client.update("run", Ask, undefined, { messageId: "u" }))))
          yield* world.advance("1 minute")
          yield* world.run(Client.signal("run", Go, undefined, { messageId: "go" }))
          yield* world.runToEnd(run)
          return failureOf(yield* Fiber.join(asked))
        }))
      expect(Exit.isSuccess(seen.exit) && seen.exit.value).toMatchObject({ _tag: "RunClosed" })
    }))

  it.effect("that is cancelled while a handler works runs the cleanup of both", () =>
    Effect.gen(function*() {
      const cleanup = (name: string) => Effect.onInterrupt(Effect.sleep("1 day"), () => Step.run(`clean ${name}`, Effect.void))
      const Both = Workflow.make("both", {}, () =>
        Effect.gen(function*() {
          yield* Effect.fork(cleanup("child"))
          yield* cleanup("body")
        }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Both] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(Both, undefined, { id: "run" })
          yield* world.run(Client.cancel("run", { messageId: "cancel" }))
          return yield* Effect.exit(world.runToEnd(run))
        }))
      expect(seen.calls.map((call) => call.step).toSorted()).toEqual(expect.arrayContaining(["clean body", "clean child"]))
      expect(seen.histories["run"]?.at(-1)).toMatchObject({ _tag: "RunCancelled" })
    }))

  it.effect("that is cancelled and fails in its cleanup says so", () =>
    Effect.gen(function*() {
      const Fails = Workflow.make("fails", { error: Schema.String }, () =>
        Effect.catchAllCause(Effect.asVoid(Go.receive), () => Effect.fail("cleanup failed")))
      const world = yield* World.make({ workflows: [Fails] })
      const run = yield* world.start(Fails, undefined, { id: "run" })
      yield* world.run(Client.cancel("run"))
      const failure = failureOf(yield* Effect.exit(world.runToEnd(run)))
      expect(["cleanup failed", "RunCancelled"]).toContain(typeof failure === "string" ? failure : (failure as { _tag: string })._tag)
    }).pipe(Effect.scoped))

  it.effect("that is terminated interrupts its bodies, and nothing of it runs", () =>
    Effect.gen(function*() {
      const ran: Array<string> = []
      const body = Effect.onInterrupt(Effect.sleep("1 day"), () => Effect.sync(() => void ran.push("interrupted")))
      const Works = Workflow.make("works", {}, () =>
        Effect.ensuring(Step.run("work", body), Step.run("never", Effect.sync(() => void ran.push("never")))))
      const world = yield* World.make({ workflows: [Works] })
      yield* world.start(Works, undefined, { id: "run" })
      yield* world.run(Client.terminate("run"))
      yield* world.advance("1 day")
      expect(ran).toEqual(["interrupted"])
    }).pipe(Effect.scoped))

  it.scoped("that has not begun answers no query, and one that is blocked says why", () =>
    Effect.gen(function*() {
      const Ping = Query.make("ping")
      const Broken = Workflow.make("broken", {}, () =>
        Effect.gen(function*() {
          yield* Query.handle(Ping, () => Effect.void)
          yield* Step.run("work", Effect.void)
          throw new TypeError("oops")
        }))
      const world = yield* World.make({ workflows: [Broken] })
      yield* world.start(Broken, undefined, { id: "later", delay: "1 hour" })
      yield* world.start(Broken, undefined, { id: "broken" })
      const later = yield* Effect.flip(world.run(Client.query("later", Ping, undefined)))
      expect(later).toMatchObject({ _tag: "QueryFailed", detail: "the run has not begun" })
      // Its state as its history leaves it can still be read.
      expect(yield* world.run(Client.query("broken", Ping, undefined))).toBeUndefined()
    }))

  it.scoped("that is blocked keeps a cancellation until its code fits again", () =>
    Effect.gen(function*() {
      const coded = (name: string) =>
        Workflow.make("order", {}, () =>
          Effect.onInterrupt(
            Effect.zipRight(Step.run(name, Effect.void), Go.receive),
            () => Step.run("undo", Effect.void)
          ))
      const world = yield* World.make({ workflows: [coded("book")] })
      const run = yield* world.start(coded("book"), undefined, { id: "run" })
      yield* world.restart([coded("reserve")])
      yield* world.run(Client.signal("run", Signal.make("other"), undefined))
      yield* world.idle
      yield* world.run(Client.cancel("run", { by: "anna" }))
      yield* world.advance("1 day")
      expect((yield* world.run(Client.describe("run"))).status).toBe("running")
      yield* world.restart([coded("book")])
      expect(yield* Effect.flip(world.runToEnd(run))).toMatchObject({ _tag: "RunCancelled", by: "anna" })
      expect((yield* world.calls).map((call) => call.step)).toEqual(["book", "undo"])
    }))
})

describe("waits without an end", () => {
  const Endless = Workflow.make("an endless sleep ends by a signal", {}, () =>
    Effect.race(Effect.as(Effect.sleep(Duration.infinity), "slept"), Effect.as(Go.receive, "signalled")))
  survives(Endless, "signalled", (world) =>
    Effect.gen(function*() {
      const run = yield* world.start(Endless, undefined, { id: "run" })
      yield* world.advance("365 days")
      yield* world.run(Client.signal("run", Go, undefined, { messageId: "go" }))
      return yield* world.runToEnd(run)
    }))

  const Conditional = Workflow.make("conditions see what handlers and fibers write", {}, () =>
    Effect.gen(function*() {
      const state = { ready: 0, order: "" }
      const wait = (n: number) => Effect.map(Workflow.condition(() => state.ready >= n), () => void (state.order += n))
      const waiting = yield* Effect.fork(Effect.all([wait(2), wait(1), wait(3)], { concurrency: "unbounded", discard: true }))
      const latch = yield* Deferred.make<void>()
      yield* Effect.fork(Effect.zipRight(Deferred.await(latch), Effect.sync(() => state.ready++)))
      yield* Effect.sleep("1 hour")
      state.ready++
      yield* Effect.sleep("1 hour")
      yield* Deferred.succeed(latch, undefined)
      yield* Go.receive
      state.ready++
      yield* Fiber.join(waiting)
      return state.order
    }))
  survives(Conditional, "123", (world) =>
    Effect.gen(function*() {
      const run = yield* world.start(Conditional, undefined, { id: "run" })
      yield* world.advance("3 hours")
      yield* world.run(Client.signal("run", Go, undefined, { messageId: "go" }))
      return yield* world.runToEnd(run)
    }))

  it.effect("an awakeable may be settled before it is awaited, and awaited twice", () =>
    Effect.gen(function*() {
      const Twice = Workflow.make("twice", {}, () =>
        Effect.gen(function*() {
          const answer = yield* Awakeable.make("answer", { value: Schema.Number })
          yield* Effect.sleep("1 hour")
          return (yield* answer.await) + (yield* answer.await)
        }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Twice] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(Twice, undefined, { id: "run" })
          const [, created] = yield* world.history("run")
          yield* world.run(Client.resolveAwakeable(created?._tag === "AwakeableCreated" ? created.token : "", 21))
          return yield* world.runToEnd(run)
        }))
      expect(seen.exit).toEqual(Exit.succeed(42))
    }))
})
