/** A build is tried on the open runs before it is trusted with them; a patch is retired when no run needs its old branch. */
import { it } from "@effect/vitest"
import { Effect } from "effect"
import { describe, expect } from "vitest"
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { MemoryLog, World } from "@reprise/testing"
import { Worker } from "@reprise/worker"

const Go = Signal.make("go")
type Order = Workflow.Workflow<void, string, never, never>

const coded = (body: Effect.Effect<string, never, any>, name = "order"): Order => Workflow.make(name, {}, () => body as never)
const step = (name: string) => Step.run(name, Effect.succeed(name))

const old = coded(Effect.zipRight(step("a"), Effect.zipRight(Go.receive, step("z"))))

const patched = coded(Effect.gen(function*() {
  if (yield* Workflow.patched("first")) yield* step("new")
  yield* step("a")
  yield* Go.receive
  if (yield* Workflow.patched("second")) yield* step("newer")
  return yield* step("z")
}))

const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`)

/** Two runs begun before the patches, three after. */
const mixed = Effect.gen(function*() {
  const store = MemoryLog.makeStore()
  const world = yield* World.make({ workflows: [old], store })
  yield* Effect.forEach(ids("old", 2), (id) => world.start(old, undefined, { id }))
  yield* world.restart([patched])
  yield* Effect.forEach(ids("new", 3), (id) => world.start(patched, undefined, { id }))
  return { store, world }
})

describe("Client.check", () => {
  it.scoped("says which branch of each patch the open runs took", () =>
    Effect.gen(function*() {
      const { world } = yield* mixed
      const before = yield* world.history("old-0")
      const report = yield* world.run(Client.check({ workflow: "order" }))
      expect(report).toMatchObject({ openCount: 5, misfitCount: 0, misfits: [] })
      expect(report.patches).toEqual([{
        workflow: "order",
        patch: "first",
        oldBranch: { count: 2, runIds: ["old-1", "old-0"] },
        newBranch: { count: 3, runIds: ["new-2", "new-1", "new-0"] },
        notAskedCount: 0
      }])
      expect(yield* world.history("old-0")).toEqual(before)
    }))

  it.scoped("tells when no open run needs the old branch any more", () =>
    Effect.gen(function*() {
      const { world } = yield* mixed
      const needs = Effect.map(world.run(Client.check()), ({ patches }) =>
        patches.map(({ oldBranch, patch }) => `${patch} ${oldBranch.count}`))
      expect(yield* needs).toEqual(["first 2"])
      for (const id of ids("old", 2)) {
        yield* world.run(Client.signal(id, Go, undefined))
        yield* world.idle
      }
      expect(yield* needs).toEqual(["first 0"])
    }))

  it.scoped("counts runs that have not come to the place", () =>
    Effect.gen(function*() {
      const Late = coded(Effect.gen(function*() {
        yield* Go.receive
        yield* Workflow.patched("p")
        yield* Go.receive
        return ""
      }))
      const world = yield* World.make({ workflows: [Late] })
      yield* Effect.forEach(ids("run", 3), (id) => world.start(Late, undefined, { id }))
      yield* world.start(Late, undefined, { id: "delayed", delay: "1 day" })
      yield* world.run(Client.signal("run-1", Go, undefined))
      yield* world.idle
      const { openCount, patches } = yield* world.run(Client.check())
      expect(openCount).toBe(4)
      expect(patches).toMatchObject([{ oldBranch: { count: 0 }, newBranch: { runIds: ["run-1"] }, notAskedCount: 3 }])
    }))

  it.scoped("lists the runs that do not fit, with the reason", () =>
    Effect.gen(function*() {
      const { world } = yield* mixed
      yield* world.restart([coded(Effect.suspend(() => step("b")))])
      const { misfitCount, misfits, patches } = yield* world.run(Client.check())
      expect(misfitCount).toBe(5)
      expect(misfits.map(({ runId }) => runId)).toEqual(["new-2", "new-1", "new-0", "old-1", "old-0"])
      expect(misfits[0]?.fault).toMatchObject({ _tag: "Divergence", change: "replaced", source: expect.any(String) })
      expect(patches).toEqual([])
      yield* world.restart([coded(step("b"), "other")])
      expect((yield* world.run(Client.check())).misfits[0]?.fault._tag).toBe("WorkflowUnknown")
      expect((yield* world.run(Client.check({ workflow: "other" }))).openCount).toBe(0)
    }))

  it.scoped("reports many runs in bounded space", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [patched] })
      yield* Effect.forEach(ids("run", 450), (id) => world.run(Client.start(patched, undefined, { id })))
      yield* world.idle
      const report = yield* world.run(Client.check())
      expect(report.openCount).toBe(450)
      expect(report.patches[0]?.newBranch.count).toBe(450)
      expect(report.patches[0]?.newBranch.runIds).toHaveLength(Client.REPORTED_MAX)
    }))

  it.scoped("needs a worker", () =>
    Effect.gen(function*() {
      const layer = Worker.clientLayer({ workflows: [old] })
      const error = yield* Client.check().pipe(Effect.flip, Effect.provide(layer), Effect.provide(MemoryLog.layer(MemoryLog.makeStore())))
      expect(error).toMatchObject({ _tag: "WorkerMissing", operation: "check" })
    }))
})

describe("Worker.check", () => {
  it.scoped("tries a build on a store without running anything of it", () =>
    Effect.gen(function*() {
      const { store, world } = yield* mixed
      const before = yield* world.history("new-0")
      const check = (workflow: Order) => Effect.provide(Worker.check({ workflows: [workflow] }), MemoryLog.layer(store))
      expect(yield* check(patched)).toMatchObject({ openCount: 5, misfitCount: 0 })
      expect(yield* check(coded(Effect.zipRight(step("a"), step("b"))))).toMatchObject({ openCount: 5, misfitCount: 5 })
      expect(yield* world.history("new-0")).toEqual(before)
    }))
})
