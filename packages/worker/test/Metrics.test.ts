/** What the worker counts: once for what happened, whatever crashes and however often it is replayed; and in bounded series. */
import { it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { describe, expect } from "vitest"
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { Errors, Log } from "@reprise/core/engine"
import { Metrics, Worker } from "@reprise/worker"
import { MemoryLog, World } from "@reprise/testing"
import * as Labels from "../src/Labels.js"
import * as Pulse from "../src/Pulse.js"

const Go = Signal.make("go")
const Two = Workflow.make("measured", {}, () =>
  Effect.gen(function*() {
    yield* Step.run("first", Effect.sleep("2 seconds"))
    yield* Go.receive
    yield* Step.run("second", Effect.void)
  }))

const measured = (step: string) =>
  Effect.map(
    Metrics.attemptSeconds.pipe(Metric.tagged("workflow", "measured"), Metric.tagged("step", step), Metric.value),
    ({ count, sum }) => ({ count, sum })
  )

describe("attempts", () => {
  for (const alwaysReplay of [false, true]) {
    it.effect(`are measured once each, through a crash, ${alwaysReplay ? "always replayed" : "in memory"}`, () =>
      Effect.gen(function*() {
        const before = yield* Effect.all([measured("first"), measured("second")])
        yield* Effect.scoped(Effect.gen(function*() {
          const world = yield* World.make({ workflows: [Two], alwaysReplay })
          const run = yield* world.start(Two, undefined, { id: "run" })
          yield* world.advance("1 minute")
          yield* world.crash
          yield* world.evictAll
          yield* world.run(Client.signal("run", Go, undefined))
          yield* world.runToEnd(run)
        }))
        const after = yield* Effect.all([measured("first"), measured("second")])
        expect(after.map(({ count }, i) => count - before[i]!.count)).toEqual([1, 1])
        expect(after[0].sum - before[0].sum).toBe(2)
      }))
  }
})

describe("labels", () => {
  it("are made once for each pair of names", () => {
    const of = Labels.make("workflow", "step")
    expect(of("a", "b")).toBe(of("a", "b"))
    expect(of("a", "b")).not.toBe(of("a", "c"))
    expect(of("a", "b").map(({ key, value }) => `${key}=${value}`)).toEqual(["workflow=a", "step=b"])
  })

  it("are bounded: what comes later is counted as other", () => {
    const of = Labels.make("workflow", "step", 3)
    const names = Array.from({ length: 1_000 }, (_, i) => `s${i}`)
    const known = new Set(names.flatMap((step) => [of("a", step), of("b", step), of(step, "x")]))
    expect(known.size).toBe(3 + 3)
    expect(of("a", "never seen").map(({ value }) => value)).toEqual(["a", "other"])
    expect(of("never seen", "x").map(({ value }) => value)).toEqual(["other", "other"])
    expect(of("a", "s0")).toBe(of("a", "s0"))
  })
})

describe("vitals", () => {
  it("measure how long what is due waits to be looked at", () => {
    const pulse = Pulse.make()
    const lag = (now: number) => Pulse.timerLag(pulse, now)
    expect(lag(1_000)).toBe(0)
    Pulse.beginRound(pulse, 1_000)
    Pulse.endRound(pulse, 1_000, false)
    Pulse.planRound(pulse, 1_500, 1_000)
    expect(lag(1_400)).toBe(0)
    // It should have begun.
    expect(lag(1_700)).toBe(200)
    Pulse.beginRound(pulse, 1_800)
    // The store does not answer; a round that fails and begins again goes on waiting.
    Pulse.beginRound(pulse, 2_500)
    expect(lag(3_000)).toBe(1_200)
    Pulse.endRound(pulse, 3_000, true)
    Pulse.planRound(pulse, 3_010, 3_000)
    Pulse.beginRound(pulse, 3_010)
    Pulse.endRound(pulse, 3_010, true)
    // There is always more.
    Pulse.planRound(pulse, 9_000, 8_000)
    expect(lag(8_000)).toBe(5_000)
    Pulse.beginRound(pulse, 9_000)
    Pulse.endRound(pulse, 9_000, false)
    Pulse.planRound(pulse, 9_500, 9_000)
    expect(lag(9_001)).toBe(0)
  })

  it.scoped("tell of a commit that failed until one succeeds", () =>
    Effect.gen(function*() {
      const Short = Workflow.make("short", {}, () => Effect.void)
      let isBroken = false
      const store = yield* Effect.map(Log.Log, (log): Log.LogShape => ({
        ...log,
        append: (appends) => isBroken ? Effect.fail(new Errors.LogError({ operation: "append", cause: "disk full" })) : log.append(appends)
      })).pipe(Effect.provide(MemoryLog.layer(MemoryLog.makeStore())))
      const worker = yield* Effect.provideService(Worker.open({ workflows: [Short] }), Log.Log, store)
      const { start, vitals } = Worker.local(worker)
      const begun = (runId: string) => Effect.either(start({
        runId,
        workflow: "short",
        version: "1",
        key: undefined,
        createdAt: 0,
        startAt: undefined,
        parent: undefined,
        forkedFrom: undefined,
        message: { _tag: "Start", messageId: "start", input: undefined, at: 0 }
      } as unknown as Log.StartRequest))
      yield* begun("a")
      expect((yield* vitals).commitFailedAt).toBeUndefined()
      isBroken = true
      yield* begun("b")
      expect((yield* vitals).commitFailedAt).toBe(0)
      isBroken = false
      yield* begun("c")
      expect((yield* vitals).commitFailedAt).toBeUndefined()
    }))
})
