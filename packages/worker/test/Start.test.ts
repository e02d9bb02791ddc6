/** How runs begin: once per id, one open run per key, later, and for a bounded time. */
import { it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { Log } from "@reprise/core/engine"
import { MemoryLog, World } from "@reprise/testing"
import { Worker } from "@reprise/worker"

const Go = Signal.make("go")
const Waits = Workflow.make("waits", { input: Schema.String }, (input) => Effect.as(Go.receive, input))
const Other = Workflow.make("other", {}, () => Effect.asVoid(Go.receive))

const started = (world: World.World, input: string, options: Client.StartOptions) => Effect.exit(world.start(Waits, input, options))
const make = World.make({ workflows: [Waits, Other] })

describe("a run's id", () => {
  it.scoped("is taken for ever", () =>
    Effect.gen(function*() {
      const world = yield* make
      const run = yield* world.start(Waits, "first", { id: "a" })
      const taken = yield* Effect.flip(world.start(Waits, "second", { id: "a" }))
      expect(taken).toMatchObject({ _tag: "RunExists", by: "id", status: "running" })
      yield* world.run(Client.signal("a", Go, undefined))
      expect(yield* world.runToEnd(run)).toBe("first")
      expect(yield* Effect.flip(world.start(Waits, "third", { id: "a" }))).toMatchObject({ status: "completed" })
      expect(yield* world.calls).toEqual([])
    }))

  it.scoped("use_existing answers the run that is there", () =>
    Effect.gen(function*() {
      const world = yield* make
      yield* world.start(Waits, "first", { id: "a" })
      yield* world.evictAll
      const again = yield* world.start(Waits, "second", { id: "a", onConflict: "use_existing" })
      expect(again).toMatchObject({ runId: "a", existed: true })
      yield* world.run(Client.signal("a", Go, undefined))
      expect(yield* world.runToEnd(again)).toBe("first")
    }))

  it.scoped("a bad one is refused", () =>
    Effect.gen(function*() {
      const world = yield* make
      for (const id of ["", "x".repeat(257), "a\nb"]) {
        expect(yield* Effect.flip(world.start(Waits, "x", { id }))).toMatchObject({ _tag: "NameInvalid" })
      }
    }))
})

describe("a business key", () => {
  it.scoped("has one open run in each workflow", () =>
    Effect.gen(function*() {
      const world = yield* make
      const run = yield* world.start(Waits, "first", { id: "a", key: "order-1" })
      expect((yield* started(world, "second", { id: "b", key: "order-1" }))._tag).toBe("Failure")
      expect((yield* Effect.exit(world.start(Other, undefined, { key: "order-1" })))._tag).toBe("Success")
      yield* world.run(Client.signal("a", Go, undefined))
      yield* world.runToEnd(run)
      expect((yield* started(world, "third", { id: "c", key: "order-1" }))._tag).toBe("Success")
    }))

  it.scoped("terminate_existing replaces it, even when it is out of memory", () =>
    Effect.gen(function*() {
      const world = yield* make
      yield* world.start(Waits, "first", { id: "a", key: "order-1" })
      yield* world.evictAll
      yield* world.start(Waits, "second", { id: "b", key: "order-1", onConflict: "terminate_existing" })
      expect((yield* world.run(Client.describe("a"))).status).toBe("terminated")
      expect((yield* world.run(Client.describe("b"))).status).toBe("running")
    }))
})

describe("a second start of a run that is in memory", () => {
  const Works = Workflow.make("works", {}, () => Step.run("work", Effect.sleep("1 hour")))
  for (const does of ["refused", "answer lost"] as const) {
    it.scoped(`leaves it alone when the store fails (${does})`, () =>
      Effect.gen(function*() {
        const faults = { order: 0, evict: 0, faults: [{ at: "append", nth: 2, does, amount: 0 }] } as const
        const world = yield* World.make({ workflows: [Works], faults })
        const run = yield* world.start(Works, undefined, { id: "a" })
        expect(yield* Effect.flip(world.start(Works, undefined, { id: "a" }))).toMatchObject({ _tag: "RunExists" })
        yield* world.runToEnd(run)
        expect((yield* world.calls).length).toBe(1)
        expect((yield* world.damage).strikes.length).toBe(1)
      }))
  }
})

describe("a second start of a run that has left memory with its attempts", () => {
  it.scoped("hands on what they have said, all at once", () =>
    Effect.gen(function*() {
      const Works = Workflow.make("works", {}, () =>
        Effect.zipRight(
          Effect.all([Step.run("one", Effect.sleep("1 hour")), Step.run("two", Effect.sleep("1 hour"))], { concurrency: 2 }),
          Step.run("three", Effect.sleep("1 hour"))
        ))
      const faults = { order: 0, evict: 100, faults: [{ at: "append", nth: 2, does: "slow", amount: 3_600_000 }] } as const
      const world = yield* World.make({ workflows: [Works], faults })
      const run = yield* world.start(Works, undefined, { id: "a" })
      expect(yield* Effect.flip(world.start(Works, undefined, { id: "a" }))).toMatchObject({ _tag: "RunExists" })
      yield* world.runToEnd(run)
      expect((yield* world.calls).map(({ step }) => step)).toEqual(["one", "two", "three"])
    }))
})

describe("a delayed start", () => {
  it.scoped("stays pending until its time, through a crash", () =>
    Effect.gen(function*() {
      const world = yield* make
      yield* world.start(Waits, "later", { id: "a", delay: "1 day" })
      yield* world.advance("12 hours")
      yield* world.crash
      expect(yield* world.history("a")).toEqual([])
      expect((yield* world.run(Client.describe("a"))).status).toBe("pending")
      yield* world.advance("12 hours")
      const [first] = yield* world.history("a")
      expect(first).toMatchObject({ _tag: "RunStarted", at: Date.UTC(2025, 0, 2) })
    }))

  it.scoped("keeps the signals that come before it", () =>
    Effect.gen(function*() {
      const world = yield* make
      const run = yield* world.start(Waits, "later", { id: "a", delay: "1 day" })
      yield* world.run(Client.signal("a", Go, undefined))
      yield* world.idle
      expect(yield* world.history("a")).toEqual([])
      expect(yield* world.runToEnd(run)).toBe("later")
    }))

  it.scoped("can be cancelled and terminated before it", () =>
    Effect.gen(function*() {
      const world = yield* make
      yield* world.start(Waits, "later", { id: "a", delay: "1 day" })
      yield* world.start(Waits, "later", { id: "b", delay: "1 day" })
      yield* world.run(Client.cancel("a", { by: "anna" }))
      yield* world.run(Client.terminate("b", { by: "anna" }))
      yield* world.advance("2 days")
      expect((yield* world.run(Client.describe("a"))).status).toBe("cancelled")
      expect((yield* world.run(Client.describe("b"))).status).toBe("terminated")
    }))

  it.scoped("counts its timeout from its beginning", () =>
    Effect.gen(function*() {
      const world = yield* make
      yield* world.start(Waits, "later", { id: "a", delay: "1 day", timeout: "1 hour" })
      yield* world.advance("24 hours")
      expect((yield* world.run(Client.describe("a"))).status).toBe("running")
      yield* world.advance("1 hour")
      expect((yield* world.run(Client.describe("a"))).status).toBe("failed")
    }))
})

describe("what cannot be started", () => {
  it.scoped("a workflow that nobody registered", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Waits] })
      const unknown = yield* Effect.flip(world.start(Other, undefined))
      expect(unknown).toMatchObject({ _tag: "WorkflowUnknown", workflow: "other", known: ["waits"] })
      expect(yield* Effect.flip(world.run(Client.startByName("wait", "x")))).toMatchObject({
        hint: expect.stringContaining("Did you mean \"waits\"?") as string
      })
    }))

  it.scoped("an input that does not fit, or is too large", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Waits], limits: { payloadBytesMax: 100 } })
      expect(yield* Effect.flip(world.run(Client.startByName("waits", 42)))).toMatchObject({ _tag: "PayloadInvalid" })
      expect(yield* Effect.flip(world.start(Waits, "x".repeat(101)))).toMatchObject({ _tag: "PayloadTooLarge", bytesMax: 100 })
      const run = yield* world.start(Waits, "small")
      expect(yield* Effect.flip(world.run(Client.resolveAwakeable("awk_x", "x".repeat(101))))).toMatchObject({
        _tag: "PayloadTooLarge"
      })
      expect((yield* world.run(Client.describe(run.runId))).status).toBe("running")
    }))

  it.scoped("a run of a workflow that is gone after a restart is blocked, and can be terminated", () =>
    Effect.gen(function*() {
      const world = yield* make
      yield* world.start(Other, undefined, { id: "a" })
      yield* world.restart([Waits])
      yield* world.run(Client.signal("a", Go, undefined))
      yield* world.idle
      expect((yield* world.run(Client.describe("a"))).blocked).toMatchObject({ _tag: "WorkflowUnknown" })
      yield* world.run(Client.terminate("a"))
      yield* world.idle
      expect((yield* world.run(Client.describe("a"))).status).toBe("terminated")
    }))
})

