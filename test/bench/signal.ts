/** A run waits for a signal: from sending it until the run's result is there. */
import { Client, Signal, Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"
import { type Bench, equal } from "./Bench.js"
import * as Raw from "./Raw.js"
import { latencies, median } from "./Samples.js"
import * as Stack from "./Stack.js"

const RUNS = 500
const REPETITIONS = 3
/** RunStarted, SignalReceived, RunCompleted. */
const EVENTS = 3

const Go = Signal.make("go", { payload: Schema.Number })
const Waiting = Workflow.make("waiting", {}, () => Go.receive)

const once = Effect.gen(function*() {
  // A start is answered once the first activation is committed: from then on the run waits.
  const { result, runId } = yield* Client.start(Waiting, undefined)
  const [millis, output] = yield* Stack.timed(Effect.zipRight(Client.signal(runId, Go, 7), result))
  equal("output", output, 7)
  yield* Stack.checkRun(runId, EVENTS)
  return millis
})

export const signal: Bench = {
  name: "signal",
  unit: "ms",
  about: "from a signal to the result of the run that waits for it, one after another, warm; limit: one raw commit",
  target: { of: "ratio", atMost: 4 },
  measure: (folder) => {
    const raw = Raw.open(folder)
    const both = Effect.all([Effect.sync(() => Raw.singles(raw, RUNS)), Effect.replicateEffect(once, RUNS)])
    return Stack.run(folder, [Waiting], Effect.gen(function*() {
      yield* both
      const pairs = yield* Effect.replicateEffect(both, REPETITIONS)
      return { ...latencies(pairs.flatMap(([, runs]) => runs)), limit: median(pairs.flatMap(([commits]) => commits)) }
    }))
  }
}
