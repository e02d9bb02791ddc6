/** A message that comes at an awkward moment is not left lying in the inbox. */
import { it } from "@effect/vitest"
import { Client, Query, Signal, Update, Workflow } from "@reprise/core"
import { Errors, Log, type Message } from "@reprise/core/engine"
import { MemoryLog, Simulation, World } from "@reprise/testing"
import { Worker } from "@reprise/worker"
import { Context, Deferred, Effect, Fiber, Layer, Option, Schema, TestClock } from "effect"
import { describe, expect } from "vitest"

const Go = Signal.make("go")
const Noise = Signal.make("noise")
const Waits = Workflow.make("waits", {}, () => Effect.as(Go.receive, "went"))
const WaitsTwice = Workflow.make("waits twice", {}, () => Effect.as(Effect.zipRight(Go.receive, Go.receive), "went twice"))

const Input = Query.make("input", { output: Schema.String })
const Asked = Workflow.make("asked", { input: Schema.String }, (input) =>
  Effect.zipRight(Query.handle(Input, () => Effect.succeed(input)), Go.receive))

const message = (name: string, messageId: string): Message.Message => ({ _tag: "Signal", messageId, name })

/** A worker on the store that takes up nothing of which it was not told, and whose log does something else at some calls. */
const workerOn = (
  store: MemoryLog.MemoryStore,
  changed: (log: Log.LogShape) => Partial<Log.LogShape> = () => ({}),
  workflows: ReadonlyArray<Workflow.Workflow<any, unknown, unknown, never>> = [Waits, WaitsTwice, Asked]
) =>
  Worker.layer({ workflows, limits: { sweepMillis: 1_000_000_000 } }).pipe(
    Layer.provide(Layer.map(MemoryLog.layer(store), (context) => {
      const log = Context.get(context, Log.Log)
      return Context.make(Log.Log, { ...log, ...changed(log) })
    }))
  )

/** Performs `then` at the n-th call. */
const atCall = (n: number, then: Effect.Effect<unknown, unknown>): Effect.Effect<void> => {
  let count = 0
  return Effect.suspend(() => (++count === n ? Effect.orDie(then) : Effect.void))
}

describe("a message that comes", () => {
  it.effect("while a start of the same id asks the store", () =>
    Effect.gen(function*() {
      const store = MemoryLog.makeStore()
      yield* Effect.provide(Client.start(Waits, undefined, { id: "a" }), workerOn(store))
      const again = Effect.flatMap(Client.start(Waits, undefined, { id: "a", onConflict: "use_existing" }), (run) => run.result)
      const worker = workerOn(store, (log) => {
        const first = atCall(1, log.send("a", message("go", "1")))
        return { append: (appends) => Effect.zipRight(first, log.append(appends)) }
      })
      expect(yield* Effect.provide(again, worker)).toBe("went")
    }))

  it.effect("while the run is being read from the store", () =>
    Effect.gen(function*() {
      const store = MemoryLog.makeStore()
      yield* Effect.provide(Client.start(WaitsTwice, undefined, { id: "a" }), workerOn(store))
      const worker = workerOn(store, (log) => {
        // The inbox has been read by now, the history has not.
        const then = atCall(1, log.send("a", message("go", "2")))
        return { read: (runId, afterSeq, limit) => Effect.zipRight(then, log.read(runId, afterSeq, limit)) }
      })
      const goes = Effect.zipRight(Client.signal("a", Go, undefined, { messageId: "1" }), Client.result(WaitsTwice, "a"))
      expect(yield* Effect.provide(goes, worker)).toBe("went twice")
    }))

  it.effect("behind a look into the inbox that finds nothing", () =>
    Effect.gen(function*() {
      const store = MemoryLog.makeStore()
      const worker = workerOn(store, (log) => {
        // The first look finds this one, too, and the second, which it calls for, finds nothing.
        const before = atCall(1, log.send("a", message("noise", "2")))
        const after = atCall(2, log.send("a", message("go", "3")))
        return { inbox: (runId) => Effect.zipRight(before, Effect.zipLeft(log.inbox(runId), after)) }
      })
      const goes = Effect.gen(function*() {
        const run = yield* Client.start(Waits, undefined, { id: "a" })
        yield* Client.signal("a", Noise, undefined, { messageId: "1" })
        return yield* run.result
      })
      expect(yield* Effect.provide(goes, worker)).toBe("went")
    }))

  it.effect("and is being read while a fault takes the run out of service", () =>
    Effect.gen(function*() {
      const store = MemoryLog.makeStore()
      const Faulty = Workflow.make("faulty", {}, () => Effect.zipRight(Effect.sleep("400 millis"), Effect.dieMessage("oops")))
      const [isRead, isOver] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const then = atCall(1, Effect.zipRight(Deferred.succeed(isRead, undefined), Deferred.await(isOver)))
      const worker = workerOn(store, (log) => ({ inbox: (runId) => Effect.zipLeft(log.inbox(runId), then) }), [Faulty])
      const ends = Effect.gen(function*() {
        const run = yield* Client.start(Faulty, undefined, { id: "a" })
        yield* Client.terminate("a")
        yield* Deferred.await(isRead)
        yield* TestClock.adjust("400 millis")
        yield* Effect.repeat(Client.describe("a"), { until: ({ blocked, closedAt }) => (blocked ?? closedAt) !== undefined })
        yield* Deferred.succeed(isOver, undefined)
        return yield* Effect.flip(run.result)
      })
      expect(yield* Effect.provide(ends, worker)).toMatchObject({ _tag: "RunTerminated" })
    }))

  it.effect("for a paused run, while the store does not answer", () =>
    Effect.gen(function*() {
      const store = MemoryLog.makeStore()
      let failures = 0
      const worker = workerOn(store, (log) => ({
        inbox: (runId) =>
          Effect.suspend(() =>
            failures-- > 0 ? new Errors.LogError({ operation: "read an inbox", cause: "busy" }) : log.inbox(runId)
          )
      }))
      const goes = Effect.gen(function*() {
        const run = yield* Client.start(Waits, undefined, { id: "a" })
        yield* Client.pause("a")
        yield* Effect.repeat(Client.describe("a"), { until: ({ paused }) => paused })
        yield* Client.signal("a", Go, undefined)
        failures = 1
        yield* Client.resume("a")
        return yield* run.result
      })
      const going = yield* Effect.fork(Effect.provide(goes, worker))
      const isDone = Effect.map(Fiber.poll(going), Option.isSome)
      yield* Effect.repeat(TestClock.adjust("100 millis"), { until: () => isDone })
      expect(yield* Fiber.join(going)).toBe("went")
    }))
})

