/** 100,000 runs asleep: what each costs in memory and on the disk. */
import { Client, Workflow } from "@reprise/core"
import { Metrics } from "@reprise/worker"
import Database from "better-sqlite3"
import { Effect, Metric } from "effect"
import { type Bench, equal, Wrong } from "./Bench.js"
import * as Stack from "./Stack.js"

const RUNS = 100_000
/** The first runs fill caches of fixed size and compile the code; they are no cost of a run. */
const WARM_RUNS = 5_000
const AT_A_TIME = 1_000

const Asleep = Workflow.make("asleep", {}, () => Effect.as(Effect.sleep("1000 days"), 1))

const start = (runs: number) =>
  Effect.forEach(Array.from({ length: runs }), () => Client.start(Asleep, undefined), {
    concurrency: AT_A_TIME,
    discard: true
  })

const allParked = Effect.gen(function*() {
  // The gauge is set whenever the worker parks runs; two rounds, so that it has seen the last ones.
  for (let rounds = 0; rounds < 2;) {
    yield* Effect.sleep("600 millis")
    const { value } = yield* Metric.value(Metrics.liveRuns)
    rounds = Number(value) === 0 ? rounds + 1 : 0
  }
})

const heapUsed = Effect.gen(function*() {
  const collect = globalThis.gc
  if (collect === undefined) throw new Wrong("started without --expose-gc")
  // Finalizers and weak maps need more than one pass.
  for (let i = 0; i < 4; i++) {
    collect()
    yield* Effect.sleep("20 millis")
  }
  return process.memoryUsage().heapUsed
})

/** Bytes of the file once the write-ahead log has been copied back into it. */
const fileBytes = (folder: string, runs: number): number => {
  const database = new Database(Stack.storeOf(folder))
  database.pragma("wal_checkpoint(TRUNCATE)")
  const count = (sql: string) => Number(database.prepare(sql).pluck().get())
  const asleep = "SELECT count(*) FROM runs WHERE status='running' AND wake_at IS NOT NULL AND blocked IS NULL"
  equal("sleeping runs", count(asleep), runs)
  equal("events", count("SELECT count(*) FROM events"), 2 * runs)
  const bytes = count("PRAGMA page_count") * count("PRAGMA page_size")
  database.close()
  return bytes
}

export const park: Bench = {
  name: "park",
  unit: "B/run",
  about: "heap of 100,000 sleeping runs, per run",
  target: { of: "value", atMost: 200 },
  nodeFlags: ["--expose-gc"],
  measure: async (folder) => {
    const [before, after] = await Stack.run(folder, [Asleep], Effect.gen(function*() {
      yield* start(WARM_RUNS)
      yield* allParked
      const baseline = yield* heapUsed
      yield* start(RUNS)
      yield* allParked
      return [baseline, yield* heapUsed] as const
    }))
    return { value: (after - before) / RUNS, fileBytesPerRun: fileBytes(folder, WARM_RUNS + RUNS) / (WARM_RUNS + RUNS) }
  }
}
