/**
 * A run with 100,000 steps is read from the store and replayed until it waits again. A query on a run that is not in
 * memory does exactly that, and its answer proves that the program stands where its history ends.
 */
import { Client, Query, Signal, Step, Workflow } from "@reprise/core"
import { Decide, type Event, Host, Log, Program, Release, Run } from "@reprise/core/engine"
import { Sqlite } from "@reprise/sql"
import { Effect, Schema } from "effect"
import { type Bench, equal } from "./Bench.js"
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

/** The history as the engine makes it, without the hundred thousand commits that would take half a minute. */
const makeHistory = (state: Run.RunState): ReadonlyArray<Event.Event> => {
  const at = start.createdAt
  const { key, runId, version, workflow } = start
  const info = { runId, workflow, version, key, startedAt: at, generation: 0, parentRunId: undefined }
  const program = Program.make(Long, info, start.message.seed, Host.make({ secret: () => "" }), () => {})
  const events: Array<Event.Event> = []
  const record = (event: Event.Event): void => {
    Run.evolve(state, event)
    events.push(event)
  }
  const deliver = (event: Event.Event): void => {
    Program.activate(program, event, state.seq + 1, undefined)
    record(event)
    for (const command of program.commands) record(Decide.commanded(command, at))
  }
  deliver(Decide.started(start.message, { ...start, key: undefined }, { effect: "", reprise: Release.RELEASE }, at))
  for (let i = 0; state.steps.size > 0; i++) {
    for (const { id } of [...state.steps.values()]) deliver(Decide.stepCompleted(id, 1, i, at))
  }
  return events
}

const write = Effect.gen(function*() {
  const log = yield* Log.Log
  const state = Run.pending(start.runId, Long.name, Long.version)
  const events = makeHistory(state)
  const row = Run.row(state, new Map())
  const { epoch } = log
  const rest = { delivered: [], row, start, outgoing: [] }
  const answers = yield* log.append([{ runId: start.runId, epoch, expectedSeq: 0, events, ...rest }])
  equal("append", answers[0]?._tag, "Committed")
  equal("events", state.seq, EVENTS)
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
