/** What is recorded is nobody's to change, and odd values are refused by name. */
import { it } from "@effect/vitest"
import { Cause, Effect, Exit, Schema } from "effect"
import { describe, expect } from "vitest"
import { Awakeable, Client, Step, Workflow } from "@reprise/core"
import { Payload } from "@reprise/core/engine"
import { Crashes, World } from "@reprise/testing"

const failureOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)

describe("a recorded value", () => {
  it.effect("does not change with what the program does to its own", () =>
    Effect.gen(function*() {
      const Sorts = Workflow.make("sorts", { input: Schema.mutable(Schema.Array(Schema.Number)) }, (input) =>
        Effect.gen(function*() {
          const list = yield* Step.run("list", Effect.succeed([3, 1, 2]))
          const value = yield* Step.value("value", Effect.succeed([{ n: 1 }]))
          input.push(9)
          list.sort()
          list.push(4)
          value[0]!.n += 1
          yield* Effect.sleep("1 second")
          return { input, list, value }
        }))
      const { exit, histories } = yield* Crashes.everywhere(() => ({ workflows: [Sorts] }), (world) =>
        world.execute(Sorts, [8], { id: "run" }))
      expect(exit).toEqual(Exit.succeed({ input: [8, 9], list: [1, 2, 3, 4], value: [{ n: 2 }] }))
      const recorded = histories["run"]?.filter(({ _tag }) => ["RunStarted", "StepCompleted", "ValueRecorded"].includes(_tag))
      expect(recorded).toMatchObject([{ input: [8] }, { output: [3, 1, 2] }, { value: [{ n: 1 }] }])
    }))

  it.effect("does not change with what the body keeps of it", () =>
    Effect.gen(function*() {
      const Keeps = Workflow.make("keeps", {}, () =>
        Effect.gen(function*() {
          const kept: Array<number> = []
          const add = Step.run("add", Effect.sync(() => (kept.push(kept.length), kept)))
          const first = yield* add
          yield* add
          return first
        }))
      const world = yield* World.make({ workflows: [Keeps] })
      expect(yield* world.execute(Keeps, undefined)).toEqual([0])
    }).pipe(Effect.scoped))

  it.effect("is at once what the log will give back: no undefined fields, no sign before zero", () =>
    Effect.gen(function*() {
      const Looks = Workflow.make("looks", {}, () =>
        Effect.gen(function*() {
          const odd: { a?: number | undefined; b: number } = yield* Step.run("odd", Effect.succeed({ a: undefined, b: -0 }))
          for (const key of Object.keys(odd)) yield* Step.run(key, Effect.void)
          yield* Effect.sleep("1 second")
          return Object.is(odd.b, -0)
        }))
      const { exit } = yield* Crashes.everywhere(() => ({ workflows: [Looks] }), (world) =>
        world.execute(Looks, undefined, { id: "run" }))
      expect(exit).toEqual(Exit.succeed(false))
    }))

  it("keeps a field that is called __proto__", () => {
    const given: unknown = JSON.parse("{\"__proto__\":{\"x\":1},\"constructor\":2}")
    const copy = Payload.checkJson(given, "value")
    expect(JSON.stringify(copy._tag === "Right" ? copy.right : copy.left)).toBe(JSON.stringify(given))
  })
})

describe("an odd value", () => {
  const throws = { get inside(): number { throw new Error("not now") } }
  const circle: { self?: unknown } = {}
  circle.self = circle
  const odd: ReadonlyArray<readonly [string, unknown, string]> = [
    ["throws when it is read", throws, "it throws when it is read: not now"],
    ["refers to itself", circle, "refers to itself at self.self.self.self.self…"]
  ]
  for (const [what, value, message] of odd) {
    it.scoped(`that ${what} fails the step that gives it`, () =>
      Effect.gen(function*() {
        const Gives = Workflow.make("gives", {}, () => Step.run("give", Effect.sync(() => value as string)))
        const world = yield* World.make({ workflows: [Gives] })
        const failure = failureOf(yield* Effect.exit(world.execute(Gives, undefined)))
        expect(failure).toMatchObject({ _tag: "RunFailed", name: "Unencodable", detail: expect.stringContaining(message) })
      }))
  }

  it.scoped("given as raw JSON is refused, too", () =>
    Effect.gen(function*() {
      const Waits = Workflow.make("waits", {}, () => Effect.flatMap(Awakeable.make("call"), (call) => call.await))
      const world = yield* World.make({ workflows: [Waits] })
      const started = yield* Effect.flip(world.run(Client.startByName("waits", circle as string)))
      expect(started).toMatchObject({ _tag: "PayloadInvalid" })
      const settled = yield* Effect.flip(world.run(Client.resolveAwakeable("token", NaN)))
      expect(settled).toMatchObject({ _tag: "PayloadInvalid" })
    }))

  it.scoped("as the name of a run is refused: half of a surrogate pair", () =>
    Effect.gen(function*() {
      const Ends = Workflow.make("ends", {}, () => Effect.succeed("well"))
      const world = yield* World.make({ workflows: [Ends] })
      expect(yield* Effect.flip(world.start(Ends, undefined, { id: "a\ud83d" }))).toMatchObject({ _tag: "NameInvalid" })
      expect((yield* world.start(Ends, undefined, { id: "a\ud83d\ude00" })).runId).toBe("a😀")
    }))
})
