/** What a check says of runs that exist: of a log, of closed runs, and of exported ones. */
import { it } from "@effect/vitest"
import { Effect } from "effect"
import { describe, expect } from "vitest"
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { Event, Log } from "@reprise/core/engine"
import { ReplayCheck, World } from "@reprise/testing"

const Go = Signal.make("go")
const coded = (body: Effect.Effect<unknown, never, any>, name = "order", version = "1"): Workflow.Any =>
  Workflow.make(name, { version }, () => Effect.asVoid(body) as never)
const step = (name: string) => Step.run(name, Effect.succeed(name))
const all = (...parts: ReadonlyArray<Effect.Effect<unknown, never, any>>) => Effect.all(parts, { discard: true })

const orderOf = (place: Effect.Effect<unknown, never, any>) =>
  coded(all(step("reserve"), Effect.sleep("1 hour"), place, Go.receive, step("close")))
const Order = orderOf(step("charge"))
/** Made when it is asked for, as inside a generator: then a divergence knows its line. */
const Renamed = orderOf(Effect.suspend(() => step("pay")))
const Invoice = coded(Effect.sleep("30 days"), "invoice")

const started = (workflows: ReadonlyArray<Workflow.Any>, ids: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const world = yield* World.make({ workflows, services: undefined as never })
    for (const id of ids) {
      const of = workflows.find(({ name }) => id.startsWith(name)) as Workflow.Workflow<unknown, unknown, unknown, never>
      yield* Effect.orDie(world.start(of, undefined, { id }))
    }
    return world
  })

const check = (world: World.World, workflows: ReadonlyArray<Workflow.Any>, options?: ReplayCheck.Options) =>
  world.run(Effect.flatMap(Client.Client, ({ log }) =>
    Effect.orDie(Effect.provideService(ReplayCheck.run(workflows, options), Log.Log, log))))

const exported = (world: World.World, runId: string, workflow = "order") =>
  Effect.map(world.history(runId), (events) =>
    ({ format: Event.FORMAT, run: { runId, workflow, version: "1", createdAt: 0 }, events }))

describe("ReplayCheck.run", () => {
  it.scoped("names a cause once, with the runs that it stops, the most frequent first", () =>
    Effect.gen(function*() {
      const world = yield* started([Order, Invoice], ["order-1", "order-2", "order-3", "invoice-1"])
      yield* world.advance("2 hours")
      const { causes, misfitCount, openCount } = yield* check(world, [Renamed])
      expect([openCount, misfitCount]).toEqual([4, 4])
      expect(causes.map(({ fault, runs, workflow }) => [workflow, fault._tag, runs.count])).toEqual([
        ["order", "Divergence", 3],
        ["invoice", "WorkflowUnknown", 1]
      ])
      expect(causes[0]?.runs.runIds).toEqual(["order-3", "order-2", "order-1"])
    }))

  it.scoped("takes runs that meet the same edit at other events and in other places for one cause, and two edits for two", () =>
    Effect.gen(function*() {
      // How many timers come before the place is each run's own.
      const Long = (name: string) =>
        Workflow.make("order", {}, () =>
          Effect.gen(function*() {
            const { runId } = yield* Workflow.info
            for (let i = 0; i < Number(runId.slice(6)); i++) yield* Effect.sleep(`${1 + i} hours`)
            yield* step(name)
            yield* Go.receive
          }))
      const world = yield* started([Long("charge")], ["order-0", "order-1", "order-2"])
      yield* world.advance("1 day")
      const { causes } = yield* check(world, [Long("pay")])
      expect(causes.map(({ runs }) => runs.count)).toEqual([3])
      const Other = Workflow.make("order", {}, () =>
        Effect.flatMap(Workflow.info, ({ runId }) => runId === "order-0" ? step("pay") : Effect.as(Effect.sleep("9 hours"), "")))
      expect((yield* check(world, [Other])).causes.map(({ runs }) => runs.count)).toEqual([2, 1])
    }))

  it.scoped("looks at closed runs when asked: the newest of each workflow, or all", () =>
    Effect.gen(function*() {
      const Short = coded(step("a"), "short")
      const Quick = coded(step("b"), "quick")
      const world = yield* started([Short, Quick], ["short-1", "short-2", "short-3", "quick-1"])
      const closed = (options: ReplayCheck.Options, workflows = [Short, Quick]) =>
        Effect.map(check(world, workflows, options), (report) => [report.closedCount, report.misfitCount])
      expect(yield* closed({})).toEqual([0, 0])
      expect(yield* closed({ closed: 2 })).toEqual([3, 0])
      expect(yield* closed({ closed: "all" })).toEqual([4, 0])
      expect(yield* closed({ closed: "all", workflow: "quick" })).toEqual([1, 0])
      // A sample is of what this build runs; all are all.
      expect(yield* closed({ closed: 9 }, [Quick])).toEqual([1, 0])
      expect(yield* closed({ closed: "all" }, [Quick])).toEqual([4, 3])
      expect(yield* closed({ closed: 9 }, [coded(step("c"), "short"), Quick])).toEqual([4, 3])
      expect(yield* closed({ closed: 9 }, [coded(all(step("a"), Go.receive), "short"), Quick])).toEqual([4, 3])
    }))
})

