/**
 * 10,000 open runs of 50 events each are replayed from the store on a build, as `reprise check` does before a deployment:
 * once on the code that made them, and once on code that fits none of them, which also has to say why.
 */
import { Signal, Step, Workflow } from "@reprise/core"
import { Log } from "@reprise/core/engine"
import { Sqlite } from "@reprise/sql"
import { ReplayCheck } from "@reprise/testing"
import { Effect } from "effect"
import { type Bench, equal } from "./Bench.js"
import * as Recorded from "./Recorded.js"
import { median } from "./Samples.js"
import * as Stack from "./Stack.js"

const RUNS = 10_000
const STEPS = 24
/** RunStarted, two for each step, and the recorded value. */
const EVENTS = 2 * STEPS + 2
const BATCH = 500
const REPETITIONS = 3

const Go = Signal.make("go")

const orderOf = (last: string): Workflow.Any =>
  Workflow.make("order", {}, () =>
    Effect.gen(function*() {
      for (let i = 0; i < STEPS - 1; i++) yield* Step.run("step", Effect.succeed(i))
      yield* Step.run(last, Effect.succeed(STEPS))
      yield* Step.value("waits", Effect.succeed(0))
      yield* Go.receive
    }))

const Order = orderOf("step")
const Changed = orderOf("renamed")

const startOf = (runId: string): Log.StartRequest => ({
  runId,
  workflow: Order.name,
  version: Order.version,
  key: undefined,
  createdAt: 1_700_000_000_000,
  startAt: undefined,
  parent: undefined,
  forkedFrom: undefined,
  message: { _tag: "Start", messageId: "start", seed: "seed" }
})

const write = Effect.gen(function*() {
  const log = yield* Log.Log
  const { events, row } = Recorded.untilItWaits(Order, startOf("any"))
  equal("events", events.length, EVENTS)
  const rest = { epoch: log.epoch, expectedSeq: 0, events, delivered: [], row, outgoing: [] }
  for (let first = 0; first < RUNS; first += BATCH) {
    const ids = Array.from({ length: BATCH }, (_, i) => `run-${first + i}`)
    const answers = yield* log.append(ids.map((runId) => ({ ...rest, runId, start: startOf(runId) })))
    equal("appended", answers.filter(({ _tag }) => _tag === "Committed").length, BATCH)
  }
})

const once = (order: Workflow.Any, misfitCount: number) =>
  Effect.gen(function*() {
    const [millis, report] = yield* Stack.timed(ReplayCheck.run([order]))
    equal("open runs", report.openCount, RUNS)
    equal("misfits", report.misfitCount, misfitCount)
    equal("causes", report.causes.length, misfitCount === 0 ? 0 : 1)
    return millis / 1_000
  })

export const check: Bench = {
  name: "check",
  unit: "s",
  about: "10,000 open runs of 50 events replayed from the store by a check; misfits: none of them fits",
  target: { of: "value", atMost: 10 },
  measure: async (folder) => {
    const filename = Stack.storeOf(folder)
    await Effect.runPromise(Effect.provide(write, Sqlite.layer({ filename })))
    return Effect.runPromise(Effect.gen(function*() {
      const fitting = yield* Effect.replicateEffect(once(Order, 0), REPETITIONS)
      return { value: median(fitting), misfits: yield* once(Changed, RUNS) }
    }).pipe(Effect.provide(Sqlite.readerLayer({ filename }))))
  }
}
