/** Runs of three steps, one after another: what a caller waits for. Each needs four commits. */
import { Client } from "@reprise/core"
import { Effect } from "effect"
import { type Bench, equal } from "./Bench.js"
import * as Raw from "./Raw.js"
import { latencies, median } from "./Samples.js"
import * as Stack from "./Stack.js"
import { eventsOf, Sequential, sumTo } from "./Steps.js"

const STEPS = 3
const RUNS = 500
const REPETITIONS = 3

const once = Effect.gen(function*() {
  const [millis, [runId, output]] = yield* Stack.timed(
    Effect.flatMap(Client.start(Sequential, STEPS), (handle) =>
      Effect.map(handle.result, (result) => [handle.runId, result] as const))
  )
  equal("output", output, sumTo(STEPS))
  yield* Stack.checkRun(runId, eventsOf(STEPS))
  return millis
})

export const runLatency: Bench = {
  name: "run.latency",
  unit: "ms",
  about: "a run of 3 steps from start to result, one after another, warm; limit: one raw commit",
  target: { of: "ratio", atMost: 5 },
  measure: (folder) => {
    const raw = Raw.open(folder)
    const both = Effect.all([Effect.sync(() => Raw.singles(raw, RUNS)), Effect.replicateEffect(once, RUNS)])
    return Stack.run(folder, [Sequential], Effect.gen(function*() {
      yield* both
      const pairs = yield* Effect.replicateEffect(both, REPETITIONS)
      return { ...latencies(pairs.flatMap(([, runs]) => runs)), limit: median(pairs.flatMap(([commits]) => commits)) }
    }))
  }
}
