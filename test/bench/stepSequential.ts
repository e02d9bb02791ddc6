/** One run of 2,000 steps; each step is one commit, so the disk's commit rate is the limit. */
import { Client } from "@reprise/core"
import { Effect } from "effect"
import { type Bench, equal } from "./Bench.js"
import * as Raw from "./Raw.js"
import { median } from "./Samples.js"
import * as Stack from "./Stack.js"
import { eventsOf, Sequential, sumTo } from "./Steps.js"

const STEPS = 2_000
const REPETITIONS = 5

const once = Effect.gen(function*() {
  const [millis, handle] = yield* Stack.timed(
    Effect.tap(Client.start(Sequential, STEPS), (handle) =>
      Effect.map(handle.result, (output) => equal("output", output, sumTo(STEPS))))
  )
  yield* Stack.checkRun(handle.runId, eventsOf(STEPS))
  return (STEPS / millis) * 1_000
})

export const stepSequential: Bench = {
  name: "step.sequential",
  unit: "steps/s",
  about: "one run of 2,000 steps, warm; limit: append.raw.single",
  target: { of: "ratio", atLeast: 0.8 },
  measure: (folder) => {
    const raw = Raw.open(folder)
    const rawRate = () => (STEPS / Raw.sum(Raw.singles(raw, STEPS))) * 1_000
    const both = Effect.all([Effect.sync(rawRate), once])
    return Stack.run(folder, [Sequential], Effect.gen(function*() {
      yield* both
      const pairs = yield* Effect.replicateEffect(both, REPETITIONS)
      return { value: median(pairs.map(([, rate]) => rate)), limit: median(pairs.map(([rate]) => rate)) }
    }))
  }
}
