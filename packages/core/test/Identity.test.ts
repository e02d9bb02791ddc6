/** Every command has an id of its own, whatever the fibers and messages are called. */
import { it } from "@effect/vitest"
import { Effect, Exit, Fiber, FiberRef, Runtime, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Signal, Step, Update, Workflow } from "@reprise/core"
import { Crashes, World } from "@reprise/testing"
import { survives } from "./survives.js"

const Done = Signal.make("done")
const Work = Update.make("work", { input: Schema.String, output: Schema.String })

const Works = Workflow.make("works", {}, () =>
  Effect.gen(function*() {
    yield* Update.handle(Work, {
      run: (name) =>
        Effect.all(["a", "b", "c"].map((part) => Step.run(`${name} ${part}`, Effect.as(Effect.sleep("1 minute"), part))), {
          concurrency: "unbounded"
        }).pipe(
          Effect.zip(Step.run(`${name} d`, Effect.as(Effect.sleep("1 minute"), "d")), { concurrent: true }),
          Effect.zip(Step.run(`${name} e`, Effect.as(Effect.sleep("1 minute"), "e"))),
          Effect.map((parts) => `${name}:${parts.flat(2).join("")}`)
        )
    })
    yield* Done.receive
  }))

describe("command ids", () => {
  it.scoped("of update handlers do not collide, whatever the message ids are", () =>
    Effect.gen(function*() {
      const messageIds = ["x", "x.0", "x.1", "x.2", "x.0.1", "x#0", "x.0#0", "0", "%2E"]
      const world = yield* World.make({ workflows: [Works] })
      const run = yield* world.start(Works, undefined, { id: "run" })
      const asked = yield* Effect.forEach(messageIds, (messageId) =>
        Effect.fork(world.run(Client.update("run", Work, messageId, { messageId }))))
      yield* world.advance("30 seconds")
      yield* world.crash
      yield* world.advance("5 minutes")
      yield* world.run(Client.signal("run", Done, undefined))
      yield* world.runToEnd(run)
      const answers = yield* Effect.forEach(asked, Fiber.join)
      expect(answers).toEqual(messageIds.map((id) => `${id}:abcde`))
      const ids = (yield* world.history("run")).flatMap((event) => (event._tag === "StepScheduled" ? [event.id] : []))
      expect(new Set(ids).size).toBe(messageIds.length * 5)
    }))

  survives(
    Workflow.make("of fibers run on the program's own runtime do not collide", {}, () =>
      Effect.gen(function*() {
        const runtime = yield* Effect.runtime<never>()
        const context = yield* Effect.context<never>()
        const step = (name: string) => Effect.provide(Step.run(name, Effect.succeed(name)) as Effect.Effect<string>, context)
        const forked = yield* Effect.sync(() => [Runtime.runFork(runtime)(step("a")), Runtime.runFork(runtime)(step("b"))])
        const own = yield* step("c")
        return [...(yield* Fiber.join(Fiber.all(forked))), own].join("")
      })),
    "abc"
  )

  survives(
    Workflow.make("fiber refs are inherited and joined as ever", {}, () =>
      Effect.gen(function*() {
        const ref = yield* FiberRef.make("start")
        const child = yield* Effect.fork(Effect.zipRight(Step.run("child", Effect.void), FiberRef.update(ref, (text) => `${text}, child`)))
        yield* Effect.sleep("1 minute")
        yield* Fiber.join(child)
        yield* Effect.locally(Step.run("local", Effect.void), ref, "local")
        return yield* FiberRef.get(ref)
      }).pipe(Effect.scoped)),
    "start, child"
  )

  survives(
    Workflow.make("after a failure in a branch, the others keep theirs", {}, () =>
      Effect.gen(function*() {
        const branch = (n: number) =>
          Effect.gen(function*() {
            if (n % 2 === 0) yield* Effect.fail("even")
            return yield* Step.run("odd", Effect.succeed(n))
          }).pipe(Effect.retry({ times: 1 }), Effect.merge)
        const all = yield* Effect.forEach([1, 2, 3, 4, 5], branch, { concurrency: 3 })
        return all.join(",")
      })),
    "1,even,3,even,5"
  )
})

describe("pages", () => {
  it.effect("a history that is read in many pages replays alike", () =>
    Effect.gen(function*() {
      const Long = Workflow.make("long", {}, () =>
        Effect.map(
          Effect.forEach([1, 2, 3, 4, 5], (n) => Effect.zipRight(Effect.sleep("1 minute"), Step.run("n", Effect.succeed(n)))),
          (all) => all.join("")
        ))
      for (const pageEventCount of [1, 2, 3]) {
        const seen = yield* Crashes.everywhere(() => ({ workflows: [Long], limits: { pageEventCount } }), (world: World.World) =>
          world.execute(Long, undefined, { id: "run" }))
        expect(seen.exit).toEqual(Exit.succeed("12345"))
      }
    }), 60_000)
})
