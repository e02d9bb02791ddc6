/** A process that cannot do its work says so, names what fails, and takes it back when it can again. */
import { it } from "@effect/vitest"
import { Client, Step, Workflow } from "@reprise/core"
import { Errors, Log } from "@reprise/core/engine"
import { MemoryLog } from "@reprise/testing"
import { Metrics, Worker } from "@reprise/worker"
import { Context, Effect, Fiber, Layer, Metric, Schema, TestClock } from "effect"
import { describe, expect } from "vitest"
import * as App from "../../src/App.js"
import type { Options } from "../../src/Options.js"

const Waits = Workflow.make("waits", { input: Schema.Number }, (millis) => Effect.sleep(millis))
const Broken = Workflow.make("broken", {}, () => Effect.die(new TypeError("oops")))
const Works = Workflow.make("works", {}, () => Step.run("work", Effect.void))

/** What is wrong with the store. */
interface Trouble {
  fails?: "reads" | "writes" | undefined
  /** Calls that are never answered. */
  hangs?: "append" | "runnable" | undefined
}

const troubled = (trouble: Trouble) => (log: Log.LogShape): Log.LogShape => {
  const called = <A, E>(name: string, isWrite: boolean, call: Effect.Effect<A, E>) =>
    Effect.suspend((): Effect.Effect<A, E | Errors.LogError> => {
      if (trouble.hangs === name) return Effect.async<never>(() => {})
      const isBroken = trouble.fails === (isWrite ? "writes" : "reads")
      return isBroken ? new Errors.LogError({ operation: name, cause: new Error("/secret/disk is full") }) : call
    })
  return {
    ...log,
    append: (appends) => called("append", true, log.append(appends)),
    send: (runId, message) => called("send", true, log.send(runId, message)) as ReturnType<Log.LogShape["send"]>,
    note: (notes) => called("note", true, log.note(notes)),
    find: (filter) => called("find", false, log.find(filter)),
    runnable: (options) => called("runnable", false, log.runnable(options))
  }
}

interface Given {
  readonly trouble?: Trouble
  readonly options?: Options
  readonly durability?: "full" | "normal"
  readonly memory?: MemoryLog.MemoryStore
}

const served = ({ durability = "full", memory = MemoryLog.makeStore(), options = {}, trouble = {} }: Given = {}) =>
  Effect.gen(function*() {
    const store = Layer.map(MemoryLog.layer(memory), (context) =>
      Context.add(context, Log.Log, { ...troubled(trouble)(Context.get(context, Log.Log)), durability }))
    const context = yield* Layer.build(Layer.provideMerge(Worker.layer({ workflows: [Waits, Broken, Works] }), store))
    const app = yield* Effect.provide(App.make(options), context)
    const ask = (path: string) => Effect.promise(() => app.fetch(new Request(`http://127.0.0.1${path}`)))
    const ready = Effect.gen(function*() {
      const asking = yield* Effect.fork(ask("/health/ready"))
      yield* TestClock.adjust("3 seconds")
      const response = yield* Fiber.join(asking)
      const { checks, status } = (yield* Effect.promise(() => response.json())) as {
        status: string
        checks: Array<{ name: string; status: string; detail?: string }>
      }
      const named = (wanted: string) => checks.filter((check) => check.status === wanted).map(({ name }) => name)
      return { code: response.status, status, failing: named("fail"), warning: named("warn"), text: JSON.stringify(checks) }
    })
    const run = <A, E>(effect: Effect.Effect<A, E, Client.Client>) => Effect.provide(effect, context)
    return { app, ask, ready, run }
  })

const READY = { code: 200, status: "warn", failing: [], warning: ["auth"] }

