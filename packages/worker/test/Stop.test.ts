/** A worker stops in bounded time, whatever its bodies do. */
import { it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Scope, TestClock } from "effect"
import { describe, expect } from "vitest"
import { Client, Step, Workflow } from "@reprise/core"
import { MemoryLog } from "@reprise/testing"
import { Worker } from "@reprise/worker"

/** Starts a run, waits for its body, and closes the worker's scope. */
const stopped = (body: Effect.Effect<void>, spoil: Effect.Effect<void> = Effect.void) =>
  Effect.gen(function*() {
    const begun = yield* Deferred.make<void>()
    const Works = Workflow.make("works", {}, () =>
      Effect.all([
        Step.run("work", Effect.zipRight(Deferred.succeed(begun, undefined), body)),
        Step.run("other", Deferred.await(begun)).pipe(Effect.zipRight(spoil))
      ], { concurrency: "unbounded", discard: true }))
    const scope = yield* Scope.make()
    const live = Worker.layer({ workflows: [Works] }).pipe(Layer.provide(MemoryLog.layer(MemoryLog.makeStore())))
    const client = Context.get(yield* Layer.buildWithScope(live, scope), Client.Client)
    yield* Effect.provideService(Client.start(Works, undefined), Client.Client, client)
    yield* Deferred.await(begun)
    yield* TestClock.adjust("1 second")
    return yield* Effect.fork(Scope.close(scope, Exit.void))
  })

describe("stopping", () => {
  it.effect("waits for the cleanup of bodies", () =>
    Effect.gen(function*() {
      let isClean = false
      const cleanup = Effect.zipRight(Effect.sleep("4 seconds"), Effect.sync(() => void (isClean = true)))
      const stop = yield* stopped(Effect.onInterrupt(Effect.never, () => cleanup))
      yield* TestClock.adjust("3 seconds")
      expect(isClean).toBe(false)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stop)
      expect(isClean).toBe(true)
    }))

  it.effect("does not wait for ever for a body that cannot be interrupted", () =>
    Effect.gen(function*() {
      const release = yield* Deferred.make<void>()
      const stop = yield* stopped(Effect.uninterruptible(Deferred.await(release)))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(stop)
    }))

  it.effect("interrupts the bodies of a blocked run, too", () =>
    Effect.gen(function*() {
      let isClean = false
      const body = Effect.onInterrupt(Effect.never, () => Effect.sync(() => void (isClean = true)))
      const stop = yield* stopped(body, Effect.dieMessage("a bug"))
      yield* Fiber.join(stop)
      expect(isClean).toBe(true)
    }))
})

/** What the bodies have said, in order, over the lives of several workers on one store. */
const lives = (first: Effect.Effect<void>) => {
  const said: Array<string> = []
  const say = (what: string) => Effect.sync(() => void said.push(what))
  const store = MemoryLog.makeStore()
  const Works = Workflow.make("works", {}, () =>
    Effect.zipRight(
      Step.run("first", Effect.zipRight(say("first"), first)),
      Step.run("second", say("second"), { onUnknown: "fail" })
    ))
  const live = Effect.gen(function*() {
    const scope = yield* Scope.make()
    const layer = Worker.layer({ workflows: [Works], graceMillis: 30_000 }).pipe(Layer.provide(MemoryLog.layer(store)))
    const client = Context.get(yield* Layer.buildWithScope(layer, scope), Client.Client)
    const run = Client.execute(Works, undefined, { id: "one", onConflict: "use_existing" })
    return { scope, run: Effect.provideService(run, Client.Client, client) }
  })
  return { live, said }
}

describe("draining", () => {
  it.effect("lets attempts end, begins nothing, and keeps what they said for the next worker", () =>
    Effect.gen(function*() {
      const { live, said } = lives(Effect.sleep("10 seconds"))
      const { run, scope } = yield* live
      yield* Effect.fork(run)
      yield* TestClock.adjust("1 second")
      const stop = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("8 seconds")
      expect([said, stop.unsafePoll()]).toEqual([["first"], null])
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(stop)
      expect(said).toEqual(["first"])
      const next = yield* live
      yield* next.run
      expect(said).toEqual(["first", "second"])
      yield* Scope.close(next.scope, Exit.void)
    }))

  it.effect("interrupts what still runs when the time is over; the next worker runs it again", () =>
    Effect.gen(function*() {
      const { live, said } = lives(Effect.sleep("32 seconds"))
      const { run, scope } = yield* live
      yield* Effect.fork(run)
      yield* TestClock.adjust("1 second")
      const stop = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("29 seconds")
      expect(stop.unsafePoll()).toBe(null)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(stop)
      const next = yield* live
      const again = yield* Effect.fork(next.run)
      yield* TestClock.adjust("32 seconds")
      yield* Fiber.join(again)
      expect(said).toEqual(["first", "first", "second"])
      const idle = yield* Effect.fork(Scope.close(next.scope, Exit.void))
      yield* Fiber.join(idle)
    }))
})
