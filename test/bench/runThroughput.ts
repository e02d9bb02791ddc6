/** 5,000 runs of five steps, 500 at a time: how well runs share commits. */
import { Client } from "@reprise/core"
import Database from "better-sqlite3"
import { Effect } from "effect"
import { type Bench, equal } from "./Bench.js"
import * as Raw from "./Raw.js"
import { median } from "./Samples.js"
import * as Stack from "./Stack.js"
import { eventsOf, Sequential, sumTo } from "./Steps.js"

const RUNS = 5_000
const STEPS = 5
const AT_A_TIME = 500
const WARM_RUNS = 2_000
const REPETITIONS = 3
const EVENTS = eventsOf(STEPS)

const execute = (runs: number) =>
  Effect.forEach(
    Array.from({ length: runs }),
    () => Effect.map(Client.execute(Sequential, STEPS), (output) => equal("output", output, sumTo(STEPS))),
    { concurrency: AT_A_TIME, discard: true }
  )

const checkStore = (folder: string, runs: number): void => {
  const database = new Database(Stack.storeOf(folder), { readonly: true })
  const count = (sql: string) => Number(database.prepare(sql).pluck().get())
  equal("completed runs", count("SELECT count(*) FROM runs WHERE status='completed'"), runs)
  equal("completed steps", count("SELECT count(*) FROM events WHERE type='StepCompleted'"), runs * STEPS)
  equal("events", count("SELECT count(*) FROM events"), runs * EVENTS)
  database.close()
}

export const runThroughput: Bench = {
  name: "run.throughput",
  unit: "events/s",
  about: "5,000 runs of 5 steps, 500 at a time, warm; limit: append.raw.batch",
  target: { of: "ratio", atLeast: 0.25 },
  measure: async (folder) => {
    const raw = Raw.open(folder)
    const batches = (RUNS * EVENTS) / Raw.BATCH_ROWS
    const rawRate = () => (RUNS * EVENTS * 1_000) / Raw.batches(raw, batches)
    const pairs = await Stack.run(folder, [Sequential], Effect.gen(function*() {
      rawRate()
      yield* execute(WARM_RUNS)
      const pair = Effect.map(Stack.timed(execute(RUNS)), ([millis]) => [rawRate(), (RUNS * 1_000) / millis] as const)
      return yield* Effect.replicateEffect(pair, REPETITIONS)
    }))
    checkStore(folder, WARM_RUNS + RUNS * REPETITIONS)
    const runsPerSecond = median(pairs.map(([, rate]) => rate))
    return {
      value: runsPerSecond * EVENTS,
      limit: median(pairs.map(([rate]) => rate)),
      runsPerSecond,
      stepsPerSecond: runsPerSecond * STEPS
    }
  }
}
