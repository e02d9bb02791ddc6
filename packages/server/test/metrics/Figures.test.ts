/** What is told at /metrics and /api/v1/stats: requests by what they were, runs of the store, at a bounded price. */
import { Client, Signal, Workflow } from "@reprise/core"
import { Log } from "@reprise/core/engine"
import { MemoryLog } from "@reprise/testing"
import { Worker } from "@reprise/worker"
import { Effect, Layer, TestClock, TestContext } from "effect"
import { describe, expect, it } from "vitest"
import * as Auth from "../../src/auth/Auth.js"
import * as Figures from "../../src/metrics/Figures.js"
import { type Rig, serve, workerOn } from "../served.js"

interface Figure {
  readonly name: string
  readonly labels: Record<string, string>
  readonly value: number
}

const figuresOf = async (rig: Rig): Promise<ReadonlyArray<Figure>> => (await rig.ask("GET", "/api/v1/stats")).json.metrics

const valueOf = (figures: ReadonlyArray<Figure>, name: string, labels: Record<string, string> = {}): number => {
  const fits = (own: Figure["labels"]) => Object.entries(labels).every(([key, value]) => own[key] === value)
  return figures.filter((figure) => figure.name === name && fits(figure.labels)).reduce((sum, { value }) => sum + value, 0)
}

describe("requests", () => {
  it("are counted by route, method and status, and callers cannot add to the labels", async () => {
    const rig = await serve()
    const before = await figuresOf(rig)
    for (const id of ["a", "b", "c"]) await rig.ask("GET", `/api/v1/runs/${id}`)
    for (const path of ["/x", "/y/z", "/api/v1/nope"]) await rig.ask("BREW", path)
    await rig.ask("GET", "/health/live")
    const after = await figuresOf(rig)
    const grown = (name: string, labels: Record<string, string>) => valueOf(after, name, labels) - valueOf(before, name, labels)
    const run = { route: "/api/v1/runs/{runId}", method: "GET" }
    expect(grown("reprise_http_requests_total", { ...run, status: "404" })).toBe(3)
    expect(grown("reprise_http_request_duration_seconds_count", run)).toBe(3)
    expect(grown("reprise_http_requests_total", { route: "none", method: "other", status: "404" })).toBe(3)
    expect(grown("reprise_http_requests_total", { route: "/health/live", status: "200" })).toBe(1)
  })

  it("that are refused for who asks are counted by why", async () => {
    const rig = await serve({ auth: [Auth.keys] })
    const open = await serve()
    const before = await figuresOf(open)
    await rig.ask("GET", "/api/v1/runs")
    await rig.ask("GET", "/api/v1/runs", { headers: { authorization: "Bearer rpr_wrong_wrong" } })
    const after = await figuresOf(open)
    const refused = (figures: ReadonlyArray<Figure>) => valueOf(figures, "reprise_http_auth_failures_total", { code: "Unauthenticated" })
    expect(refused(after) - refused(before)).toBe(2)
  })
})

const Go = Signal.make("go")
const Waits = Workflow.make("waits", { messages: [Go] }, () => Go.receive)

describe("runs of the store", () => {
  it("are told by workflow and status; a sort that is gone has 0", async () => {
    const result = await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
      const context = yield* Layer.build(Layer.provideMerge(workerOn([Waits]), MemoryLog.layer(MemoryLog.makeStore())))
      const figures = yield* Effect.provide(Figures.make, context)
      yield* Effect.provide(Client.start(Waits, undefined, { id: "run" }), context)
      const first = yield* figures.sample
      yield* Effect.provide(Client.signal("run", Go, undefined), context)
      yield* TestClock.adjust("1 second")
      const cached = yield* figures.sample
      yield* TestClock.adjust("10 seconds")
      const last = yield* figures.sample
      return [first.runs, cached.runs, last.runs]
    })).pipe(Effect.provide(TestContext.TestContext)))
    expect(result).toEqual([
      [{ workflow: "waits", status: "running", count: 1 }],
      [{ workflow: "waits", status: "running", count: 1 }],
      [{ workflow: "waits", status: "completed", count: 1 }]
    ])
  })

  it("are counted so rarely that it takes 2 % of the time, however often somebody asks", async () => {
    const asked: Array<number> = []
    const slow = Effect.map(Log.Log, (log): Log.LogShape => ({
      ...log,
      tally: (conditions) =>
        Effect.zipRight(
          Effect.flatMap(Effect.clock, (clock) => Effect.sync(() => void asked.push(clock.unsafeCurrentTimeMillis()))),
          Effect.delay(log.tally(conditions), "1 second")
        )
    }))
    await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
      const store = MemoryLog.layer(MemoryLog.makeStore())
      const log = Layer.provide(Layer.effect(Log.Log, slow), store)
      const context = yield* Layer.build(Layer.provide(Worker.clientLayer({ workflows: [] }), log))
      const figures = yield* Effect.provide(Figures.make, context)
      yield* Effect.forkScoped(Effect.forever(Effect.zipRight(figures.sample, Effect.sleep("1 second"))))
      yield* Effect.forkScoped(Effect.forever(Effect.zipRight(figures.sample, Effect.sleep("1 second"))))
      yield* TestClock.adjust("10 minutes")
    })).pipe(Effect.provide(TestContext.TestContext)))
    // Three questions each time, a second each.
    expect(asked.slice(0, 6)).toEqual([0, 1_000, 2_000, 153_000, 154_000, 155_000])
    expect(asked.length).toBeLessThanOrEqual(12)
  })
})
