/** Wake-ups that get lost, and a store that is lost. */
import { it } from "@effect/vitest"
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { Errors, Log } from "@reprise/core/engine"
import { MemoryLog, World } from "@reprise/testing"
import { Effect, Layer, Schema } from "effect"
import { describe, expect } from "vitest"

const Go = Signal.make("go", { payload: Schema.String })
const Waits = Workflow.make("waits", { messages: [Go] }, () => Go.receive)

/** A store whose log goes through `change`. */
const changed = (change: (log: Log.LogShape) => Log.LogShape) =>
  Layer.effect(Log.Log, Effect.map(Log.Log, change)).pipe(Layer.provide(MemoryLog.layer(MemoryLog.makeStore())))

const silent = (log: Log.LogShape): Log.LogShape => ({ ...log, watch: () => Effect.void })

const make = (limits: { readonly parkAfterMillis?: number } = {}) =>
  World.make({ workflows: [Waits], log: changed(silent), limits: { sweepMillis: 30_000, pollMillis: 500, ...limits } })

const tagsOf = (world: World.World, runId: string) => Effect.map(world.history(runId), (history) => history.map(({ _tag }) => _tag))

describe("a worker that is not told of a message", () => {
  for (const [where, limits] of [["in memory", {}], ["parked", { parkAfterMillis: 1_000 }]] as const) {
    it.scoped(`finds it within half a minute: its run is ${where}`, () =>
      Effect.gen(function*() {
        const world = yield* make(limits)
        const run = yield* world.start(Waits, undefined)
        yield* world.advance("10 seconds")
        yield* world.run(Client.signal(run.runId, Go, "now"))
        yield* world.advance("15 seconds")
        expect(yield* tagsOf(world, run.runId)).toEqual(["RunStarted"])
        yield* world.advance("10 seconds")
        expect(yield* tagsOf(world, run.runId)).toEqual(["RunStarted", "SignalReceived", "RunCompleted"])
      }))
  }

  it.scoped("finds the end of a pause, and of a run that is paused", () =>
    Effect.gen(function*() {
      const world = yield* make()
      const [one, two] = [yield* world.start(Waits, undefined), yield* world.start(Waits, undefined)]
      for (const { runId } of [one, two]) yield* world.run(Client.pause(runId))
      yield* world.advance("31 seconds")
      yield* world.run(Client.resume(one.runId))
      yield* world.run(Client.terminate(two.runId))
      yield* world.advance("31 seconds")
      expect(yield* tagsOf(world, one.runId)).toEqual(["RunStarted", "RunPaused", "RunResumed"])
      expect(yield* tagsOf(world, two.runId)).toEqual(["RunStarted", "RunPaused", "RunTerminated"])
    }))

  it.scoped("goes on looking when the store fails", () =>
    Effect.gen(function*() {
      let failures = 3
      const failing = (log: Log.LogShape): Log.LogShape => ({
        ...silent(log),
        runnable: (options) =>
          options.recover === "mail" && failures-- > 0
            ? new Errors.LogError({ operation: "find", cause: new Error("not now") })
            : log.runnable(options)
      })
      const world = yield* World.make({ workflows: [Waits], log: changed(failing), limits: { sweepMillis: 1_000, pollMillis: 500 } })
      const run = yield* world.start(Waits, undefined)
      yield* world.run(Client.signal(run.runId, Go, "now"))
      yield* world.advance("5 seconds")
      expect(yield* tagsOf(world, run.runId)).toContain("RunCompleted")
    }))
})

describe("a worker that has lost the store", () => {
  it.scoped("stops: it begins no step, asks the store no more, and tells who starts a run", () =>
    Effect.gen(function*() {
      const store = MemoryLog.makeStore()
      let asked = 0
      const counted = Layer.effect(
        Log.Log,
        Effect.map(Log.Log, (log): Log.LogShape => ({ ...log, find: (filter) => (asked += 1, log.find(filter)) }))
      ).pipe(Layer.provide(MemoryLog.layer(store)))
      const Two = Workflow.make("two", {}, () =>
        Effect.all([Step.run("short", Effect.sleep("1 hour")), Step.run("long", Effect.sleep("3 hours"))], { concurrency: 2 }).pipe(
          Effect.zipRight(Step.run("last", Effect.succeed("done")))
        ))
      const old = yield* World.make({ workflows: [Two], log: counted })
      const run = yield* old.start(Two, undefined)
      const next = yield* World.make({ workflows: [Two], store })
      // The old one learns of it with its first append.
      yield* old.advance("2 hours")
      const askedThen = asked
      yield* next.advance("1 day")
      yield* old.advance("1 day")
      expect(asked).toBe(askedThen)
      expect((yield* old.calls).map(({ step }) => step)).toEqual(["short", "long"])
      expect((yield* next.calls).map(({ step }) => step)).toEqual(["short", "long", "last"])
      expect((yield* next.history(run.runId)).at(-1)).toMatchObject({ _tag: "RunCompleted", output: "done" })
      const refused = yield* Effect.flip(old.run(Client.start(Two, undefined)))
      expect(refused).toMatchObject({ _tag: "LogError", message: expect.stringContaining("has taken the store over") })
    }))
})
