/** 10,000 sleeping runs fall due within ten seconds: how long after its instant each goes on. */
import { Client, Step, Workflow } from "@reprise/core"
import { Clock, Effect, Schema } from "effect"
import { type Bench, check, equal } from "./Bench.js"
import { latencies } from "./Samples.js"
import * as Stack from "./Stack.js"

const RUNS = 10_000
const SPREAD_MILLIS = 10_000
/** Time to start them all and to let most of them leave memory. */
const LEAD_MILLIS = 8_000
const AT_A_TIME = 1_000

const now = (): number => performance.timeOrigin + performance.now()

/** Sleeps until the instant, then measures how late a step's body begins. */
const Sleeper = Workflow.make("sleeper", { input: Schema.Number }, (dueAt) =>
  Effect.gen(function*() {
    yield* Effect.sleep(dueAt - (yield* Clock.currentTimeMillis))
    return yield* Step.run("late", Effect.sync(() => now() - dueAt))
  }))

export const wake: Bench = {
  name: "wake",
  unit: "ms",
  about: "from a timer's due instant until the step after it runs; 10,000 timers within 10 s",
  target: { of: "p99", atMost: 50 },
  measure: (folder) =>
    Stack.run(folder, [Sleeper], Effect.gen(function*() {
      const first = Math.ceil(now()) + LEAD_MILLIS
      const dues = Array.from({ length: RUNS }, (_, i) => first + Math.floor((i * SPREAD_MILLIS) / RUNS))
      const handles = yield* Effect.forEach(dues, (due) => Client.start(Sleeper, due), { concurrency: AT_A_TIME })
      check(now() < first, `it took ${Math.round(now() - first + LEAD_MILLIS)} ms to start the runs`)
      const lateness = yield* Effect.forEach(handles, (handle) => handle.result, { concurrency: "unbounded" })
      equal("runs", lateness.length, RUNS)
      // The clock of the worker counts whole milliseconds.
      check(lateness.every((millis) => millis > -1), `a run went on ${-Math.min(...lateness)} ms before it was due`)
      return { ...latencies(lateness), max: Math.max(...lateness) }
    }))
}
