/** What HTTP adds: starts, compared with those of a client in the process; signals, one after another. */
import { Client, Signal, Workflow } from "@reprise/core"
import { Log } from "@reprise/core/engine"
import { Effect, Schema } from "effect"
import { type Bench, equal } from "./Bench.js"
import * as HttpStack from "./HttpStack.js"
import * as Raw from "./Raw.js"
import { latencies, median } from "./Samples.js"
import * as Stack from "./Stack.js"

// ---- starts ----

const RUNS = 3_000
const CONNECTIONS = 64
const REPETITIONS = 5

/** Its first activation is its last. A start is answered when that is committed. */
const Nothing = Workflow.make("nothing", { input: Schema.Number }, () => Effect.void)

const inProcess = Effect.forEach(
  Array.from({ length: RUNS }, (_, i) => i),
  (i) => Client.start(Nothing, i),
  { concurrency: CONNECTIONS, discard: true }
)

const completed = Effect.gen(function*() {
  const log = yield* Log.Log
  const [counted] = yield* log.tally({ status: ["completed"] })
  return counted?.count
})

export const httpStart: Bench = {
  name: "http.start",
  unit: "runs/s",
  about: "starts over loopback on 64 connections, warm; limit: the same starts by a client in the process, 64 at a time",
  target: { of: "ratio", atLeast: 1 / 1.5 },
  measure: (folder) =>
    HttpStack.run(folder, [Nothing], (callers) =>
      Effect.gen(function*() {
        const order = { _tag: "Start", workflow: Nothing.name, count: RUNS, connections: CONNECTIONS } as const
        const overHttp = Effect.map(HttpStack.took(callers, order), (millis) => (RUNS * 1_000) / median(millis))
        const inside = Effect.map(Stack.timed(inProcess), ([millis]) => (RUNS * 1_000) / millis)
        const both = Effect.all([inside, overHttp])
        yield* both
        const pairs = yield* Effect.replicateEffect(both, REPETITIONS)
        equal("completed runs", yield* completed, 2 * RUNS * (REPETITIONS + 1))
        return { value: median(pairs.map(([, rate]) => rate)), limit: median(pairs.map(([rate]) => rate)) }
      }))
}

// ---- signals ----

const SIGNALS = 500

const Tick = Signal.make("tick", { payload: Schema.Number })
const Collecting = Workflow.make("collecting", { messages: [Tick] }, () => Effect.forever(Tick.receive))

export const httpSignal: Bench = {
  name: "http.signal",
  unit: "ms",
  about: "from a signal over loopback to its 202, one after another, warm; limit: one raw commit",
  measure: (folder) => {
    const raw = Raw.open(folder)
    return HttpStack.run(folder, [Collecting], (callers) =>
      Effect.gen(function*() {
        const { runId } = yield* Client.start(Collecting, undefined)
        const order = { _tag: "Signal", runId, name: Tick.name, count: SIGNALS } as const
        const both = Effect.all([Effect.sync(() => Raw.singles(raw, SIGNALS)), HttpStack.took(callers, order)])
        yield* both
        const pairs = yield* Effect.replicateEffect(both, REPETITIONS)
        const log = yield* Log.Log
        const [summary] = yield* log.find({ runIds: [runId], limit: 1 })
        equal("status", summary?.status, "running")
        return { ...latencies(pairs.flatMap(([, millis]) => millis)), limit: median(pairs.flatMap(([commits]) => commits)) }
      }))
  }
}
