/** What a process that was abandoned has held is let go of: crashes do not fill memory. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { it } from "@effect/vitest"
import { Step, Workflow } from "@reprise/core"
import { Simulation } from "@reprise/testing"
import { Effect, GlobalValue } from "effect"
import { describe, expect } from "vitest"

const held: Array<WeakRef<object>> = []

const hold = Effect.suspend(() => {
  const ballast = { bytes: new Uint8Array(10_000) }
  held.push(new WeakRef(ballast))
  return Effect.map(Effect.sleep("1 hour"), () => ballast.bytes.length)
})

/** Programs, bodies and what bodies have forked are all cut off somewhere. */
const Holds = Workflow.make("holds", {}, () =>
  Effect.gen(function*() {
    const ballast = { bytes: new Uint8Array(10_000) }
    held.push(new WeakRef(ballast))
    yield* Effect.all([Step.run("one", Effect.zipRight(Effect.forkDaemon(hold), hold)), Effect.sleep("30 minutes")], { concurrency: 2 })
    return yield* Step.run("two", Effect.map(hold, (length) => length + ballast.bytes.length))
  }))

const roots = GlobalValue.globalValue(Symbol.for("effect/FiberScope/Global"), () => ({ roots: new Set<unknown>() })).roots

const collectGarbage = Effect.gen(function*() {
  setFlagsFromString("--expose-gc")
  const gc = runInNewContext("gc") as () => void
  for (let i = 0; i < 5; i++) {
    yield* Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))
    gc()
  }
})

describe("a process that has crashed, or was superseded", () => {
  it.effect("is garbage", () =>
    Effect.gen(function*() {
      const before = roots.size
      yield* Simulation.check(Holds, { pairs: 20, plans: 30 })
      yield* collectGarbage
      expect(held.length).toBeGreaterThan(200)
      expect(roots.size).toBe(before)
      // The plays without faults may be held by the check's own frames.
      expect(held.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(10)
    }))
})
