/**
 * Lets idle runs leave memory: a parked run is a row in the store and nothing else. A due timer or a message brings it
 * back (DueLoop, RunLoop.readMail).
 */
import { Duration, Effect } from "effect"
import * as Live from "./Live.js"
import * as Metrics from "./Metrics.js"
import type { LiveRun, Worker } from "./State.js"

/** Runs until it is interrupted. */
export const run = (worker: Worker): Effect.Effect<never> => {
  const every = Duration.millis(Math.max(1, worker.limits.parkAfterMillis / 2))
  return Effect.forever(Effect.zipRight(Effect.sleep(every), Effect.sync(() => parkIdle(worker))))
}

/** Parks runs that have been idle for long enough, and the longest idle when too many are in memory. */
const parkIdle = (worker: Worker): void => {
  const before = worker.now() - worker.limits.parkAfterMillis
  for (const [run, since] of worker.idle) {
    if (since > before && worker.live.size <= worker.limits.liveRunsMax) break
    park(worker, run)
  }
  Metrics.observe(worker)
}

/** Parks one run, unless it has become busy again. */
export const park = (worker: Worker, run: LiveRun): void => {
  worker.idle.delete(run)
  const busy = run.pending !== undefined || run.attempts.size > 0 || run.facts.length > 0 || run.reading || run.mail
  if (!busy) Live.forget(worker, run)
}
