/**
 * A run of 100,000 steps, one after another: how long it takes to bring it back from the store to where it waits, what it
 * holds in memory there, what its file takes, and how fast it ran. Each step was a commit of its own.
 */
import { Client, Query, Signal, Step, Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"
import { statSync } from "node:fs"
import { type Bench, equal, Wrong } from "./Bench.js"
import { median } from "./Samples.js"
import * as Stack from "./Stack.js"
import { sumTo } from "./Steps.js"

const STEPS = 100_000
const RUN = "long"
const WARM = 2
const REPETITIONS = 5

const Sum = Query.make("sum", { output: Schema.Number })
const Go = Signal.make("go")

/** Told when the last step begins. */
let atTheEnd = (): void => {}

const Long = Workflow.make("long", {}, () =>
  Effect.gen(function*() {
    let sum = 0
    yield* Query.handle(Sum, () => Effect.succeed(sum))
    for (let i = 0; i < STEPS; i++) sum += yield* Step.run("step", Effect.succeed(i))
    yield* Step.run("tell", Effect.sync(() => atTheEnd()))
    yield* Go.receive
    yield* Go.receive
    return sum
  }))

/** RunStarted, and two for each step. */
const EVENTS = 2 * (STEPS + 1) + 1

const untilEvents = (count: number): Effect.Effect<void, Client.StartError, Client.Client> =>
  Effect.flatMap(Effect.orDie(Client.describe(RUN)), ({ eventCount }) =>
    eventCount >= count ? Effect.void : Effect.zipRight(Effect.sleep("10 millis"), untilEvents(count)))

const live = Effect.gen(function*() {
  const ended = Effect.async<void>((resume) => {
    atTheEnd = () => resume(Effect.void)
  })
  const [millis] = yield* Stack.timed(Effect.zipRight(Client.start(Long, undefined, { id: RUN }), ended))
  yield* untilEvents(EVENTS)
  return millis
})

/** A query on a run that is not in memory reads and replays it; the answer proves that the program came to its end. */
const replay = Effect.gen(function*() {
  const [millis, sum] = yield* Stack.timed(Client.query(RUN, Sum, undefined))
  equal("answer", sum, sumTo(STEPS))
  return millis
})

const heapBytes = Effect.gen(function*() {
  const collect = globalThis.gc
  if (collect === undefined) throw new Wrong("started without --expose-gc")
  for (let i = 0; i < 4; i++) {
    collect()
    yield* Effect.sleep("20 millis")
  }
  return process.memoryUsage().heapUsed
})

/** The run comes into memory for a signal, and stays. */
const held = Effect.gen(function*() {
  const before = yield* heapBytes
  yield* Client.signal(RUN, Go, undefined)
  yield* untilEvents(EVENTS + 1)
  return (yield* heapBytes) - before
})

const again = Effect.gen(function*() {
  const cold = yield* replay
  yield* Effect.replicateEffect(replay, WARM)
  const all = yield* Effect.replicateEffect(replay, REPETITIONS)
  return { value: median(all), cold, heapBytes: yield* held }
})

export const longHistory: Bench = {
  name: "history.100000",
  unit: "ms",
  about: "a run of 100,000 steps read from the store and replayed until it waits, warm; it ran on the same store",
  target: { of: "value", atMost: 1_000 },
  nodeFlags: ["--expose-gc"],
  measure: async (folder) => {
    const liveMillis = await Stack.run(folder, [Long], live, { historyEventsWarn: 2 * EVENTS })
    const fileBytes = statSync(Stack.storeOf(folder)).size
    const measured = await Stack.run(folder, [Long], again, { parkAfterMillis: 3_600_000 })
    return { ...measured, stepsPerSecond: (STEPS / liveMillis) * 1_000, fileBytesPerStep: fileBytes / STEPS }
  }
}
