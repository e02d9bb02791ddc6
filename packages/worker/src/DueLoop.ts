/**
 * Wakes runs when something of theirs is due. The store knows what is due, for runs in memory and parked ones alike; this
 * loop asks it, at the next known instant or every `pollMillis`, whichever is first (I6).
 */
import { Duration, Effect, Schedule } from "effect"
import type { Errors } from "@reprise/core/engine"
import * as Live from "./Live.js"
import * as Pulse from "./Pulse.js"
import * as RunLoop from "./RunLoop.js"
import type { Worker } from "./State.js"

/** Runs taken up in one round, besides those that stay due (below). */
const ROUND = 1_000
/** When a round was full, the next one follows after this: the store needs time to take what the first has woken. */
const AGAIN_MILLIS = 10

/** Takes up every run that was left with work to do by the process before; once, at the start. */
export const recover = (worker: Worker): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { runIds } = yield* worker.log.runnable({ now: worker.now(), recover: true, limit: Number.MAX_SAFE_INTEGER })
    for (const runId of runIds) if (!isKnown(worker, runId)) RunLoop.load(worker, runId, [])
  }).pipe(
    Effect.tapError((error) => Live.storeFailed(worker, error)),
    Effect.retry(Schedule.spaced(AFTER_ERROR)),
    Effect.orDie
  )

const AFTER_ERROR = Duration.millis(200)

/** Runs until it is interrupted, or the store belongs to another process. */
export const run = (worker: Worker): Effect.Effect<void> => Effect.repeat(round(worker), { while: () => !worker.fenced })

const round = (worker: Worker): Effect.Effect<void> =>
  Effect.gen(function*() {
    const now = worker.now()
    Pulse.beginRound(worker.pulse, now)
    // What is appended from here on may be due before what the store answers now.
    worker.nextLookAt = Infinity
    const limit = ROUND + worker.stillDueCount
    const { nextAt, runIds } = yield* worker.log.runnable({ now, recover: false, limit })
    Pulse.endRound(worker.pulse, now, runIds.length === limit)
    for (const runId of runIds) wake(worker, runId)
    worker.stillDueCount = runIds.filter((runId) => isAtRest(worker, runId)).length
    const again = runIds.length === limit ? AGAIN_MILLIS : worker.limits.pollMillis
    // Where the clock went back meanwhile, what was due is due when it has come so far again.
    const since = worker.now() < now ? now : Infinity
    yield* pause(worker, Math.min(nextAt ?? Infinity, now + again, since))
  }).pipe(Effect.catchAll((error) => Effect.zipRight(Live.storeFailed(worker, error), Effect.sleep(AFTER_ERROR))))

/**
 * Takes up what this worker should have been told of and was not: messages that nobody has read, and unfinished steps of
 * runs that nobody holds (I6). Runs until it is interrupted.
 */
export const sweep = (worker: Worker): Effect.Effect<void> => {
  const later = Effect.zipRight(
    Effect.sleep(Duration.millis(worker.limits.sweepMillis)),
    Effect.catchAll(sweepOnce(worker), (error) => Live.storeFailed(worker, error))
  )
  return Effect.repeat(later, { while: () => !worker.fenced })
}

const sweepOnce = (worker: Worker): Effect.Effect<void, Errors.LogError> =>
  Effect.gen(function*() {
    const all = { now: worker.now(), limit: Number.MAX_SAFE_INTEGER }
    const mailed = yield* worker.log.runnable({ ...all, recover: "mail" })
    for (const runId of mailed.runIds) RunLoop.readMail(worker, runId)
    const unfinished = yield* worker.log.runnable({ ...all, recover: true })
    for (const runId of unfinished.runIds) {
      if (!isKnown(worker, runId) && !RunLoop.isShelved(worker, runId)) RunLoop.load(worker, runId, [])
    }
  })

const isKnown = (worker: Worker, runId: string): boolean => worker.live.has(runId) || worker.loading.has(runId)

const wake = (worker: Worker, runId: string): void => {
  const live = worker.live.get(runId)
  if (worker.loading.has(runId) || RunLoop.isShelved(worker, runId)) return
  if (live?.pending === undefined) return RunLoop.tell(worker, runId, { _tag: "Due" })
  // Its append may say nothing of this instant, so nobody would look again after it.
  if (!live.facts.some((fact) => fact._tag === "Due")) live.facts.push({ _tag: "Due" })
}

/**
 * A run that had nothing to write when it was told stays due in the store: the check of a sensor is under way, or a body
 * is being interrupted at its deadline. It must not take another run's place in the next round.
 */
const isAtRest = (worker: Worker, runId: string): boolean => {
  const live = worker.live.get(runId)
  return live !== undefined && live.pending === undefined && live.facts.length === 0
}

const pause = (worker: Worker, nextAt: number): Effect.Effect<void> => {
  const until = Math.min(nextAt, worker.nextLookAt)
  worker.nextLookAt = until
  Pulse.planRound(worker.pulse, until, worker.now())
  const nudged = Effect.async<void>((resume) => {
    // Told of an earlier instant before anyone could be nudged: the sleep beside this is too long already.
    if (worker.nextLookAt < until) return resume(Effect.void)
    worker.dueSoon = () => {
      worker.dueSoon = ignore
      Pulse.planRound(worker.pulse, worker.nextLookAt, worker.now())
      resume(Effect.void)
    }
    return Effect.sync(() => {
      worker.dueSoon = ignore
    })
  })
  return Effect.raceFirst(nudged, Effect.sleep(Duration.millis(Math.max(0, until - worker.now()))))
}

const ignore = () => {}