describe("exported runs", () => {
  it.scoped("are replayed open and closed, whether this build knows their workflow or not", () =>
    Effect.gen(function*() {
      const world = yield* started([Order], ["order-1", "order-2"])
      yield* world.advance("2 hours")
      yield* world.run(Client.signal("order-1", Go, undefined))
      yield* world.idle
      const documents = [yield* exported(world, "order-1"), yield* exported(world, "order-2")]
      expect(yield* ReplayCheck.documents(documents, [Order])).toMatchObject({ openCount: 1, closedCount: 1, misfitCount: 0 })
      expect(yield* ReplayCheck.documents(documents, [Renamed])).toMatchObject({ misfitCount: 2, causes: [{ runs: { count: 2 } }] })
      expect(yield* ReplayCheck.documents(documents, [Invoice])).toMatchObject({ misfitCount: 2 })
      expect(yield* ReplayCheck.documents([], [Order])).toMatchObject({ openCount: 0, closedCount: 0 })
    }))

  it.scoped("fail a test with a report that says what, where and what to do", () =>
    Effect.gen(function*() {
      const world = yield* started([Order], ["order-1"])
      yield* world.advance("2 hours")
      const document = yield* exported(world, "order-1")
      yield* ReplayCheck.fits([document], [Order])
      const { message } = yield* Effect.flip(ReplayCheck.fits([document], [Renamed]))
      expect(message.replace(/\(.*?ReplayCheck.test.ts:\d+:\d+\)/, "(here)").split("\n")).toEqual([
        "Replayed 1 open run: 1 does not fit this build.",
        "",
        "1. 1 run of \"order\": order-1",
        "   Workflow \"order\" diverged from its history at event 6, fiber 0 (here):",
        "     expected: step \"charge\" [0#2]",
        "     actual:   step \"pay\" [0#2]",
        expect.stringMatching(/^ {5}hint: What is expected has another name now.* Workflow.patched, or register the old code/),
        "     see: docs/errors.md#divergence",
        "   or fork: Client.fork from an event before event 6, and Client.terminate the old run.",
        "  hint: Put the change behind Workflow.patched, keep the old code under its version, or fork the runs from before it.",
        "  see: docs/errors.md#misfitsfound"
      ])
    }))

  it.scoped("that are none are refused", () =>
    Effect.gen(function*() {
      const world = yield* started([Order], ["order-1"])
      const document = yield* exported(world, "order-1")
      const refused = (...documents: ReadonlyArray<unknown>) =>
        Effect.map(Effect.flip(ReplayCheck.documents(documents, [Order])), (error) => [error._tag, error.index, error.detail])
      expect(yield* refused(document, {})).toMatchObject(["DocumentInvalid", 1, expect.stringContaining("format")])
      expect(yield* refused({ ...document, format: 99 })).toMatchObject(["DocumentInvalid", 0, expect.stringContaining("99")])
      expect(yield* refused({ ...document, more: 1 })).toMatchObject(["DocumentInvalid", 0, expect.stringContaining("more")])
      const events = document.events.toReversed()
      expect(yield* refused({ ...document, events })).toMatchObject(["DocumentInvalid", 0, expect.stringContaining("event 1")])
      expect(yield* refused(document, document)).toMatchObject(["DocumentInvalid", 1, expect.stringContaining("order-1")])
    }))
})

describe("the text of a report", () => {
  it.scoped("says that all is well, in one line, and where the patches stand", () =>
    Effect.gen(function*() {
      const Patched = coded(Effect.zipRight(Workflow.patched("2026-03-fraud"), Go.receive))
      const world = yield* started([Patched], ["order-1", "order-2"])
      expect(ReplayCheck.text(yield* check(world, [Patched])).split("\n")).toEqual([
        "Replayed 2 open runs: all fit this build.",
        "",
        "Patches:",
        "  \"2026-03-fraud\" of \"order\": 0 on the old branch, 2 on the new, 0 not asked yet"
      ])
      expect(ReplayCheck.text(yield* check(world, [Patched], { workflow: "other" }))).toBe("There is no run to replay.")
    }))

  it.scoped("names some of many runs", () =>
    Effect.gen(function*() {
      const world = yield* started([Order], Array.from({ length: 8 }, (_, i) => `order-${i}`))
      yield* world.advance("2 hours")
      const text = ReplayCheck.text(yield* check(world, [Renamed]))
      expect(text).toContain("1. 8 runs of \"order\": order-7, order-6, order-5, order-4, order-3, and 3 more")
    }))
})
