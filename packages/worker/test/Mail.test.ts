/** A message that comes at an awkward moment is not left lying in the inbox. */
import { it } from "@effect/vitest"
import { Client, Signal, Workflow } from "@reprise/core"
import { Log, type Message } from "@reprise/core/engine"
import { MemoryLog } from "@reprise/testing"
import { Worker } from "@reprise/worker"
import { Context, Effect, Layer } from "effect"
import { describe, expect } from "vitest"

const Go = Signal.make("go")
const Noise = Signal.make("noise")
const Waits = Workflow.make("waits", {}, () => Effect.as(Go.receive, "went"))
const WaitsTwice = Workflow.make("waits twice", {}, () => Effect.as(Effect.zipRight(Go.receive, Go.receive), "went twice"))

const message = (name: string, messageId: string): Message.Message => ({ _tag: "Signal", messageId, name })

/** A worker on the store, whose log does something else at some calls. */
const workerOn = (store: MemoryLog.MemoryStore, changed: (log: Log.LogShape) => Partial<Log.LogShape> = () => ({})) =>
  Worker.layer({ workflows: [Waits, WaitsTwice] }).pipe(
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
})
