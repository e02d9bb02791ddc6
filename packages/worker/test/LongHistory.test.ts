/** Long histories: warned of, replayed one generation at a time, and nothing of what is over stays in memory. */
import { it } from "@effect/vitest"
import { Deferred, Effect, Layer, Logger, Metric, Option, Schedule, Schema } from "effect"
import { describe, expect } from "vitest"
import { Awakeable, Client, Sensor, Signal, Step, Update, Workflow } from "@reprise/core"
import { HistorySize, Limits, Log } from "@reprise/core/engine"
import { MemoryLog, World } from "@reprise/testing"
import { Metrics } from "@reprise/worker"
import { State, Worker } from "@reprise/worker/engine"

const Go = Signal.make("go", { payload: Schema.Number })

const Steps = Workflow.make("steps", {}, () =>
  Effect.gen(function*() {
    for (let i = 0; i < 20; i++) yield* Step.run("step", Effect.succeed(i))
    return yield* Go.receive
  }))

const longs = (workflow: string) => {
  const counter = Metrics.historiesLong.pipe(Metric.tagged("workflow", workflow), Metric.tagged("version", "1"))
  return Effect.map(Metric.value(counter), ({ count }) => count)
}

/** What is logged meanwhile, in lines. */
const logged = (lines: Array<string>) =>
  Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => void lines.push(String(message))))

describe("a warning", () => {
  for (const alwaysReplay of [false, true]) {
    it.effect(`comes when a history has grown long, and at each doubling, ${alwaysReplay ? "always replayed" : "in memory"}`, () => {
      const lines: Array<string> = []
      return Effect.gen(function*() {
        const before = yield* longs("steps")
        const world = yield* World.make({ workflows: [Steps], limits: { historyEventsWarn: 10 }, alwaysReplay })
        yield* world.start(Steps, undefined, { id: "run" })
        yield* world.crash
        yield* world.idle
        // 41 events: the bound is reached at 10, 20 and 40.
        expect((yield* longs("steps")) - before).toBe(3)
        const warnings = lines.filter((line) => line.includes("has a history of"))
        expect(warnings.map((line) => /of (\d+) events/.exec(line)?.[1])).toEqual(["10", "20", "40"])
        expect(warnings[0]).toContain("Run \"run\" of \"steps\"")
        expect(warnings[0]).toContain("Workflow.continueAsNew")
        const { historyLength, warnings: described } = yield* world.run(Client.describe("run"))
        expect(historyLength).toBe(41)
        expect(described).toMatchObject([{ _tag: "HistoryLong", eventCount: 41 }])
      }).pipe(Effect.scoped, Effect.provide(logged(lines)))
    })
  }

  it.effect("counts one generation", () => {
    const lines: Array<string> = []
    return Effect.gen(function*() {
      const Continues = Workflow.make("continues", { input: Schema.Number }, (n) =>
        Effect.gen(function*() {
          for (let i = 0; i < 4; i++) yield* Step.run("step", Effect.succeed(i))
          return n < 5 ? yield* Workflow.continueAsNew(n + 1) : yield* Go.receive
        }))
      const world = yield* World.make({ workflows: [Continues], limits: { historyEventsWarn: 12 } })
      yield* world.start(Continues, 0, { id: "run" })
      const { eventCount, historyLength, warnings } = yield* world.run(Client.describe("run"))
      expect([eventCount, historyLength, warnings, lines]).toEqual([59, 9, [], []])
    }).pipe(Effect.scoped, Effect.provide(logged(lines)))
  })

  it("is not given of a closed run, and says how long the history is", () => {
    const run = { runId: "r", workflow: "w", eventCount: 120_000, generationSeq: 20_001 }
    expect(HistorySize.warningsOf({ ...run, status: "running" }, Limits.Limits)).toMatchObject([{ eventCount: 100_000 }])
    expect(HistorySize.warningsOf({ ...run, status: "completed" }, Limits.Limits)).toEqual([])
    expect(HistorySize.warningsOf({ ...run, status: "running", generationSeq: 100_000 }, Limits.Limits)).toEqual([])
    expect(HistorySize.lengthOf({ eventCount: 0, generationSeq: 1 })).toBe(0)
  })

  it("is due when the bound lies between two lengths", () => {
    const reached = [[0, 9], [9, 10], [10, 11], [10, 19], [19, 20], [9, 45], [39, 40], [40, 41], [0, 0]]
      .map(([before, after]) => HistorySize.hasReached(before!, after!, 10))
    expect(reached).toEqual([false, true, false, false, true, true, true, false, false])
  })
})

describe("a run that has continued 1,000 times", () => {
  it.effect("is read from its last generation on", () =>
    Effect.gen(function*() {
      const Continues = Workflow.make("continues", { input: Schema.Number }, (n) =>
        Effect.gen(function*() {
          yield* Step.run("step", Effect.succeed(n))
          const payload = yield* Go.receive
          return n < 1_000 ? yield* Workflow.continueAsNew(n + payload) : "done"
        }))
      const reads: Array<number> = []
      const counting = Layer.effect(Log.Log, Effect.map(Log.Log, (log) => ({
        ...log,
        read: (runId, after, limit) => Effect.tap(log.read(runId, after, limit), (page) => void reads.push(page.length))
      }) satisfies Log.LogShape))
      const log = Layer.provide(counting, MemoryLog.layer(MemoryLog.makeStore()))
      const world = yield* World.make({ workflows: [Continues], log })
      const run = yield* world.start(Continues, 0, { id: "run" })
      for (let n = 0; n < 1_000; n++) yield* world.run(Client.signal("run", Go, 1))
      yield* world.idle
      const { eventCount, generationSeq } = yield* world.run(Client.describe("run"))
      expect(eventCount).toBe(5 * 1_000 + 3)
      expect(generationSeq).toBe(5 * 1_000 + 1)
      reads.length = 0
      yield* world.evictAll
      yield* world.run(Client.signal("run", Go, 1))
      expect(yield* world.runToEnd(run)).toBe("done")
      // RunStarted, StepScheduled, StepCompleted; and one event that says how it ended.
      expect(reads).toEqual([3, 1])
    }).pipe(Effect.scoped))
})

