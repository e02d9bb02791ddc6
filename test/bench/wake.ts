/** 10,000 sleeping runs fall due within ten seconds: how long after its instant each goes on. */
import { Client, Step, Workflow } from "@reprise/core"
import { Log } from "@reprise/core/engine"
import { Clock, Effect, Schema } from "effect"
import { type Bench, check, equal } from "./Bench.js"
import * as Raw from "./Raw.js"
import { latencies, percentile } from "./Samples.js"
import * as Stack from "./Stack.js"

const RUNS = 10_000
const SPREAD_MILLIS = 10_000
/** Time to start them all and to let most of them leave memory. */
const LEAD_MILLIS = 8_000
const AT_A_TIME = 1_000

const now = (): number => performance.timeOrigin + performance.now()

/** How late each step's body began; nobody awaits the runs, so that only the engine is at work. */
const lateness: Array<number> = []

const Sleeper = Workflow.make("sleeper", { input: Schema.Number }, (dueAt) =>
  Effect.gen(function*() {
    yield* Effect.sleep(dueAt - (yield* Clock.currentTimeMillis))
    return yield* Step.run("late", Effect.sync(() => lateness.push(now() - dueAt)))
  }))

const allClosed = Effect.gen(function*() {
  const log = yield* Log.Log
  while (lateness.length < RUNS) yield* Effect.sleep("100 millis")
  while ((yield* log.find({ status: ["running"], limit: 1 })).length > 0) yield* Effect.sleep("100 millis")
  equal("completed runs", (yield* log.find({ status: ["completed"], limit: RUNS + 1 })).length, RUNS)
})

export const wake: Bench = {
  name: "wake",
  unit: "ms",
  about: "from a timer's due instant until the step after it runs; 10,000 timers within 10 s",
  target: { of: "p99", atMost: 50 },
  measure: (folder) =>
    Stack.run(folder, [Sleeper], Effect.gen(function*() {
      const first = Math.ceil(now()) + LEAD_MILLIS
      const dues = Array.from({ length: RUNS }, (_, i) => first + Math.floor((i * SPREAD_MILLIS) / RUNS))
      yield* Effect.forEach(dues, (due) => Client.start(Sleeper, due), { concurrency: AT_A_TIME, discard: true })
      check(now() < first, `it took ${Math.round(now() - first + LEAD_MILLIS)} ms to start the runs`)
      yield* allClosed
      equal("steps", lateness.length, RUNS)
      // The clock of the worker counts whole milliseconds.
      check(lateness.every((millis) => millis > -1), `a run went on ${-Math.min(...lateness)} ms before it was due`)
      const commits = Raw.singles(Raw.open(folder), RUNS / 10)
      return { ...latencies(lateness), max: Math.max(...lateness), rawCommitP99: percentile(commits, 0.99) }
    }))
}