describe("ready", () => {
  it.scoped("while all is well; without auth it warns", () =>
    Effect.gen(function*() {
      const { ask, ready, run } = yield* served()
      expect(yield* ready).toMatchObject(READY)
      yield* run(Client.execute(Works, undefined))
      yield* run(Client.start(Waits, 5_000))
      yield* TestClock.adjust("20 seconds")
      expect(yield* ready).toMatchObject(READY)
      expect((yield* ask("/health/live")).status).toBe(200)
    }))

  it.scoped("not while the store cannot be read, and at once when it can", () =>
    Effect.gen(function*() {
      const trouble: Trouble = {}
      const { ask, ready } = yield* served({ trouble })
      trouble.fails = "reads"
      expect(yield* ready).toMatchObject({ code: 503, status: "fail", failing: expect.arrayContaining(["store"]) })
      expect((yield* ready).text).not.toContain("secret")
      expect((yield* ask("/health/live")).status, "the process lives").toBe(200)
      trouble.fails = undefined
      yield* TestClock.adjust("1 second")
      expect(yield* ready).toMatchObject(READY)
    }))

  it.scoped("not while commits fail; it mends itself, with traffic and without", () =>
    Effect.gen(function*() {
      const trouble: Trouble = {}
      const { ready, run } = yield* served({ trouble })
      const failing = { code: 503, failing: ["commits"] }
      trouble.fails = "writes"
      expect(yield* Effect.either(run(Client.start(Works, undefined)))).toMatchObject({ _tag: "Left" })
      expect(yield* ready).toMatchObject(failing)
      trouble.fails = undefined
      expect(yield* ready, "nothing has shown that it is mended").toMatchObject(failing)
      yield* run(Client.execute(Works, undefined))
      expect(yield* ready).toMatchObject(READY)
      trouble.fails = "writes"
      yield* Effect.either(run(Client.start(Works, undefined)))
      trouble.fails = undefined
      yield* TestClock.adjust("20 seconds")
      expect(yield* ready).toMatchObject(READY)
    }))

  it.scoped("not while the store owes an answer to a commit", () =>
    Effect.gen(function*() {
      const trouble: Trouble = {}
      const { ready, run } = yield* served({ trouble })
      trouble.hangs = "append"
      yield* Effect.fork(run(Client.start(Works, undefined)))
      expect(yield* ready, "it may take its time").toMatchObject(READY)
      yield* TestClock.adjust("10 seconds")
      expect(yield* ready).toMatchObject({ code: 503, failing: ["commits"] })
    }))

  it.scoped("not while nobody looks for what is due", () =>
    Effect.gen(function*() {
      const trouble: Trouble = {}
      const { ready } = yield* served({ trouble })
      yield* TestClock.adjust("5 seconds")
      trouble.hangs = "runnable"
      yield* TestClock.adjust("4 seconds")
      expect(yield* ready).toMatchObject({ code: 200, warning: ["timers", "auth"] })
      yield* TestClock.adjust("10 seconds")
      expect(yield* ready).toMatchObject({ code: 503, failing: ["timers"] })
    }))

  it.scoped("not when another process has taken the store over", () =>
    Effect.gen(function*() {
      const memory = MemoryLog.makeStore()
      const { ready, run } = yield* served({ memory })
      yield* Layer.build(MemoryLog.layer(memory))
      expect(yield* ready, "nothing has told it so far").toMatchObject(READY)
      const before = yield* Metric.value(Metrics.fenceRejections)
      yield* Effect.either(run(Client.start(Works, undefined)))
      expect(yield* ready).toMatchObject({ code: 503, failing: ["worker"] })
      expect((yield* Metric.value(Metrics.fenceRejections)).count - before.count).toBe(1)
    }))

  it.scoped("not when it stops, from then on", () =>
    Effect.gen(function*() {
      const { app, ask, ready } = yield* served()
      yield* app.drain
      expect(yield* ready).toMatchObject({ code: 503, failing: ["process"] })
      expect((yield* ask("/health/live")).status).toBe(200)
    }))

  it.scoped("with a warning for blocked runs, and for a store that may lose something", () =>
    Effect.gen(function*() {
      const { ready, run } = yield* served({ durability: "normal" })
      expect(yield* ready).toMatchObject({ code: 200, status: "warn", warning: ["durability", "auth"] })
      yield* run(Client.start(Broken, undefined))
      // Counts of the store are used for some seconds.
      yield* TestClock.adjust("10 seconds")
      expect(yield* ready).toMatchObject({ code: 200, warning: ["durability", "runs", "auth"] })
    }))
})
