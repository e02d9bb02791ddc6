/** Children and signals that cannot be asked for, and code that changes under a parent. */
import { it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { describe, expect } from "vitest"
import { Child, Client, Query, Signal, Workflow } from "@reprise/core"
import type { Activation } from "@reprise/core/engine"
import { World } from "@reprise/testing"
import { children, Declines, Doubles, statusOf, Waits } from "./families.js"

const Word = Signal.make("word", { payload: Schema.String })
type Ask = Effect.Effect<unknown, Workflow.EngineError, Activation.Activation>
const doing = (ask: Ask) => Workflow.make("parent", {}, () => Effect.asVoid(ask))

describe("what cannot be asked for blocks the parent", () => {
  const faults: Readonly<Record<string, readonly [ask: Ask, says: string]>> = {
    "an empty id": [Child.start(Doubles, 1, { id: "" }), "it is empty"],
    "an id with a control character": [Child.start(Doubles, 1, { id: "a\nb" }), "control character"],
    "an id with half a surrogate pair": [Child.start(Doubles, 1, { id: "\ud800" }), "surrogate"],
    "a key that is too long": [Child.start(Doubles, 1, { key: "k".repeat(300) }), "more than 256"],
    "an input that does not fit": [Child.start(Doubles, "1" as never), "Expected number"],
    "an input that is too large": [Effect.orDie(Child.run(Declines, "x".repeat(2_000_000))), "the limit is 1048576"],
    "a delay without end": [Child.start(Doubles, 1, { delay: Infinity }), "never ends"],
    "a signal for an empty id": [Word.send("", "x"), "it is empty"],
    "a signal without a name": [Signal.make("").send("p", undefined), "name is empty"],
    "a payload that does not fit": [Word.send("p", 1 as never), "Expected string"],
    "a payload that is too large": [Word.send("p", "x".repeat(2_000_000)), "the limit is 1048576"]
  }
  for (const [name, [ask, says]] of Object.entries(faults)) {
    it.scoped(name, () =>
      Effect.gen(function*() {
        const world = yield* World.make({ workflows: [doing(ask), ...children] })
        yield* world.start(doing(ask), undefined, { id: "p" })
        const { blocked } = yield* world.run(Client.describe("p"))
        expect(blocked).toMatchObject({ _tag: "ProgramValueInvalid" })
        expect(JSON.stringify(blocked)).toContain(says)
        expect(yield* world.run(Client.list({ parent: "p", limit: 10 }))).toEqual([])
      }))
  }

  it.scoped("an output that does not fit what the parent expects, until its code is mended", () =>
    Effect.gen(function*() {
      const Says = Workflow.make("says", {}, () => Effect.succeed("two"))
      const Expects = Workflow.make("says", { output: Schema.Number }, () => Effect.succeed(2))
      const world = yield* World.make({ workflows: [doing(Child.run(Expects, undefined)), Says] })
      const run = yield* world.start(doing(Effect.void), undefined, { id: "p" })
      const { blocked } = yield* world.run(Client.describe("p"))
      expect(blocked).toMatchObject({ _tag: "ProgramValueInvalid", what: "output of run \"p/0:0\"" })
      yield* world.restart([doing(Child.run(Says, undefined)), Says])
      expect(yield* world.runToEnd(run)).toBe(undefined)
    }))

  it.scoped("a query that starts a child is refused", () =>
    Effect.gen(function*() {
      const Bad = Query.make("bad")
      const Parent = Workflow.make("parent", {}, () =>
        Effect.gen(function*() {
          const context = yield* Effect.context<never>()
          const sneaky = Effect.ignore(Child.run(Doubles, 1)) as Effect.Effect<void>
          yield* Query.handle(Bad, () => Effect.provide(sneaky, context))
          yield* Effect.sleep("1 hour")
        }))
      const world = yield* World.make({ workflows: [Parent, Doubles] })
      const run = yield* world.start(Parent, undefined, { id: "p" })
      const refused = yield* Effect.flip(world.run(Client.query("p", Bad, undefined)))
      expect(refused.message).toContain("child \"doubles\"")
      yield* world.runToEnd(run)
      expect(yield* world.run(Client.list({ parent: "p", limit: 10 }))).toEqual([])
    }))
})

describe("a parent whose code changes", () => {
  const before = Effect.gen(function*() {
    yield* Child.start(Waits, undefined, { id: "c", parentClose: "abandon" })
    yield* Word.send("c", "hello")
    yield* Effect.sleep("1 hour")
  })

  it.scoped("goes on with the child that it has, whatever its options say now", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [doing(before), Waits] })
      const run = yield* world.start(doing(before), undefined, { id: "p" })
      let runId = ""
      const after = Effect.gen(function*() {
        const child = yield* Child.start(Waits, undefined, { id: "d", key: "k", parentClose: "terminate" })
        yield* Word.send("d", "bye")
        yield* Effect.sleep("1 hour")
        runId = child.runId
      })
      yield* world.restart([doing(after), Waits])
      yield* world.runToEnd(run)
      expect([runId, yield* statusOf(world, "c")]).toEqual(["c", "running"])
    }))

  it.scoped("leaves the child alone that it awaits when it was abandoned from the start", () =>
    Effect.gen(function*() {
      const waiting = (parentClose: "abandon" | "cancel") =>
        Effect.timeoutOption(Child.run(Waits, undefined, { id: "c", parentClose }), "1 day")
      const world = yield* World.make({ workflows: [doing(waiting("abandon")), Waits] })
      const run = yield* world.start(doing(waiting("abandon")), undefined, { id: "p" })
      yield* world.restart([doing(waiting("cancel")), Waits])
      yield* world.runToEnd(run)
      expect(yield* statusOf(world, "c")).toBe("running")
    }))

  const changes: Readonly<Record<string, Ask>> = {
    "another child": Child.start(Doubles, 1, { id: "c" }),
    "no child": Effect.sleep("1 hour"),
    "the child in another fiber": Effect.flatten(Effect.fork(Child.run(Waits, undefined))),
    "no signal": Effect.zipRight(Child.start(Waits, undefined), Effect.sleep("1 hour")),
    "another signal": Effect.zipRight(Child.start(Waits, undefined), Signal.make("sentence").send("c", undefined)),
    "a second child": Effect.zipRight(Child.start(Waits, undefined), Child.start(Waits, undefined))
  }
  for (const [name, ask] of Object.entries(changes)) {
    it.scoped(`diverges with ${name}`, () =>
      Effect.gen(function*() {
        const world = yield* World.make({ workflows: [doing(before), ...children] })
        yield* world.start(doing(before), undefined, { id: "p" })
        yield* world.restart([doing(ask), ...children])
        yield* world.advance("1 hour")
        expect((yield* world.run(Client.describe("p"))).blocked).toMatchObject({ _tag: "Divergence" })
        expect(yield* statusOf(world, "c")).toBe("running")
      }))
  }
})
