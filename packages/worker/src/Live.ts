/** A live run as a record: made, handed to the store, dropped. What happens in between is RunLoop's. */
import { Duration, Effect, Runtime } from "effect"
import { type Errors, Program, type Run, type Workflow } from "@reprise/core/engine"
import * as Metrics from "./Metrics.js"
import type { LiveRun, Pending, Worker } from "./State.js"

export const makeLive = (
  state: Run.RunState,
  key: string | undefined,
  workflow: Workflow.Any | undefined,
  attempts: LiveRun["attempts"] = new Map()
): LiveRun => ({
  runId: state.runId,
  state,
  key,
  workflow,
  program: undefined,
  facts: [],
  pending: undefined,
  attempts,
  polls: new Map(),
  progress: new Map(),
  row: undefined,
  taken: new Set(),
  held: [],
  reading: false,
  mail: false,
  gone: false,
  start: undefined,
  onStarted: undefined,
  asks: []
})

export const emptyPending = (worker: Worker, run: LiveRun): Pending => ({
  append: {
    runId: run.runId,
    epoch: worker.log.epoch,
    expectedSeq: 0,
    events: [],
    delivered: [],
    row: undefined,
    start: run.start,
    outgoing: []
  },
  facts: [],
  starts: [],
  cancels: [],
  outputs: [],
  fault: undefined,
  undelivered: [],
  continued: false,
  answer: run.onStarted
})

export const push = (worker: Worker, run: LiveRun, pending: Pending): void => {
  run.pending = pending
  worker.outbox.push({ run, pending })
  worker.commitSoon()
}

/** Drops a run from memory. Its program is not interrupted: nothing of it must run (see engine/Containment.ts). */
export const forget = (worker: Worker, run: LiveRun): void => {
  run.gone = true
  worker.idle.delete(run)
  if (worker.live.get(run.runId) === run) worker.live.delete(run.runId)
  if (run.program !== undefined) Program.drop(run.program)
  answer(run)
}

/** Lets those look who wait for a moment at which nothing of the run is on its way to the store. */
export const answer = (run: LiveRun): void => {
  for (const ask of run.asks.splice(0)) ask()
}

/** Lets the due loop know of an instant, so that it does not oversleep. */
export const lookAt = (worker: Worker, at: number | undefined): void => {
  if (at === undefined || at >= worker.nextLookAt) return
  worker.nextLookAt = at
  worker.dueSoon()
}

/** Until the worker has stopped: what waits for the store to answer again must not outlive it. */
export const fork = (worker: Worker, effect: Effect.Effect<void>): void => {
  const { forked } = worker
  if (forked === undefined) return
  const fiber = Runtime.runFork(worker.runtime)(effect)
  forked.add(fiber)
  fiber.addObserver(() => void forked.delete(fiber))
}

/** Counts a failure of the store, and logs it unless it has just been logged: every run in memory may meet it. */
export const storeFailed = (worker: Worker, error: Errors.LogError): Effect.Effect<void> =>
  Effect.suspend(() => {
    Metrics.storeErrors.unsafeUpdate(1, [])
    const now = worker.now()
    if (now - worker.storeFailedAt < Duration.toMillis(WARN_EVERY)) return Effect.void
    worker.storeFailedAt = now
    return Effect.logWarning(error.message)
  })

const WARN_EVERY = Duration.seconds(5)
