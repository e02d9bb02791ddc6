/** What a program must not do: it is found at once, explained, and blocks the run until the code is mended. */
import { it } from "@effect/vitest"
import { Deferred, Effect, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Signal, Step, Workflow } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import { MemoryLog, World } from "@reprise/testing"

interface Blocked {
  readonly _tag: string
  readonly message: string
  readonly hint: string
}

/** Starts the workflow and answers why it is blocked. */
const blockedBy = (workflow: Workflow.Workflow<void, unknown, unknown, never>, limits = {}) =>
  Effect.scoped(Effect.gen(function*() {
    const world = yield* World.make({ workflows: [workflow], limits })
    yield* world.start(workflow, undefined, { id: "run" })
    yield* world.advance("1 hour")
    const { blocked, status } = yield* world.run(Client.describe("run"))
    expect(["pending", "running"]).toContain(status)
    return blocked as unknown as Blocked
  }))

/** A workflow that does `call` after a step; the step must be in the history, and nothing after it. */
const calling = (call: () => unknown) =>
  Workflow.make("calling", {}, () =>
    Effect.gen(function*() {
      yield* Step.run("before", Effect.void)
      yield* Effect.sync(() => {
        try {
          call()
        } catch {
          // A program that swallows the error is blocked all the same.
        }
      })
      yield* Step.run("after", Effect.void)
    }))

describe("the world outside steps is refused", () => {
  const calls: ReadonlyArray<readonly [string, () => unknown]> = [
    ["fetch", () => fetch("http://localhost")],
    ["Math.random", () => Math.random()],
    ["setTimeout", () => setTimeout.call(globalThis, () => undefined, 1)],
    ["setInterval", () => setInterval.call(globalThis, () => undefined, 1)],
    ["setImmediate", () => setImmediate(() => undefined)],
    ["crypto.randomUUID", () => crypto.randomUUID()],
    ["crypto.getRandomValues", () => crypto.getRandomValues(new Uint8Array(1))]
  ]
  for (const [name, call] of calls) {
    it.effect(name, () =>
      Effect.gen(function*() {
        const blocked = yield* blockedBy(calling(call))
        expect(blocked).toMatchObject({ _tag: "GlobalForbidden" })
        expect(blocked.message).toContain(name)
      }))
  }

  it.effect("a child process", () =>
    Effect.gen(function*() {
      const { spawn } = yield* Effect.promise(() => import("node:child_process"))
      const blocked = yield* blockedBy(calling(() => spawn("true")))
      expect(blocked).toMatchObject({ _tag: "GlobalForbidden" })
    }))

  it.scoped("in steps it is allowed", () =>
    Effect.gen(function*() {
      const Allowed = Workflow.make("allowed", {}, () =>
        Step.run("outside", Effect.sync(() => typeof Math.random() + typeof crypto.randomUUID())))
      const world = yield* World.make({ workflows: [Allowed] })
      expect(yield* world.execute(Allowed, undefined)).toBe("numberstring")
    }))
})

describe("a program that waits for what the log does not know", () => {
  it.effect("a promise", () =>
    Effect.gen(function*() {
      const Foreign = Workflow.make("foreign", {}, () =>
        Effect.zipRight(Step.run("before", Effect.void), Effect.promise(() => Promise.resolve("done"))))
      const blocked = yield* blockedBy(Foreign)
      expect(["ForeignAsync", "ProgramStuck"]).toContain(blocked._tag)
      expect(blocked.message).toContain("foreign")
    }))

  it.effect("a promise beside a durable wait", () =>
    Effect.gen(function*() {
      const Foreign = Workflow.make("foreign", {}, () =>
        Effect.all([Effect.sleep("1 day"), Effect.promise(() => Promise.resolve("done"))], { concurrency: 2, discard: true }))
      const blocked = yield* blockedBy(Foreign)
      expect(blocked).toMatchObject({ _tag: "ForeignAsync" })
    }))

  it.effect("a Deferred that nobody completes", () =>
    Effect.gen(function*() {
      const Stuck = Workflow.make("stuck", {}, () => Effect.flatMap(Deferred.make<void>(), Deferred.await))
      expect(yield* blockedBy(Stuck)).toMatchObject({ _tag: "ProgramStuck" })
    }))

  it.effect("a condition that nothing can meet", () =>
    Effect.gen(function*() {
      const Stuck = Workflow.make("stuck", {}, () => Workflow.condition(() => false))
      const blocked = yield* blockedBy(Stuck)
      expect(blocked).toMatchObject({ _tag: "ProgramStuck" })
      expect(blocked.message).toContain("condition")
    }))
})

