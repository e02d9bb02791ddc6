/** A run that waits leaves memory, and comes back for whatever concerns it. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { it } from "@effect/vitest"
import { Effect, GlobalValue } from "effect"
import { describe, expect } from "vitest"
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"

const Go = Signal.make("go")

/** What programs hold, to see whether it is let go of. */
let held: Array<WeakRef<object>> = []

const Waits = Workflow.make("waits", {}, () =>
  Effect.gen(function*() {
    const ballast = { bytes: new Uint8Array(10_000) }
    held.push(new WeakRef(ballast))
    yield* Effect.all([Effect.race(Go.receive, Effect.sleep("1 day")), Effect.sleep("1 hour")], { concurrency: "unbounded" })
    return yield* Step.run("last", Effect.succeed(ballast.bytes.length))
  }))

const roots = GlobalValue.globalValue(Symbol.for("effect/FiberScope/Global"), () => ({ roots: new Set<unknown>() })).roots

const collectGarbage = Effect.gen(function*() {
  setFlagsFromString("--expose-gc")
  const gc = runInNewContext("gc") as () => void
  for (let i = 0; i < 5; i++) {
    // What a weak reference has answered stays until the task ends.
    yield* Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))
    gc()
  }
})

const heldCount = () => held.filter((ref) => ref.deref() !== undefined).length

describe("a parked run", () => {
  it.scoped("leaves memory after a while, unless a step of it runs", () =>
    Effect.gen(function*() {
      const Works = Workflow.make("works", {}, () => Step.run("work", Effect.sleep("1 hour")))
      const world = yield* World.make({ workflows: [Waits, Works], limits: { parkAfterMillis: 1_000 } })
      yield* world.start(Waits, undefined)
      yield* world.start(Works, undefined)
      expect(yield* world.liveRunCount).toBe(2)
      yield* world.advance("3 seconds")
      expect(yield* world.liveRunCount).toBe(1)
    }))

  it.scoped("makes room when too many are in memory", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Waits], limits: { parkAfterMillis: 3_600_000, liveRunsMax: 3 } })
      for (let i = 0; i < 10; i++) yield* world.start(Waits, undefined)
      yield* world.advance("30 minutes")
      expect(yield* world.liveRunCount).toBe(3)
    }))

  it.scoped("is brought back by its timer, a message and a cancellation", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Waits] })
      const timed = yield* world.start(Waits, undefined, { id: "timed" })
      const signalled = yield* world.start(Waits, undefined, { id: "signalled" })
      const cancelled = yield* world.start(Waits, undefined, { id: "cancelled" })
      yield* world.evictAll
      expect(yield* world.liveRunCount).toBe(0)
      yield* world.run(Client.signal("signalled", Go, undefined))
      yield* world.run(Client.cancel("cancelled"))
      yield* world.idle
      expect(yield* world.liveRunCount).toBe(1)
      expect(yield* Effect.flip(world.runToEnd(cancelled))).toMatchObject({ _tag: "RunCancelled" })
      expect(yield* world.runToEnd(signalled)).toBe(10_000)
      expect((yield* world.now) - Date.UTC(2025, 0, 1)).toBe(3_600_000)
      expect(yield* world.runToEnd(timed)).toBe(10_000)
    }))

  it.scoped("leaves nothing in the global set of root fibers, nor does one in memory", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Waits] })
      const before = roots.size
      for (let i = 0; i < 20; i++) yield* world.start(Waits, undefined)
      expect(roots.size).toBe(before)
      yield* world.evictAll
      expect(roots.size).toBe(before)
    }))

  it.scoped("is garbage: what its program held is collected", () =>
    Effect.gen(function*() {
      held = []
      const world = yield* World.make({ workflows: [Waits] })
      for (let i = 0; i < 50; i++) yield* world.start(Waits, undefined)
      yield* collectGarbage
      expect(heldCount()).toBe(50)
      yield* world.evictAll
      yield* collectGarbage
      expect(heldCount()).toBe(0)
    }))

  it.scoped("and so is a run that has ended", () =>
    Effect.gen(function*() {
      held = []
      const world = yield* World.make({ workflows: [Waits] })
      for (let i = 0; i < 10; i++) yield* world.execute(Waits, undefined)
      yield* collectGarbage
      expect(heldCount()).toBe(0)
    }))

  it.scoped("costs a few kilobytes in the store's memory, and none besides", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Waits] })
      const heapOf = Effect.zipRight(collectGarbage, Effect.sync(() => process.memoryUsage().heapUsed))
      const COUNT = 500
      const before = yield* heapOf
      for (let i = 0; i < COUNT; i++) yield* world.run(Client.start(Waits, undefined))
      yield* world.idle
      const live = (yield* heapOf) - before
      yield* world.evictAll
      const parked = (yield* heapOf) - before
      expect(live / COUNT).toBeGreaterThan(10_000)
      expect(parked / COUNT).toBeLessThan(6_000)
    }))
})
