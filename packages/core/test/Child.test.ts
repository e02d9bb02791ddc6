/** Children: their ends are typed values in the parent, and a crash anywhere changes nothing of it. */
import { it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { describe, expect } from "vitest"
import { Child, Client, Step, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"
import { Declines, Dies, Doubles, settle, start, statusOf, survives, tags, Waits } from "./families.js"

const runIds = ({ histories }: { readonly histories: object }) => Object.keys(histories).toSorted()
const trace: unknown = expect.objectContaining({ sampled: true })

describe("a parent sees", () => {
  survives(Workflow.make("the output of its child", {}, () => Child.run(Doubles, 21)), 42)

  survives(
    Workflow.make("the typed error of its child", {}, () =>
      Effect.catchTag(Child.run(Declines, "the bank"), "Declined", (error) => Effect.succeed(`declined by ${error.by}`))),
    "declined by the bank"
  )

  survives(
    Workflow.make("that its child died", {}, () =>
      Effect.catchTag(Child.run(Dies, undefined, { id: "c" }), "RunFailed", (error) =>
        Effect.succeed(`${error.runId}: ${error.detail}`))),
    "c: step \"die\": broken"
  )

  survives(
    Workflow.make("that its child ran out of time", {}, () =>
      Effect.catchTag(Child.run(Waits, undefined, { timeout: "1 hour" }), "RunTimedOut", (error) =>
        Effect.succeed(error.millis))),
    3_600_000
  )

  for (const how of ["cancel", "terminate"] as const) {
    survives(
      Workflow.make(`that somebody else did ${how} its child`, {}, () =>
        Child.run(Waits, undefined, { id: "c" }).pipe(
          Effect.as("no"),
          Effect.catchTag("RunCancelled", (error) => Effect.succeed(`cancel by ${error.by}: ${error.reason}`)),
          Effect.catchTag("RunTerminated", (error) => Effect.succeed(`terminate by ${error.by}: ${error.reason}`))
        )),
      `${how} by ada: enough`,
      {
        script: (world, workflow) =>
          Effect.gen(function*() {
            const parent = yield* start(world, workflow)
            yield* world.run(Client[how]("c", { messageId: "m", by: "ada", reason: "enough" }))
            return yield* world.runToEnd(parent)
          })
      }
    )
  }

  survives(
    Workflow.make("the end of a child as often as it asks, and late", {}, () =>
      Effect.gen(function*() {
        const child = yield* Child.start(Doubles, 4)
        yield* Effect.sleep("1 day")
        const both = yield* Effect.all([child.result, child.result], { concurrency: 2 })
        return [...both, yield* child.result]
      })),
    [8, 8, 8]
  )

  survives(
    Workflow.make("a child's failure as its own, undeclared", {}, () => Child.run(Dies, undefined, { id: "c" })),
    "RunFailed c",
    {
      script: (world, workflow) =>
        Effect.catchTag(world.execute(workflow, undefined, { id: "p" }), "RunFailed", (error) =>
          Effect.succeed(`${error._tag} ${error.runId}`))
    }
  )
})

describe("many", () => {
  survives(
    Workflow.make("children run within a limit", {}, () =>
      Effect.forEach([1, 2, 3, 4], (n) => Child.run(Doubles, n), { concurrency: 2 })),
    [2, 4, 6, 8],
    { leaves: [({ histories }) => Object.keys(histories).length, 5] }
  )

  it.scoped("are a thousand, and no more than the limit at once", () =>
    Effect.gen(function*() {
      let now = 0
      let most = 0
      const Adds = Workflow.make("adds", { input: Schema.Number }, (n) =>
        Effect.gen(function*() {
          yield* Step.run("begin", Effect.sync(() => void (most = Math.max(most, ++now))))
          yield* Effect.sleep("1 minute")
          return yield* Step.run("end", Effect.sync(() => (now--, n + 1)))
        }))
      const numbers = Array.from({ length: 1_000 }, (_, n) => n)
      const All = Workflow.make("all", {}, () =>
        Effect.map(Effect.forEach(numbers, (n) => Child.run(Adds, n), { concurrency: 50 }), (all) =>
          all.reduce((a, b) => a + b, 0)))
      const world = yield* World.make({ workflows: [All, Adds] })
      expect(yield* world.execute(All, undefined)).toBe(500_500)
      expect(most).toBe(50)
    }))

  const Grand = Workflow.make("grand", { input: Schema.Number }, (n) => Effect.map(Child.run(Doubles, n), (m) => m + 1))
  survives(Workflow.make("generations of children", {}, () => Child.run(Grand, 3)), 7, {
    others: [Grand],
    leaves: [runIds, ["p", "p/0:0", "p/0:0/0:0"]]
  })

  it.scoped("ids of children of children stay within the limit, and differ", () =>
    Effect.gen(function*() {
      const Line: Workflow.Workflow<number, number, never, never> = Workflow.make("line", { input: Schema.Number }, (n) =>
        n === 0 ? Effect.succeed(0) : Effect.map(Effect.zip(Child.run(Line, n - 1), Child.run(Line, 0)), ([m]) => m + 1))
      const world = yield* World.make({ workflows: [Line] })
      expect(yield* world.execute(Line, 100, { id: "😀".repeat(100) })).toBe(100)
      const runs = yield* world.run(Client.list({ limit: 1_000 }))
      expect(new Set(runs.map((run) => run.runId)).size).toBe(201)
      expect(Math.max(...runs.map((run) => run.runId.length))).toBe(256)
    }))
})

describe("an id that is taken", () => {
  survives(
    Workflow.make("is a typed error, and so is a key", {}, () =>
      Effect.gen(function*() {
        yield* Child.start(Waits, undefined, { id: "c", key: "k" })
        yield* Effect.sleep("1 hour")
        const refused = (options: Child.Options) =>
          Effect.match(Child.start(Waits, undefined, options), {
            onSuccess: () => "started",
            onFailure: ({ by, runId, status, value }) => `${runId} (${status}) has ${by} ${value}`
          })
        return [yield* refused({ id: "c" }), yield* refused({ key: "k" }), yield* refused({ id: "p" })]
      })),
    ["c (running) has id c", "c (running) has key k", "p (running) has id p"],
    { leaves: [runIds, ["c", "p"]] }
  )

  survives(
    Workflow.make("is attached to, open or closed, by id or key", {}, () =>
      Effect.gen(function*() {
        const open = yield* Child.start(Doubles, 100, { id: "other", onConflict: "use_existing" })
        const keyed = yield* Child.run(Doubles, 100, { key: "k", onConflict: "use_existing" })
        const closed = yield* Child.run(Doubles, 100, { id: "other", onConflict: "use_existing" })
        const fresh = yield* Child.start(Doubles, 1, { id: "fresh", onConflict: "use_existing" })
        return [open.existed, yield* open.result, keyed, closed, fresh.existed, yield* fresh.result]
      })),
    [true, 10, 10, 10, false, 2],
    {
      script: (world, workflow) =>
        Effect.zipRight(
          world.start(Doubles, 5, { id: "other", key: "k" }),
          world.execute(workflow, undefined, { id: "p" })
        )
    }
  )

  survives(
    Workflow.make("concerns its parent's policy, not that of one who attached", {}, () =>
      Effect.timeoutOption(Child.run(Waits, undefined, { id: "other", onConflict: "use_existing" }), "1 day").pipe(
        Effect.map((found) => found._tag)
      )),
    "None completed",
    {
      script: (world, workflow) =>
        Effect.gen(function*() {
          yield* world.start(Waits, undefined, { id: "other" })
          const result = yield* world.runToEnd(yield* start(world, workflow))
          yield* settle(world)
          return `${result} ${yield* statusOf(world, "other")}`
        })
    }
  )
})

describe("a child", () => {
  const Counts = Workflow.make("counts", { input: Schema.Number }, (n) =>
    n === 3 ? Effect.succeed(n) : Effect.zipRight(Effect.sleep("1 hour"), Workflow.continueAsNew(n + 1)))
  survives(Workflow.make("that continues as new ends when its last generation does", {}, () => Child.run(Counts, 0)), 3, {
    others: [Counts]
  })

  const Tells = Workflow.make("tells", {}, () => Effect.map(Workflow.info, (info) => [info.runId, info.parentRunId ?? "none"]))
  survives(Workflow.make("knows its parent, and is traced below it", {}, () => Child.run(Tells, undefined)), ["p/0:0", "p"], {
    others: [Tells],
    leaves: [({ histories }) => histories["p/0:0"]?.[0], expect.objectContaining({ parent: { runId: "p", id: "0#0" }, trace })]
  })

  survives(
    Workflow.make("begins after its delay, and may be cancelled before", {}, () =>
      Effect.gen(function*() {
        const { startedAt } = yield* Workflow.info
        yield* Child.run(Doubles, 1, { delay: "1 day" })
        const hours = Math.floor((Date.now() - startedAt) / 3_600_000)
        const none = yield* Effect.timeoutOption(Child.run(Doubles, 1, { id: "late", delay: "9 days" }), "1 day")
        return [hours, none._tag]
      })),
    [24, "None"],
    { leaves: [({ histories }) => tags(histories["late"]), ["RunCancelled"]] }
  )

  it.scoped("of an unknown workflow blocks its parent until a worker has it, and is blocked when it is gone again", () =>
    Effect.gen(function*() {
      const Parent = Workflow.make("parent", {}, () => Child.run(Doubles, 1, { id: "c" }))
      const world = yield* World.make({ workflows: [Parent] })
      const run = yield* world.start(Parent, undefined, { id: "p" })
      const blocked = (runId: string) => world.run(Effect.map(Client.describe(runId), (summary) => summary.blocked))
      expect(yield* blocked("p")).toMatchObject({ _tag: "WorkflowUnknown", workflow: "doubles" })
      yield* world.restart([Parent, Doubles])
      expect([yield* blocked("p"), yield* statusOf(world, "c")]).toEqual([undefined, "running"])
      yield* world.restart([Parent])
      yield* world.advance("1 hour")
      expect([yield* blocked("p"), yield* blocked("c")]).toMatchObject([undefined, { _tag: "WorkflowUnknown" }])
      yield* world.restart([Parent, Doubles])
      expect(yield* world.runToEnd(run)).toBe(2)
    }))

  it.scoped("whose end comes while its parent is paused is told when it is resumed", () =>
    Effect.gen(function*() {
      const Parent = Workflow.make("parent", {}, () => Child.run(Doubles, 1, { id: "c" }))
      const world = yield* World.make({ workflows: [Parent, Doubles] })
      const run = yield* world.start(Parent, undefined, { id: "p" })
      yield* world.run(Client.pause("p"))
      yield* world.advance("1 hour")
      expect([yield* statusOf(world, "p"), yield* statusOf(world, "c")]).toEqual(["running", "completed"])
      yield* world.run(Client.resume("p"))
      expect(yield* world.runToEnd(run)).toBe(2)
    }))
})