describe("a program that does not come to rest", () => {
  it.effect("spins on effects", () =>
    Effect.gen(function*() {
      const Spins = Workflow.make("spins", {}, () => Effect.forever(Effect.void))
      const blocked = yield* blockedBy(Spins, { activationOpsMax: 10_000 })
      expect(blocked).toMatchObject({ _tag: "ProgramSpinning" })
      expect(blocked.message).toContain("10000 operations")
    }))

  it.effect("spins on yields", () =>
    Effect.gen(function*() {
      const Spins = Workflow.make("spins", {}, () => Effect.forever(Effect.yieldNow()))
      expect(yield* blockedBy(Spins, { activationOpsMax: 10_000 })).toMatchObject({ _tag: "ProgramSpinning" })
    }))

  it.effect("asks for too much at once", () =>
    Effect.gen(function*() {
      const Spins = Workflow.make("spins", {}, () =>
        Effect.forEach(Array.from({ length: 100 }), () => Step.run("many", Effect.void), { concurrency: "unbounded", discard: true }))
      const blocked = yield* blockedBy(Spins, { activationCommandsMax: 10 })
      expect(blocked.message).toContain("10 commands")
    }))
})

describe("a value that cannot be written", () => {
  it.effect("the output does not fit its schema", () =>
    Effect.gen(function*() {
      const Bad = Workflow.make("bad", { output: Schema.Struct({ count: Schema.Number.pipe(Schema.positive()) }) }, () =>
        Effect.succeed({ count: -1 }))
      const blocked = yield* blockedBy(Bad)
      expect(blocked).toMatchObject({ _tag: "ProgramValueInvalid" })
      expect(blocked.message).toContain("count")
    }))
})

describe("a defect in the program", () => {
  const Paid = Signal.make("paid")
  let isMended = false
  const Broken = Workflow.make("broken", {}, () =>
    Effect.gen(function*() {
      yield* Step.run("first", Effect.void)
      const slow = yield* Effect.fork(Step.run("slow", Effect.sleep("1 hour")))
      yield* Step.run("second", Effect.sleep("1 minute"))
      if (!isMended) throw new TypeError("cannot read properties of undefined")
      yield* slow.await
      yield* Paid.receive
      return "done"
    }))

  it.scoped("blocks the run, which goes on once the code is mended; finished steps do not run again", () =>
    Effect.gen(function*() {
      isMended = false
      const store = MemoryLog.makeStore()
      const world = yield* World.make({ workflows: [Broken], store })
      const run = yield* world.start(Broken, undefined, { id: "run" })
      yield* world.advance("1 minute")
      const { blocked } = yield* world.run(Client.describe("run"))
      expect(blocked).toMatchObject({ _tag: "ProgramDefect" })
      expect((blocked as unknown as Blocked).message).toContain("cannot read properties of undefined")
      // It still takes messages, and the step that was under way ends.
      yield* world.run(Client.signal("run", Paid, undefined))
      yield* world.advance("2 hours")
      expect((yield* world.run(Client.describe("run"))).status).toBe("running")
      isMended = true
      yield* world.crash
      expect(yield* world.runToEnd(run)).toBe("done")
      expect((yield* world.calls).map((call) => call.step).toSorted()).toEqual(["first", "second", "slow"])
      expect((yield* world.run(Client.describe("run"))).blocked).toBeUndefined()
    }))

  it.scoped("releases nothing: the mended code goes on with what the run has", () =>
    Effect.gen(function*() {
      isMended = false
      const Holds = Workflow.make("holds", {}, () =>
        Effect.gen(function*() {
          yield* Effect.acquireRelease(Step.run("acquire", Effect.void), () => Step.run("release", Effect.void))
          if (!isMended) throw new TypeError("oops")
          return yield* Step.run("use", Effect.succeed("used"))
        }))
      const world = yield* World.make({ workflows: [Holds] })
      const run = yield* world.start(Holds, undefined)
      isMended = true
      yield* world.crash
      expect(yield* world.runToEnd(run)).toBe("used")
      expect((yield* world.calls).map((call) => call.step)).toEqual(["acquire", "use", "release"])
    }))

  it.scoped("a blocked run can be terminated; then the steps that were under way are interrupted", () =>
    Effect.gen(function*() {
      isMended = false
      let isInterrupted = false
      const world = yield* World.make({ workflows: [Broken] })
      yield* world.mock("slow", Effect.onInterrupt(Effect.sleep("1 day"), () => Effect.sync(() => void (isInterrupted = true))))
      yield* world.start(Broken, undefined, { id: "run" })
      yield* world.advance("1 minute")
      yield* world.run(Client.terminate("run", { by: "anna" }))
      yield* world.idle
      expect(isInterrupted).toBe(true)
      expect((yield* world.run(Client.describe("run"))).status).toBe("terminated")
      const history: ReadonlyArray<Event.Event> = yield* world.history("run")
      expect(history.at(-1)).toMatchObject({ _tag: "RunTerminated", by: "anna" })
    }))
})
