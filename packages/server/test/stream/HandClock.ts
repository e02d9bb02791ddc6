/** A clock that a test moves, for many short plays: Effect's own TestClock looks every time whether all fibers have come to rest. */
import { Clock, Duration, Effect } from "effect"

export interface HandClock {
  readonly clock: Clock.Clock
  /** Wakes who sleeps until then, in order; each may sleep again. */
  readonly pass: (millis: number) => Effect.Effect<void>
}

/** One turn of the event loop: what was woken goes on, and so do promises. */
export const turn: Effect.Effect<void> = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

export const make = (startAt: number): HandClock => {
  let now = startAt
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()
  const sleep = (duration: Duration.Duration): Effect.Effect<void> =>
    Effect.async((resume) => {
      const sleeper = { at: now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
      sleepers.add(sleeper)
      return Effect.sync(() => sleepers.delete(sleeper))
    })
  const pass = (millis: number): Effect.Effect<void> =>
    Effect.gen(function*() {
      const end = now + millis
      for (;;) {
        yield* turn
        const [next] = [...sleepers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)
        if (next === undefined) break
        now = Math.max(now, next.at)
        sleepers.delete(next)
        next.wake()
      }
      now = end
    })
  return {
    clock: {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis: () => now,
      unsafeCurrentTimeNanos: () => BigInt(now) * 1_000_000n,
      currentTimeMillis: Effect.sync(() => now),
      currentTimeNanos: Effect.sync(() => BigInt(now) * 1_000_000n),
      sleep
    },
    pass
  }
}