describe("a start at an instant", () => {
  it.scoped("begins then, or now when that has passed", () =>
    Effect.gen(function*() {
      const world = yield* make
      const now = yield* world.now
      yield* world.start(Waits, "x", { id: "later", startAt: now + 60_000 })
      yield* world.start(Waits, "x", { id: "past", startAt: now - 1 })
      const status = (id: string) => Effect.map(world.run(Client.describe(id)), ({ startAt, status }) => [status, startAt])
      expect(yield* status("later")).toEqual(["pending", now + 60_000])
      expect(yield* status("past")).toEqual(["running", undefined])
      yield* world.advance("1 minute")
      expect((yield* status("later"))[0]).toBe("running")
    }))

  it.scoped("has no delay as well, and is an instant", () =>
    Effect.gen(function*() {
      const world = yield* make
      for (const options of [{ startAt: 1, delay: "1 second" }, { startAt: NaN }, { startAt: 1.5 }, { startAt: Infinity }]) {
        const start = Client.startByName("waits", "x", options as Client.StartOptions)
        expect(yield* Effect.flip(world.run(start))).toMatchObject({ _tag: "PayloadInvalid" })
      }
      expect(yield* world.run(Client.list({ limit: 9 }))).toEqual([])
    }))
})

describe("a signal with a start", () => {
  const Words = Signal.make("words", { payload: Schema.NumberFromString })
  const Sums = Workflow.make("sums", { messages: [Words] }, () =>
    Effect.gen(function*() {
      const first = yield* Words.receive
      yield* Step.run("look", Effect.void)
      return first + (yield* Words.receive)
    }))
  const sums = World.make({ workflows: [Sums, Waits] })
  const words = (payload: number, messageId?: string) =>
    ({ message: Words, payload, ...(messageId === undefined ? {} : { messageId }) })

  it.scoped("reaches the new run, or the one that has the key, and each once", () =>
    Effect.gen(function*() {
      const world = yield* sums
      const start = (payload: number, messageId: string) =>
        world.run(Client.signalWithStart(Sums, undefined, words(payload, messageId), { key: "k" }))
      const first = yield* start(1, "one")
      expect(first.existed).toBe(false)
      const [started, signalled] = yield* world.run(Client.history(first.runId))
      expect([started?._tag, signalled]).toMatchObject(["RunStarted", { _tag: "SignalReceived", messageId: "one", payload: "1" }])
      expect(yield* start(1, "one")).toMatchObject({ runId: first.runId, existed: true })
      expect(yield* start(20, "two")).toMatchObject({ runId: first.runId, existed: true })
      expect(yield* world.runToEnd(first)).toBe(21)
      // The key is free again.
      expect((yield* start(3, "three")).existed).toBe(false)
    }))

  it.scoped("by name is checked as any other, before anything is written", () =>
    Effect.gen(function*() {
      const world = yield* sums
      const start = (signal: Client.StartSignal, options: Client.StartOptions = {}) =>
        world.run(Client.startByName("sums", undefined, { id: "a", signal, ...options }))
      expect(yield* Effect.flip(start({ name: "words", payload: 1 }))).toMatchObject({ _tag: "PayloadInvalid" })
      expect(yield* Effect.flip(start({ name: "nope" }))).toMatchObject({ _tag: "MessageUnknown", known: ["words"] })
      expect(yield* Effect.flip(start({ name: "words", payload: "1", messageId: "" }))).toMatchObject({ _tag: "NameInvalid" })
      expect(yield* world.run(Client.list({ limit: 9 }))).toEqual([])
      const run = yield* start({ name: "words", payload: "1", messageId: "m" }, { delay: "1 hour" })
      expect(yield* start({ name: "words", payload: "2" })).toMatchObject({ runId: "a", existed: true })
      yield* world.advance("1 hour")
      expect(yield* world.runToEnd(run)).toBe(3)
      // What has been taken is taken again; anything else finds the run closed.
      expect(yield* start({ name: "words", payload: "1", messageId: "m" })).toMatchObject({ runId: "a", existed: true })
      expect(yield* Effect.flip(start({ name: "words", payload: "9" }))).toMatchObject({ _tag: "RunExists", status: "completed" })
      expect(yield* Effect.flip(start({ name: "words", payload: "9" }, { onConflict: "fail" }))).toMatchObject({ _tag: "RunExists" })
    }))

  it.scoped("is written with the run, in one append", () =>
    Effect.gen(function*() {
      const log = yield* Log.Log
      const appended: Array<number> = []
      const client = Worker.clientLayer({ workflows: [Sums] }).pipe(Layer.provide(Layer.succeed(Log.Log, {
        ...log,
        append: (appends) => Effect.suspend(() => {
          appended.push(appends.length)
          return log.append(appends)
        }),
        send: () => Effect.dieMessage("nothing is sent by itself")
      })))
      yield* Effect.provide(Client.signalWithStart(Sums, undefined, words(1, "one"), { id: "a" }), client)
      expect(appended).toEqual([1])
      expect((yield* log.inbox("a")).messages.map(({ _tag }) => _tag)).toEqual(["Start", "Signal"])
    }).pipe(Effect.provide(MemoryLog.layer(MemoryLog.makeStore()))))

  it.scoped("is there after a crash at any append, or the run is not", () =>
    Effect.gen(function*() {
      for (const moment of ["before", "after"] as const) {
        const world = yield* sums
        yield* world.crashAt({ append: 1, moment })
        const start = world.run(Client.signalWithStart(Sums, undefined, words(1, "one"), { id: "a" }))
        yield* Effect.exit(start)
        yield* start
        yield* world.run(Client.signal("a", Words, 2))
        expect(yield* world.runToEnd(yield* world.run(Client.start(Sums, undefined, { id: "a", onConflict: "use_existing" })))).toBe(3)
      }
    }))
})

describe("terminate_existing", () => {
  it.scoped("never ends a run by the repeated start of itself", () =>
    Effect.gen(function*() {
      const world = yield* make
      const options = { id: "a", key: "order-1", onConflict: "terminate_existing" } as const
      yield* world.start(Waits, "first", options)
      expect(yield* Effect.flip(world.start(Waits, "first", options))).toMatchObject({ _tag: "RunExists", by: "id", status: "running" })
      expect((yield* world.run(Client.describe("a"))).status).toBe("running")
    }))
})
