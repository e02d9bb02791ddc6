/**
 * Drives an Effect `Schedule` one step at a time inside the program, on the run's clock and random stream. Replay takes
 * the same steps, so the position in the schedule needs no record of its own.
 */
import { Clock, Effect, type Schedule, ScheduleDecision, ScheduleIntervals } from "effect"

/** Milliseconds until the next attempt and the schedule's next state, or `undefined` when the schedule is exhausted. */
export const next = (
  schedule: Schedule.Schedule<unknown, never>,
  state: unknown,
  error: unknown
): Effect.Effect<{ readonly delayMillis: number; readonly state: unknown } | undefined> =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const [after, , decision] = yield* schedule.step(now, error as never, state)
    if (ScheduleDecision.isDone(decision)) return undefined
    return { delayMillis: Math.max(0, Math.ceil(ScheduleIntervals.start(decision.intervals) - now)), state: after }
  })
