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
