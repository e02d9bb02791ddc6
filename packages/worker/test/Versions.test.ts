/** Which version of its code an open run goes on with. */
import { it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { describe, expect } from "vitest"
import { Child, Client, Signal, Step, Workflow } from "@reprise/core"
import { Crashes, World } from "@reprise/testing"

const Go = Signal.make("go")
const Retry = Schedule.spaced("1 hour")

type Order = Workflow.Workflow<void, string, never, never>

/** A version of the workflow: it runs `first`, waits for a signal, and runs `last`. */
const order = (version: string, first = "a", last = `z${version}`): Order =>
  Workflow.make("order", { version }, () =>
    Effect.gen(function*() {
      yield* Step.run(first, Effect.succeed(first))
      yield* Go.receive
      return yield* Step.run(last, Effect.succeed(last))
    })) as never

const go = (world: World.World) =>
  Effect.zipRight(Effect.orDie(world.run(Client.signal("run", Go, undefined, { messageId: "go" }))), world.idle)
const describeRun = (world: World.World) => Effect.orDie(world.run(Client.describe("run")))
const tags = (world: World.World) => Effect.map(world.history("run"), (events) => events.map(({ _tag }) => _tag))

/** Begins a run on the versions given first, and goes on on the others, one after another. */
const started = (...begin: ReadonlyArray<Order>) =>
  Effect.gen(function*() {
    const world = yield* World.make({ workflows: begin })
    const run = yield* world.start(begin[0]!, undefined, { id: "run" })
    return { world, run }
  })

describe("an open run", () => {
  it.scoped("goes on with its own version while that is registered", () =>
    Effect.gen(function*() {
      const { run, world } = yield* started(order("1"))
      yield* world.restart([order("1"), order("2", "b")])
      yield* go(world)
      expect(yield* world.runToEnd(run)).toBe("z1")
      expect(yield* tags(world)).not.toContain("RunVersionChanged")
      expect((yield* describeRun(world)).version).toBe("1")
      // A new run begins with the version that its caller names.
      const two = yield* world.start(order("2", "b"), undefined, { id: "two" })
      yield* world.run(Client.signal("two", Go, undefined))
      expect(yield* world.runToEnd(two)).toBe("z2")
    }))

  it.scoped("goes on with the newest that fits, once its own is gone, and says so before its first event", () =>
    Effect.gen(function*() {
      const { run, world } = yield* started(order("1"))
      yield* world.restart([order("2")])
      // Nothing is written until there is something to write.
      expect((yield* describeRun(world)).version).toBe("1")
      yield* go(world)
      expect(yield* world.runToEnd(run)).toBe("z2")
      expect(yield* tags(world)).toEqual([
        "RunStarted",
        "StepScheduled",
        "StepCompleted",
        "RunVersionChanged",
        "SignalReceived",
        "StepScheduled",
        "StepCompleted",
        "RunCompleted"
      ])
      expect(yield* describeRun(world)).toMatchObject({ version: "2", status: "completed" })
      const listed = yield* world.run(Client.list({ workflow: "order", limit: 10 }))
      expect(listed.map(({ version }) => version)).toEqual(["2"])
    }))

  it.scoped("stays on the recorded version when the old one comes back", () =>
    Effect.gen(function*() {
      const Twice = (version: string): Order =>
        Workflow.make("order", { version }, () =>
          Effect.gen(function*() {
            yield* Go.receive
            yield* Go.receive
            return yield* Step.run("z", Effect.succeed(version))
          })) as never
      const { run, world } = yield* started(Twice("1"))
      yield* world.restart([Twice("2")])
      yield* go(world)
      yield* world.restart([Twice("1"), Twice("3")])
      // Its version is gone again: the newest is tried.
      expect((yield* describeRun(world)).version).toBe("2")
      yield* world.restart([Twice("1"), Twice("2"), Twice("3")])
      yield* world.run(Client.signal("run", Go, undefined))
      expect(yield* world.runToEnd(run)).toBe("2")
    }))

  it.scoped("records the change before bookkeeping, too: a retry that is due", () =>
    Effect.gen(function*() {
      const Flaky = (version: string) =>
        Workflow.make("order", { version }, () =>
          Step.run("flaky", Effect.flatMap(Step.attempt, ({ attempt }) => attempt === 1 ? Effect.fail("no") : Effect.succeed(version)), {
            retry: Retry
          }).pipe(Effect.orDie))
      const world = yield* World.make({ workflows: [Flaky("1")] })
      const run = yield* world.start(Flaky("1"), undefined, { id: "run" })
      yield* world.restart([Flaky("2")])
      expect(yield* world.runToEnd(run)).toBe("2")
      expect((yield* tags(world)).slice(4)).toEqual(["RunVersionChanged", "StepAttemptStarted", "StepCompleted", "RunCompleted"])
    }))

  it.scoped("goes on with an older version that fits, when the newest does not", () =>
    Effect.gen(function*() {
      const { run, world } = yield* started(order("1"))
      yield* world.restart([order("0", "other"), order("2"), order("3"), order("4", "b")])
      yield* go(world)
      expect(yield* world.runToEnd(run)).toBe("z3")
      expect(yield* describeRun(world)).toMatchObject({ version: "3" })
    }))

  it.scoped("that no version fits is blocked, unchanged, and goes on by itself when one does", () =>
    Effect.gen(function*() {
      const { run, world } = yield* started(order("1"))
      const before = yield* world.history("run")
      yield* world.restart([order("2", "b")])
      yield* go(world)
      expect((yield* describeRun(world)).blocked).toMatchObject({ _tag: "Divergence" })
      expect(yield* world.history("run")).toEqual(before)
      expect((yield* describeRun(world)).version).toBe("1")
      // A signal and a cancel are kept; a second build that does not fit changes nothing either.
      yield* world.run(Client.cancel("run", { by: "ada" }))
      yield* world.restart([order("3", "c"), order("4", "d")])
      expect(yield* describeRun(world)).toMatchObject({ status: "running", blocked: { actual: "step \"d\" [0#0]", change: "replaced" } })
      expect(yield* world.history("run")).toEqual(before)
      yield* world.restart([order("1"), order("3", "c")])
      expect(yield* Effect.flip(world.runToEnd(run))).toMatchObject({ _tag: "RunCancelled", by: "ada" })
      expect((yield* tags(world)).slice(3, 4)).toEqual(["SignalReceived"])
      expect((yield* describeRun(world)).blocked).toBeUndefined()
    }))

  it.scoped("that no version fits is terminated at once", () =>
    Effect.gen(function*() {
      const { run, world } = yield* started(order("1"))
      yield* world.restart([order("2", "b")])
      yield* go(world)
      yield* world.run(Client.terminate("run", { by: "ada" }))
      expect(yield* Effect.flip(world.runToEnd(run))).toMatchObject({ _tag: "RunTerminated" })
      expect((yield* tags(world)).slice(-1)).toEqual(["RunTerminated"])
      expect(yield* tags(world)).not.toContain("RunVersionChanged")
    }))

  it.scoped("of a workflow that is gone waits for it", () =>
    Effect.gen(function*() {
      const { run, world } = yield* started(order("1"))
      yield* world.restart([Workflow.make("other", {}, () => Effect.void)])
      yield* go(world)
      expect((yield* describeRun(world)).blocked).toMatchObject({ _tag: "WorkflowUnknown", workflow: "order" })
      yield* world.restart([order("2")])
      expect(yield* world.runToEnd(run)).toBe("z2")
    }))

  it.scoped("that has not begun begins with the newest when its version is gone", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [order("1")] })
      const run = yield* world.start(order("1"), undefined, { id: "run", delay: "1 hour" })
      yield* world.restart([order("2", "b")])
      yield* world.advance("1 hour")
      yield* go(world)
      expect(yield* world.runToEnd(run)).toBe("z2")
      expect((yield* world.history("run"))[0]).toMatchObject({ _tag: "RunStarted", version: "2" })
    }))

  for (const [what, next] of [["with its version", [order("1"), order("2", "b")]], ["on the newest", [order("2")]]] as const) {
    it.effect(`goes on ${what} after a crash at every append around the deployment`, () =>
      Effect.gen(function*() {
        const { calls } = yield* Crashes.everywhere(() => ({ workflows: [order("1")] }), (world) =>
          Effect.gen(function*() {
            const run = yield* world.start(order("1"), undefined, { id: "run" })
            yield* world.restart(next)
            yield* go(world)
            return yield* world.runToEnd(run)
          }))
        expect(calls.map((call) => call.step)).toEqual(["a", next.length === 2 ? "z1" : "z2"])
      }))
  }
})

