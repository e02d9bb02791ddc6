/** 100 readers follow the events of all runs while runs are signalled: how long after a commit each of them knows. */
import { Client, Signal, Workflow } from "@reprise/core"
import { Log } from "@reprise/core/engine"
import { Effect, Schema } from "effect"
import { type Bench, equal, Wrong } from "./Bench.js"
import * as HttpStack from "./HttpStack.js"
import { latencies } from "./Samples.js"

const READERS = 100
const EVENTS = 300
const EVERY = "33 millis"

const Tick = Signal.make("tick", { payload: Schema.Number })
const Collecting = Workflow.make("collecting", { messages: [Tick] }, () => Effect.forever(Tick.receive))

/** When each event of the run was committed, by its seq: as soon as the log tells of it. */
const commits = (runId: string) =>
  Effect.gen(function*() {
    const log = yield* Log.Log
    const at = new Map<number, number>()
    yield* log.watch((change) => {
      if (change._tag === "Appended" && change.runId === runId) at.set(change.seq, performance.timeOrigin + performance.now())
    })
    return at
  })

/** Positions of the run's events, in the order of their seqs. */
const positionsOf = (runId: string) =>
  Effect.gen(function*() {
    const log = yield* Log.Log
    const { events } = yield* log.feed(0, 10 * EVENTS, { runIds: [runId] })
    return new Map(events.map(({ position, seq }) => [position, seq]))
  })

export const sseLag: Bench = {
  name: "sse.lag",
  unit: "ms",
  about: "from a commit until a reader of the events of all runs has it; 100 readers, 30 commits a second",
  target: { of: "p99", atMost: 100 },
  measure: (folder) =>
    HttpStack.run(folder, [Collecting], (callers) =>
      Effect.scoped(Effect.gen(function*() {
        const { runId } = yield* Client.start(Collecting, undefined)
        const committed = yield* commits(runId)
        yield* callers.send({ _tag: "Follow", readers: READERS, events: EVENTS })
        equal("the first answer", (yield* callers.next)._tag, "Opened")
        const signals = Array.from({ length: EVENTS }, (_, i) => i)
        yield* Effect.fork(Effect.forEach(signals, (i) => Effect.zipRight(Client.signal(runId, Tick, i), Effect.sleep(EVERY))))
        const answer = yield* callers.next
        if (answer._tag !== "Read") throw new Wrong(`the readers answered ${answer._tag}`)
        const seqs = yield* positionsOf(runId)
        const lags = answer.readers.flatMap((reader) => {
          equal("events in order", reader.every(([position], i) => seqs.get(position) === i + 2) ? "yes" : "no", "yes")
          return reader.map(([position, at]) => at - (committed.get(seqs.get(position) ?? 0) ?? NaN))
        })
        equal("events told", lags.length, READERS * EVENTS)
        return latencies(lags)
      })))
}