it.effect("a query is answered by the run that is there, not by one that is being started with its id", () =>
  Effect.gen(function*() {
    const store = MemoryLog.makeStore()
    yield* Effect.provide(Client.start(Asked, "first", { id: "a" }), workerOn(store))
    const [asks, asked] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    const worker = workerOn(store, (log) => ({
      append: (appends) => Effect.zipRight(Effect.zipRight(Deferred.succeed(asks, undefined), Deferred.await(asked)), log.append(appends))
    }))
    const answer = Effect.gen(function*() {
      const start = yield* Effect.fork(Client.start(Asked, "second", { id: "a", onConflict: "use_existing" }))
      yield* Deferred.await(asks)
      const input = yield* Client.query("a", Input, undefined)
      yield* Deferred.succeed(asked, undefined)
      return [input, (yield* Fiber.join(start)).existed]
    })
    expect(yield* Effect.provide(answer, worker)).toEqual(["first", true])
  }))

const Note = Update.make("note", { output: Schema.String })
const NotesLater = Workflow.make("notes later", {}, () =>
  Effect.gen(function*() {
    yield* Effect.sleep("500 millis")
    yield* Update.handle(Note, { run: () => Effect.succeed("noted") })
    yield* Go.receive
    return "went"
  }))

describe("an inbox that answers late", () => {
  it.effect("tells nothing that was delivered meanwhile a second time", () =>
    Effect.scoped(Effect.gen(function*() {
      const slow = { at: "inbox", nth: 2, does: "slow answer", amount: 1_000 } as const
      const world = yield* World.make({ workflows: [NotesLater], faults: { ...Simulation.Plan.NONE, faults: [slow] } })
      const run = yield* world.start(NotesLater, undefined, { id: "a" })
      const send = (sent: Message.Message) => world.run(Effect.flatMap(Client.Client, ({ log }) => Effect.orDie(log.send("a", sent))))
      // It waits for its handler, and is in the inbox still when that is read for the noise.
      yield* send({ _tag: "Update", messageId: "1", name: "note", input: null })
      yield* world.idle
      yield* send(message("noise", "2"))
      yield* world.advance("2 seconds")
      yield* send(message("go", "3"))
      expect(yield* world.runToEnd(run)).toBe("went")
      expect((yield* world.history("a")).filter(({ _tag }) => _tag === "UpdateAccepted")).toHaveLength(1)
    })))
})