describe("a version that is not registered", () => {
  it.scoped("cannot be started: the error names those that are", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [order("1"), order("2")] })
      const error = yield* Effect.flip(world.run(Client.start(order("3"), undefined)))
      expect(error).toMatchObject({ _tag: "WorkflowUnknown", version: "3", versions: ["1", "2"] })
      expect(error.message).toContain("version 3 is registered")
      expect(error.message).toContain("Registered: 1, 2.")
      expect(yield* world.run(Client.list({ limit: 1 }))).toEqual([])
    }))

  it.scoped("cannot be started as a child: the parent waits until it is registered", () =>
    Effect.gen(function*() {
      const Parent = Workflow.make("parent", {}, () => Effect.orDie(Child.run(order("3"), undefined, { id: "run" })))
      const world = yield* World.make({ workflows: [Parent, order("1")] })
      const parent = yield* world.start(Parent, undefined, { id: "parent" })
      const { blocked } = yield* world.run(Client.describe("parent"))
      expect(blocked).toMatchObject({ _tag: "WorkflowUnknown", version: "3", versions: ["1"] })
      expect(yield* Effect.flip(world.run(Client.describe("run")))).toMatchObject({ _tag: "RunNotFound" })
      yield* world.restart([Parent, order("1"), order("3")])
      yield* go(world)
      expect(yield* world.runToEnd(parent)).toBe("z3")
    }))
})