/** How much is in each map, set and list of a record. */
const sizesOf = (record: object): Record<string, number> =>
  Object.fromEntries(Object.entries(record).flatMap(([name, value]) =>
    value instanceof Map || value instanceof Set ? [[name, value.size]] : Array.isArray(value) ? [[name, value.length]] : []
  ))

const Ask = Update.make("ask", { output: Schema.Number })

/** Every way for a step, a timer or a message to come and go. */
const Busy = Workflow.make("busy", { input: Schema.Number }, (rounds) =>
  Effect.gen(function*() {
    yield* Update.handle(Ask, { run: () => Step.run("answer", Effect.succeed(1)) })
    for (let i = 0; i < rounds; i++) {
      yield* Step.run("plain", Effect.succeed(i))
      yield* Step.run("beats", Step.heartbeat(i))
      yield* Step.run("asks", Effect.succeed(i), { onUnknown: "ask" }).pipe(Effect.orDie)
      yield* Step.run("fails", Effect.fail("no"), { retry: Schedule.recurs(1) }).pipe(Effect.ignore)
      yield* Step.value("value", Effect.sync(() => i))
      const seen = Effect.map(Step.attempt, ({ poll }) => i < 30 && poll === 1 ? Option.none() : Option.some(i))
      yield* Sensor.poll("sensor", seen, { every: "1 millis" })
      yield* Effect.race(Step.run("loses", Effect.sleep("1 day")), Step.run("wins", Effect.succeed(i)))
      yield* Effect.timeoutOption(Step.run("in time", Effect.succeed(i)), "1 day")
      yield* Effect.all([Step.run("left", Effect.void), Step.run("right", Effect.void)], { concurrency: "unbounded" })
      yield* Effect.scoped(Effect.acquireRelease(Step.run("acquire", Effect.void), () => Step.run("release", Effect.void)))
      yield* Effect.exit(Effect.fork(Go.receive).pipe(Effect.flatMap((fiber) => fiber.interruptAsFork(fiber.id()))))
    }
    return yield* Go.receive
  }))

/** Each generation leaves everything open that can be. */
const Leaves = Workflow.make("leaves", { input: Schema.Number }, (left) =>
  Effect.gen(function*() {
    yield* Update.handle(Ask, { run: () => Effect.succeed(left) })
    yield* Effect.forkDaemon(Step.run("beats", Effect.zipRight(Step.heartbeat(left), Effect.sleep("1 day"))))
    yield* Effect.forkDaemon(Sensor.poll("sensor", Effect.succeedNone, { every: "1 day" }))
    yield* Effect.forkDaemon(Effect.sleep("1 day"))
    yield* Awakeable.make("made")
    yield* Step.run("plain", Effect.succeed(left))
    if (left > 0) return yield* Workflow.continueAsNew(left - 1)
    yield* Step.run("ready", Effect.void)
    return yield* Go.receive
  }))

/** What a worker holds of a run that has gone through so many rounds. */
const heldAfter = (workflow: typeof Busy | typeof Leaves, rounds: number) =>
  Effect.gen(function*() {
    const rested = yield* Deferred.make<State.LiveRun>()
    let ids = 0
    const worker = yield* Worker.open({ workflows: [workflow], limits: { parkAfterMillis: 3_600_000 } }, {
      around: () => (effect) => effect,
      newId: () => `id-${ids++}`,
      onRest: (run) => {
        const waits = [...run.program?.signals.values() ?? []].some(({ takers }) => takers.size > 0)
        const isBusy = [...run.state.steps.values()].some(({ name }) => name === "plain" || name === "ready")
        if (!isBusy && waits) Deferred.unsafeDone(rested, Effect.succeed(run))
      }
    })
    const { limits, log, newId, registry } = worker
    const client = yield* Client.make({ log, registry, limits, newId, local: Worker.local(worker) })
    yield* Effect.provideService(Client.start(workflow, rounds, { id: "run" }), Client.Client, client)
    const run = yield* Deferred.await(rested)
    const { orphans, slots } = worker
    return {
      events: run.state.seq,
      program: sizesOf(run.program ?? {}),
      state: sizesOf(run.state),
      run: sizesOf(run),
      worker: { ...sizesOf(worker), ...sizesOf(slots), orphans: orphans.size }
    }
  }).pipe(Effect.scoped, Effect.provide(MemoryLog.layer(MemoryLog.makeStore())))

describe("what is over", () => {
  it("leaves nothing in memory, however much of it there was", { timeout: 60_000 }, async () => {
    const { events: few, ...little } = await Effect.runPromise(heldAfter(Busy, 3))
    const { events: many, ...much } = await Effect.runPromise(heldAfter(Busy, 1_000))
    expect(few).toBeLessThan(200)
    expect(many).toBeGreaterThan(30_000)
    expect(much).toEqual(little)
  })

  it("leaves nothing of earlier generations, however many there were", { timeout: 60_000 }, async () => {
    const { events: few, ...little } = await Effect.runPromise(heldAfter(Leaves, 2))
    const { events: many, ...much } = await Effect.runPromise(heldAfter(Leaves, 1_000))
    expect(few).toBeLessThan(50)
    expect(many).toBeGreaterThan(8_000)
    expect(much).toEqual(little)
  })
})
