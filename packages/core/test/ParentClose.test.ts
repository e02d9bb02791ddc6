/** What becomes of children when whoever waits for them stops, or when their parent ends. */
import { it } from "@effect/vitest"
import { Effect } from "effect"
import { describe, expect } from "vitest"
import { Child, Client, Step, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"
import { Cleans, Dies, settle, start, statusOf, survives, tags, Waits } from "./families.js"

const Middle = Workflow.make("middle", {}, () => Child.run(Waits, undefined))
const policies = ["cancel", "terminate", "abandon"] as const

describe("a parent that is cancelled", () => {
  const waited = { cancel: ["cancelled", true], terminate: ["terminated", true], abandon: ["completed", false] }
  for (const parentClose of policies) {
    survives(
      Workflow.make(`and the child that it awaits: ${parentClose}`, {}, () =>
        Child.run(Cleans, undefined, { id: "c", parentClose })),
      waited[parentClose],
      {
        script: (world, workflow) =>
          Effect.gen(function*() {
            yield* start(world, workflow)
            yield* world.run(Client.cancel("p", { messageId: "m" }))
            yield* settle(world)
            return [yield* statusOf(world, "c"), tags(yield* world.history("p")).includes("ChildCancelRequested")]
          }),
        leaves: [
          ({ calls, histories }) => [calls.map((call) => call.step), histories["p"]?.at(-1)?._tag],
          [parentClose === "cancel" ? ["clean up"] : [], "RunCancelled"]
        ]
      }
    )
  }

  survives(
    Workflow.make("cancels children that nobody awaits, too", {}, () =>
      Effect.zipRight(Child.start(Cleans, undefined, { id: "c" }), Effect.sleep("1 day"))),
    "cancelled",
    {
      script: (world, workflow) =>
        Effect.gen(function*() {
          yield* start(world, workflow)
          yield* world.run(Client.cancel("p", { messageId: "m" }))
          yield* settle(world)
          return yield* statusOf(world, "c")
        })
    }
  )
})

describe("a parent that ends", () => {
  const again = Effect.flatMap(Workflow.info, ({ generation }) =>
    generation === 0 ? Workflow.continueAsNew<void>(undefined) : Effect.succeed("done"))
  const ends = [
    ["completes", "RunCompleted", Effect.succeed("done")],
    ["fails in a step", "StepScheduled", Effect.as(Step.run("die", Effect.die("broken")), "never")],
    ["continues as new, and completes", "RunContinuedAsNew", again]
  ] as const
  for (const [word, next, end] of ends) {
    survives(
      Workflow.make(`${word} in, or soon after, the activation that starts its children`, {}, () =>
        Effect.gen(function*() {
          for (const parentClose of policies) {
            const options = { id: parentClose, parentClose, onConflict: "use_existing" } as const
            yield* Effect.forkDaemon(Child.start(Cleans, undefined, options))
          }
          yield* Effect.yieldNow()
          return yield* end
        })),
      ["cancelled", "terminated", "completed"],
      {
        script: (world, workflow) =>
          Effect.gen(function*() {
            yield* start(world, workflow)
            yield* settle(world)
            return yield* Effect.forEach(policies, (id) => statusOf(world, id))
          }),
        leaves: [({ histories }) => tags(histories["p"]).slice(0, 5), ["RunStarted", ...Array(3).fill("ChildScheduled"), next]]
      }
    )
  }

  survives(
    Workflow.make("lets go of a child that was fired and forgotten", {}, () =>
      Effect.asVoid(Child.start(Cleans, undefined, { id: "c", parentClose: "abandon" }))),
    ["completed", "running", "completed"],
    {
      script: (world, workflow) =>
        Effect.gen(function*() {
          yield* start(world, workflow)
          const before = [yield* statusOf(world, "p"), yield* statusOf(world, "c")]
          yield* settle(world)
          return [...before, yield* statusOf(world, "c")]
        })
    }
  )

  survives(
    Workflow.make("takes its children and theirs with it", {}, () =>
      Effect.zipRight(Child.start(Middle, undefined), Effect.sleep("1 hour"))),
    ["completed", "cancelled", "cancelled"],
    {
      others: [Middle],
      script: (world, workflow) =>
        Effect.gen(function*() {
          yield* start(world, workflow)
          yield* settle(world)
          return yield* Effect.forEach(["p", "p/0:0", "p/0:0/0:0"], (id) => statusOf(world, id))
        })
    }
  )

  for (const end of ["terminate", "cancel"] as const) {
    it.scoped(`by ${end} though it is blocked, ends its children all the same`, () =>
      Effect.gen(function*() {
        const Parent = Workflow.make("parent", {}, () =>
          Effect.gen(function*() {
            yield* Child.start(Waits, undefined, { id: "c" })
            yield* Child.start(Waits, undefined, { id: "d", parentClose: "abandon" })
            yield* Effect.sleep("1 hour")
            return yield* Effect.die(new Error("a bug"))
          }))
        const Mended = Workflow.make("parent", {}, () =>
          Effect.gen(function*() {
            yield* Child.start(Waits, undefined, { id: "c" })
            yield* Child.start(Waits, undefined, { id: "d", parentClose: "abandon" })
            yield* Effect.sleep("1 hour")
          }))
        const world = yield* World.make({ workflows: [Parent, Waits] })
        yield* world.start(Parent, undefined, { id: "p" })
        yield* world.advance("2 hours")
        expect((yield* world.run(Client.describe("p"))).blocked).toBeDefined()
        yield* world.run(Client[end]("p"))
        // Only the program can run cleanup: a cancel waits for its code.
        if (end === "cancel") yield* world.restart([Mended, Waits])
        yield* world.idle
        const all = yield* Effect.forEach(["p", "c", "d"], (id) => statusOf(world, id))
        expect(all).toEqual([end === "terminate" ? "terminated" : "cancelled", "cancelled", "running"])
      }))
  }
})

describe("the wait for a child", () => {
  survives(
    Workflow.make("that is interrupted ends the child, and goes on when it has ended", {}, () =>
      Effect.gen(function*() {
        const { startedAt } = yield* Workflow.info
        const none = yield* Effect.timeoutOption(Child.run(Cleans, undefined, { id: "c" }), "1 day")
        return [none._tag, (Date.now() - startedAt) / 3_600_000]
      })),
    ["None", 25]
  )

  survives(
    Workflow.make("that loses a race ends its child", {}, () =>
      Effect.race(Child.run(Waits, undefined, { id: "slow" }), Effect.as(Child.run(Dies, undefined).pipe(Effect.ignore), "fast"))),
    "fast",
    { leaves: [({ histories }) => histories["slow"]?.at(-1)?._tag, "RunCancelled"] }
  )

  survives(
    Workflow.make("leaves an abandoned child alone when it is interrupted", {}, () =>
      Effect.timeoutOption(Child.run(Waits, undefined, { id: "c", parentClose: "abandon" }), "1 day").pipe(
        Effect.map((found) => found._tag)
      )),
    "None completed",
    {
      script: (world, workflow) =>
        Effect.gen(function*() {
          const result = yield* world.runToEnd(yield* start(world, workflow))
          yield* settle(world)
          return `${result} ${yield* statusOf(world, "c")}`
        })
    }
  )

  survives(
    Workflow.make("of a handle only stops, and the handle can still be cancelled, twice", {}, () =>
      Effect.gen(function*() {
        const child = yield* Child.start(Cleans, undefined, { id: "c" })
        yield* Effect.timeoutOption(child.result, "1 hour")
        yield* Effect.all([child.cancel, child.cancel], { concurrency: 2 })
        yield* child.cancel
        return yield* Effect.match(child.result, { onSuccess: () => "completed", onFailure: (error) => error._tag })
      })),
    "RunCancelled",
    { leaves: [({ histories }) => tags(histories["p"]).filter((tag) => tag === "ChildCancelRequested").length, 2] }
  )

  for (const parentClose of ["cancel", "terminate"] as const) {
    it.scoped(`ends a child that is blocked: ${parentClose}`, () =>
      Effect.gen(function*() {
        const childThat = (end: Effect.Effect<void>) => Workflow.make("child", {}, () => Effect.zipRight(Effect.sleep("1 hour"), end))
        const Broken = childThat(Effect.die(new Error("a bug")))
        const Parent = Workflow.make("parent", {}, () =>
          Effect.timeoutOption(Child.run(Broken, undefined, { id: "c", parentClose }), "1 day").pipe(
            Effect.map((found) => found._tag)
          ))
        const world = yield* World.make({ workflows: [Parent, Broken] })
        const run = yield* world.start(Parent, undefined, { id: "p" })
        yield* world.advance("2 days")
        const before = [yield* statusOf(world, "p"), yield* statusOf(world, "c")]
        expect(before).toEqual(parentClose === "cancel" ? ["running", "running"] : ["completed", "terminated"])
        yield* world.restart([Parent, childThat(Effect.sleep("9 days"))])
        expect(yield* world.runToEnd(run)).toBe("None")
        expect(yield* statusOf(world, "c")).toBe(parentClose === "cancel" ? "cancelled" : "terminated")
      }))
  }
})
