/**
 * A run with 100,000 steps is read from the store and replayed until it waits again. A query on a run that is not in
 * memory does exactly that, and its answer proves that the program stands where its history ends.
 */
import { Client, Query, Signal, Step, Workflow } from "@reprise/core"
import { Log } from "@reprise/core/engine"
import { Sqlite } from "@reprise/sql"
import { Effect, Schema } from "effect"
import { type Bench, equal } from "./Bench.js"
import * as Recorded from "./Recorded.js"
import { median } from "./Samples.js"
import * as Stack from "./Stack.js"
import { sumTo } from "./Steps.js"

const STEPS = 100_000
const EVENTS = 2 * STEPS + 1
const WARM = 2
const REPETITIONS = 5

const Sum = Query.make("sum", { output: Schema.Number })
const Go = Signal.make("go")

const Long = Workflow.make("long", {}, () =>
  Effect.gen(function*() {
    let sum = 0
    yield* Query.handle(Sum, () => Effect.succeed(sum))
    for (let i = 0; i < STEPS; i++) sum += yield* Step.run("step", Effect.succeed(i))
    yield* Go.receive
    return sum
  }))

const start: Log.StartRequest = {
  runId: "long",
  workflow: Long.name,
  version: Long.version,
  key: undefined,
  createdAt: 1_700_000_000_000,
  startAt: undefined,
  parent: undefined,
  forkedFrom: undefined,
  message: { _tag: "Start", messageId: "start", seed: "seed" }
}

const write = Effect.gen(function*() {
  const log = yield* Log.Log
  const { events, row } = Recorded.untilItWaits(Long, start)
  const { epoch } = log
  const rest = { delivered: [], row, start, outgoing: [] }
  const answers = yield* log.append([{ runId: start.runId, epoch, expectedSeq: 0, events, ...rest }])
  equal("append", answers[0]?._tag, "Committed")
  equal("events", events.length, EVENTS)
})

const once = Effect.gen(function*() {
  const [millis, sum] = yield* Stack.timed(Client.query(start.runId, Sum, undefined))
  equal("answer", sum, sumTo(STEPS))
  return (EVENTS / millis) * 1_000
})

export const replay: Bench = {
  name: "replay",
  unit: "events/s",
  about: "a run of 100,000 steps read from the store and replayed until it waits, warm",
  target: { of: "value", atLeast: 200_000 },
  measure: async (folder) => {
    // Without a worker: it would take the run into memory, and the queries would find it there.
    await Effect.runPromise(Effect.provide(write, Sqlite.layer({ filename: Stack.storeOf(folder) })))
    return Stack.run(folder, [Long], Effect.gen(function*() {
      yield* Effect.replicateEffect(once, WARM)
      return { value: median(yield* Effect.replicateEffect(once, REPETITIONS)) }
    }))
  }
}
