/** The store fails, and nobody knows whether the write was applied: the run is read again and goes on, once. */
import { it } from "@effect/vitest"
import { Context, Effect, Layer, Schedule, Schema, TestClock } from "effect"
import { describe, expect } from "vitest"
import { Client, Sensor, Signal, Step, Workflow } from "@reprise/core"
import { Errors, type Event, Log } from "@reprise/core/engine"
import { MemoryLog, World } from "@reprise/testing"
import { Worker } from "@reprise/worker"

const Word = Signal.make("word", { payload: Schema.String })

const Busy = Workflow.make("busy", { error: Schema.String }, () =>
  Effect.gen(function*() {
    const flaky = Effect.flatMap(Step.attempt, ({ attempt }) => (attempt < 3 ? Effect.fail("busy") : Effect.succeed(attempt)))
    const parts = yield* Effect.all([
      Step.run("flaky", flaky, { retry: Schedule.spaced("10 minutes") }),
      Effect.as(Effect.sleep("45 minutes"), 0),
      Effect.as(Sensor.until("ready", Effect.map(Step.attempt, ({ poll }) => poll > 2), { every: "20 minutes" }), 1)
    ], { concurrency: "unbounded" })
    return `${parts.join(",")} ${yield* Word.receive}`
  }))

/** A call that fails, and whether it was carried out all the same. */
interface Failure {
  readonly call: "append" | "note" | "read" | "inbox" | "find" | "runnable"
  readonly number: number
  readonly isApplied: boolean
}

const failing = (failure: Failure) => {
  const store = MemoryLog.makeStore()
  const counts = new Map<string, number>()
  const spoilt = (call: Failure["call"], perform: Effect.Effect<any, any>): Effect.Effect<any, any> =>
    Effect.suspend(() => {
      const number = (counts.get(call) ?? 0) + 1
      counts.set(call, number)
      if (call !== failure.call || number !== failure.number) return perform
      const failed = Effect.fail(new Errors.LogError({ operation: call, cause: new Error("the disk is gone") }))
      return failure.isApplied ? Effect.zipRight(perform, failed) : failed
    })
  const wrapped = (log: Log.LogShape): Log.LogShape => ({
    ...log,
    append: (appends) => spoilt("append", log.append(appends)),
    note: (notes) => spoilt("note", log.note(notes)),
    read: (runId, after, limit) => spoilt("read", log.read(runId, after, limit)),
    inbox: (runId) => spoilt("inbox", log.inbox(runId)),
    find: (filter) => spoilt("find", log.find(filter)),
    runnable: (options) => spoilt("runnable", log.runnable(options))
  })
  return Layer.map(MemoryLog.layer(store), (context) => Context.make(Log.Log, wrapped(Context.get(context, Log.Log))))
}

/** Starts, lets things happen for two hours, and signals; a client that is refused asks again. */
const script = (failure: Failure, alwaysReplay: boolean) =>
  Effect.scoped(Effect.gen(function*() {
    const world = yield* World.make({ workflows: [Busy], log: failing(failure), alwaysReplay })
    const again = <A, E>(effect: Effect.Effect<A, E>) => Effect.catchAllCause(effect, () => effect)
    const start = world.start(Busy, undefined, { id: "run", onConflict: "use_existing" })
    const run = yield* again(start)
    yield* world.advance("2 hours")
    yield* again(world.run(Client.signal("run", Word, "on", { messageId: "word" })))
    yield* world.advance("1 minute")
    const result = yield* again(world.runToEnd(run))
    return { result, calls: yield* world.calls, history: yield* again(world.history("run")) }
  }))

const tags = (history: ReadonlyArray<Event.Event>) => history.map((event) => event._tag)

describe("a failed call of the store", () => {
  const calls = ["append", "note", "read", "inbox", "find", "runnable"] as const
  for (const call of calls) {
    for (const isApplied of call === "append" || call === "note" ? [false, true] : [false]) {
      it.effect(`${call}, ${isApplied ? "carried out all the same" : "not carried out"}`, () =>
        Effect.gen(function*() {
          const expected = yield* script({ call, number: 0, isApplied }, false)
          // The first look at the store belongs to the start of the worker, which waits until it succeeds.
          for (let number = call === "runnable" ? 2 : 1; number <= 12; number++) {
            for (const alwaysReplay of [false, true]) {
              const actual = yield* script({ call, number, isApplied }, alwaysReplay)
              const where = `${call} ${number}, ${alwaysReplay ? "always replayed" : "in memory"}`
              expect(actual.result, where).toBe(expected.result)
              expect(tags(actual.history).toSorted(), where).toEqual(tags(expected.history).toSorted())
              // A poll whose note was lost is made again, which harms nobody.
              const steps = actual.calls.filter((made) => made.step !== "ready")
              const attempts = steps.map(({ attempt, stepId }) => `${stepId} ${attempt}`)
              expect(attempts.filter((one, i) => attempts.indexOf(one) !== i), where).toEqual([])
            }
          }
        }))
    }
  }
})

/** A process could not end otherwise: what waits for the store to answer keeps it alive. */
it.effect("a worker that stops while its store fails leaves nothing behind that asks the store", () =>
  Effect.gen(function*() {
    let failed = 0
    let isBroken = false
    const log = yield* Log.Log
    const fail = <A>(call: Effect.Effect<A, any>) =>
      Effect.suspend(() => {
        if (!isBroken) return call
        failed += 1
        return Effect.fail(new Errors.LogError({ operation: "any", cause: new Error("the disk is gone") }))
      })
    const broken: Log.LogShape = {
      ...log,
      append: (appends) => fail(log.append(appends)),
      note: (notes) => fail(log.note(notes)),
      read: (runId, after, limit) => fail(log.read(runId, after, limit)),
      find: (filter) => fail(log.find(filter)),
      runnable: (options) => fail(log.runnable(options))
    }
    const Slow = Workflow.make("slow", {}, () =>
      Step.run("slow", Effect.zipRight(Step.heartbeat("half"), Effect.sleep("31 seconds"))))
    yield* Client.start(Slow, undefined).pipe(
      Effect.zipRight(TestClock.adjust("30 seconds")),
      Effect.zipRight(Effect.sync(() => (isBroken = true))),
      Effect.zipRight(TestClock.adjust("3 seconds")),
      Effect.provide(Worker.layer({ workflows: [Slow] }).pipe(Layer.provide(Layer.succeed(Log.Log, broken))))
    )
    const before = failed
    expect(before).toBeGreaterThan(3)
    yield* TestClock.adjust("10 seconds")
    expect(failed).toBe(before)
  }).pipe(Effect.scoped, Effect.provide(MemoryLog.layer(MemoryLog.makeStore()))))
