/** Talking to runs with names and JSON, as a server does. */
import { it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Query, Signal, Step, Update, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"

const failureOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)

const Add = Signal.make("add", { payload: Schema.NumberFromString })
const Total = Query.make("total", { input: Schema.DateFromString, output: Schema.NumberFromString })
const Take = Update.make("take", {
  input: Schema.NumberFromString,
  output: Schema.DateFromString,
  error: Schema.Struct({ left: Schema.NumberFromString })
})

const body = Effect.gen(function*() {
  let total = 0
  yield* Query.handle(Total, () => Effect.sync(() => total))
  yield* Update.handle(Take, {
    validate: (n) => (n < 0 ? Effect.fail("less than nothing") : Effect.void),
    run: (n) =>
      Effect.gen(function*() {
        if (n > 100) return yield* Effect.dieMessage("too much")
        if (n > total) return yield* Effect.fail({ left: total })
        total -= n
        yield* Step.run("take", Effect.void)
        return new Date(n)
      })
  })
  while (total < 1_000) {
    const added = yield* Add.receive
    total += added
  }
  return total
})

const Strict = Workflow.make("strict", { messages: [Add, Total, Take] }, () => body)
const Lax = Workflow.make("lax", {}, () => body)
const make = World.make({ workflows: [Strict, Lax], limits: { payloadBytesMax: 1_000 } })

const flip = <A, E>(world: World.World, call: Effect.Effect<A, E, Client.Client>) => Effect.flip(world.run(call))

describe("a message by name", () => {
  it.scoped("does what its declaration does, and what comes back is JSON", () =>
    Effect.gen(function*() {
      const world = yield* make
      const run = yield* world.start(Strict, undefined, { id: "a" })
      yield* world.run(Client.signalByName("a", "add", "7", { messageId: "once" }))
      yield* world.run(Client.signalByName("a", "add", "7", { messageId: "once" }))
      expect(yield* world.run(Client.queryByName("a", "total", "2026-01-01"))).toBe("7")
      expect(yield* world.run(Client.updateByName("a", "take", "3"))).toEqual({ _tag: "Completed", output: new Date(3).toISOString() })
      expect(yield* world.run(Client.updateByName("a", "take", "30"))).toEqual({ _tag: "Failed", error: { left: "4" } })
      const rejected = { _tag: "UpdateRejected", reason: "less than nothing" }
      expect(yield* flip(world, Client.updateByName("a", "take", "-1"))).toMatchObject(rejected)
      expect(yield* flip(world, Client.updateByName("a", "take", "101"))).toMatchObject({ _tag: "UpdateFailed" })
      yield* world.run(Client.signalByName("a", "add", "996"))
      expect(yield* world.runToEnd(run)).toBe(1_000)
      expect(yield* flip(world, Client.signalByName("a", "add", "1"))).toMatchObject({ _tag: "RunClosed" })
    }))

  it.scoped("is checked by the schemas of a workflow that declares it, before anything is sent", () =>
    Effect.gen(function*() {
      const world = yield* make
      yield* world.start(Strict, undefined, { id: "a" })
      const before = yield* world.run(Client.history("a"))
      const refused: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }, Client.Client>> = [
        Client.signalByName("a", "add", 7),
        Client.signalByName("a", "add", undefined),
        Client.queryByName("a", "total", { from: 1 }),
        Client.updateByName("a", "take", [3])
      ]
      for (const call of refused) expect(yield* flip(world, call)).toMatchObject({ _tag: "PayloadInvalid" })
      expect(yield* flip(world, Client.signalByName("a", "nope", 1))).toMatchObject({ _tag: "MessageUnknown", known: ["add"] })
      expect(yield* flip(world, Client.queryByName("a", "add", 1))).toMatchObject({ _tag: "MessageUnknown", known: ["total"] })
      expect(yield* flip(world, Client.updateByName("a", "add", 1))).toMatchObject({ _tag: "MessageUnknown", known: ["take"] })
      const large = "1".repeat(2_000)
      for (const call of [Client.signalByName("a", "add", large), Client.updateByName("a", "take", large)]) {
        expect(yield* flip<unknown, unknown>(world, call)).toMatchObject({ _tag: "PayloadTooLarge" })
      }
      expect(yield* flip(world, Client.queryByName("a", "total", large))).toMatchObject({ _tag: "PayloadTooLarge" })
      yield* world.idle
      expect(yield* world.run(Client.history("a"))).toEqual(before)
    }))

  it.scoped("goes through as it is to a workflow that does not list its messages", () =>
    Effect.gen(function*() {
      const world = yield* make
      yield* world.start(Lax, undefined, { id: "a" })
      yield* world.run(Client.signalByName("a", "whatever", { any: ["thing"] }))
      yield* world.run(Client.signalByName("a", "add", "5"))
      expect(yield* world.run(Client.queryByName("a", "total", "2026-01-01"))).toBe("5")
      expect(yield* flip(world, Client.updateByName("a", "take", { not: "a number" }))).toMatchObject({ _tag: "UpdateRejected" })
      expect(yield* flip(world, Client.queryByName("a", "nope", 1))).toMatchObject({ _tag: "MessageUnknown" })
      expect(yield* flip(world, Client.signalByName("nobody", "add", "5"))).toMatchObject({ _tag: "RunNotFound" })
      expect(yield* flip(world, Client.signalByName("a", "", "5"))).toMatchObject({ _tag: "NameInvalid" })
    }))
})

describe("the end of a run", () => {
  it.scoped("is told as the event that closed it, now or when it comes", () =>
    Effect.gen(function*() {
      const world = yield* make
      yield* world.start(Lax, undefined, { id: "a" })
      expect(yield* world.run(Client.end("a"))).toBeUndefined()
      const waiting = yield* Effect.fork(world.run(Client.outcome("a")))
      const impatient = yield* Effect.fork(world.run(Client.outcome("a")))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(impatient)
      yield* world.run(Client.signalByName("a", "add", "1000"))
      const closing = { _tag: "RunCompleted", output: 1_000 }
      expect(yield* Fiber.join(waiting)).toMatchObject(closing)
      expect(yield* world.run(Client.outcome("a"))).toMatchObject(closing)
      expect(yield* world.run(Client.end("a"))).toMatchObject(closing)
      for (const ask of [Client.end("nobody"), Client.outcome("nobody")]) {
        expect(failureOf(yield* Effect.exit(world.run(ask)))).toMatchObject({ _tag: "RunNotFound" })
      }
    }))

  it.scoped("frees its business key", () =>
    Effect.gen(function*() {
      const world = yield* make
      const holder = (workflow: string) => Effect.map(world.run(Client.byKey(workflow, "k")), (run) => run?.runId)
      expect(yield* holder("lax")).toBeUndefined()
      yield* world.start(Lax, undefined, { id: "a", key: "k" })
      yield* world.start(Strict, undefined, { id: "b", key: "k" })
      expect([yield* holder("lax"), yield* holder("strict"), yield* holder("other")]).toEqual(["a", "b", undefined])
      yield* world.run(Client.terminate("a"))
      yield* world.run(Client.outcome("a"))
      expect([yield* holder("lax"), yield* holder("strict")]).toEqual([undefined, "b"])
    }))
})
