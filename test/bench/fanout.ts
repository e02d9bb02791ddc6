/** One run with many steps at once. Ten times the steps must not take more than ten times as long. */
import { Client } from "@reprise/core"
import { Effect } from "effect"
import { type Bench, equal } from "./Bench.js"
import { median } from "./Samples.js"
import * as Stack from "./Stack.js"
import { eventsOf, Parallel, sumTo } from "./Steps.js"

const FEW = 1_000
const MANY = 10_000
const FEW_REPETITIONS = 9
const MANY_REPETITIONS = 3
/** Fixed costs weigh less on the larger one; what noise adds must not fail it. */
const TOLERANCE = 1.2

const once = (steps: number) =>
  Effect.gen(function*() {
    const [millis, handle] = yield* Stack.timed(
      Effect.tap(Client.start(Parallel, steps), (handle) =>
        Effect.map(handle.result, (output) => equal("output", output, sumTo(steps))))
    )
    yield* Stack.checkRun(handle.runId, eventsOf(steps))
    return millis / 1_000
  })

const several = (steps: number, repetitions: number) =>
  Effect.map(Effect.replicateEffect(once(steps), repetitions), median)

export const fanoutFew: Bench = {
  name: "fanout.1000",
  unit: "s",
  about: "one run with 1,000 steps at once, warm",
  measure: (folder) =>
    Stack.run(folder, [Parallel], Effect.gen(function*() {
      yield* several(FEW, FEW_REPETITIONS)
      return { value: yield* several(FEW, FEW_REPETITIONS) }
    }))
}

export const fanoutMany: Bench = {
  name: "fanout.10000",
  unit: "s",
  about: "one run with 10,000 steps at once, warm; limit: ten times 1,000 steps",
  target: { of: "ratio", atMost: TOLERANCE },
  measure: (folder) =>
    Stack.run(folder, [Parallel], Effect.gen(function*() {
      yield* several(FEW, FEW_REPETITIONS)
      yield* once(MANY)
      const few = yield* several(FEW, FEW_REPETITIONS)
      return { value: yield* several(MANY, MANY_REPETITIONS), limit: (few * MANY) / FEW }
    }))
}
