/** What a query sees of a run in memory: what the store has, and nothing that may never get there (I2). */
import { it } from "@effect/vitest"
import { Client, Query, Signal, Workflow } from "@reprise/core"
import { Errors, Log } from "@reprise/core/engine"
import { MemoryLog } from "@reprise/testing"
import { Worker } from "@reprise/worker"
import { Context, Deferred, Effect, Fiber, Layer, Schema, TestClock } from "effect"
import { describe, expect } from "vitest"

const Go = Signal.make("go")
const Stage = Query.make("stage", { output: Schema.String })
const Spoils = Query.make("spoils", { output: Schema.String })

const Waits = Workflow.make("waits", {}, () =>
  Effect.gen(function*() {
    let stage = "waiting"
    yield* Query.handle(Stage, () => Effect.succeed(stage))
    yield* Query.handle(Spoils, () => Effect.as(Effect.sleep("1 second"), "never"))
    yield* Go.receive
    stage = "gone"
    yield* Go.receive
  }))

interface Gate {
  /** Done when an append that delivers a signal waits for `opens`. */
  readonly waits: Deferred.Deferred<void>
  readonly opens: Deferred.Deferred<void, Errors.LogError>
}

const workerBehind = ({ opens, waits }: Gate) =>
  Worker.layer({ workflows: [Waits] }).pipe(
    Layer.provide(Layer.map(MemoryLog.layer(MemoryLog.makeStore()), (context) => {
      const log = Context.get(context, Log.Log)
      const held = Effect.zipRight(Deferred.succeed(waits, undefined), Deferred.await(opens))
      return Context.make(Log.Log, {
        ...log,
        append: (appends) => {
          const delivers = appends.some(({ events }) => events.some(({ _tag }) => _tag === "SignalReceived"))
          return delivers ? Effect.zipRight(held, log.append(appends)) : log.append(appends)
        }
      })
    }))
  )

/** Asks while the append that delivers a signal is on its way, and tells what was answered before and after it settles. */
const during = (query: Query.Query<void, string>, settle: (gate: Gate) => Effect.Effect<unknown>) =>
  Effect.gen(function*() {
    const gate: Gate = { waits: yield* Deferred.make<void>(), opens: yield* Deferred.make<void, Errors.LogError>() }
    const asking = Effect.gen(function*() {
      yield* Client.start(Waits, undefined, { id: "a" })
      yield* Client.signal("a", Go, undefined)
      yield* Deferred.await(gate.waits)
      const asked = yield* Effect.fork(Effect.either(Client.query("a", query, undefined)))
      yield* TestClock.adjust("10 millis")
      const before = yield* Fiber.poll(asked)
      yield* settle(gate)
      yield* TestClock.adjust("10 seconds")
      const later = yield* Client.query("a", Stage, undefined)
      return { before, answer: yield* Fiber.join(asked), later }
    })
    return yield* Effect.provide(asking, workerBehind(gate))
  })

const commits = ({ opens }: Gate) => Deferred.succeed(opens, undefined)

describe("a query while an append is on its way", () => {
  it.effect("is answered when it is committed", () =>
    Effect.gen(function*() {
      const { answer, before } = yield* during(Stage, commits)
      expect(before).toMatchObject({ _tag: "None" })
      expect(answer).toMatchObject({ _tag: "Right", right: "gone" })
    }))

  it.effect("does not see what the store has not taken", () =>
    Effect.gen(function*() {
      // It fails for good: the signal stays in the inbox.
      const error = new Errors.LogError({ operation: "append", cause: "the disk is full" })
      const { answer, later } = yield* during(Stage, ({ opens }) => Deferred.fail(opens, error))
      expect([answer, later]).toMatchObject([{ _tag: "Right", right: "waiting" }, "waiting"])
    }))

  it.effect("spoils nothing when it waits", () =>
    Effect.gen(function*() {
      const { answer, later } = yield* during(Spoils, commits)
      expect(answer).toMatchObject({ _tag: "Left", left: { _tag: "QueryFailed" } })
      expect(later).toBe("gone")
    }))
})
