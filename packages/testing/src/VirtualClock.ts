/**
 * Time that stands still until a test moves it. Sleepers wake when it has come, in the order of their instants.
 *
 * Those of the worker make stops: time goes from one to the next, so that each is acted on at its own instant. An
 * observer (a client's ticker, the test itself) makes none; otherwise a week would have 600,000 stops.
 */
import { Clock, Duration, Effect, FiberId } from "effect"

/** For whom a clock ticks: a process, which may die, or an observer. */
export interface Owner {
  readonly makesStops: boolean
  /** How far its clock is wrong, in milliseconds. */
  skewMillis: number
}

interface Sleeper {
  readonly owner: Owner
  readonly at: number
  readonly millis: number
  readonly order: number
  readonly wake: () => void
}

export interface VirtualClock {
  now: number
  readonly sleepers: Set<Sleeper>
  sleepCount: number
}

/** Stands in the status of a fiber that sleeps on this clock, so that it can be told from one that awaits a promise. */
export const SLEEPING: FiberId.FiberId = FiberId.runtime(-1, 0)

export const make = (startAt: number): VirtualClock => ({ now: startAt, sleepers: new Set(), sleepCount: 0 })

/** Effect's Clock service on this time. */
export const clockFor = (time: VirtualClock, owner: Owner): Clock.Clock => {
  const now = (): number => time.now + owner.skewMillis
  const nanos = (): bigint => BigInt(Math.round(now() * 1_000_000))
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: now,
    unsafeCurrentTimeNanos: nanos,
    currentTimeMillis: Effect.sync(now),
    currentTimeNanos: Effect.sync(nanos),
    sleep: (duration) => sleep(time, owner, Duration.toMillis(duration))
  }
}

const sleep = (time: VirtualClock, owner: Owner, millis: number): Effect.Effect<void> =>
  millis <= 0 ? Effect.yieldNow() : Effect.async((resume) => {
    const cancel = wakeAfter(time, owner, millis, () => resume(Effect.void))
    return Effect.sync(cancel)
  }, SLEEPING)

/** Calls `wake` when so much time has passed, unless that is called off. */
export const wakeAfter = (time: VirtualClock, owner: Owner, millis: number, wake: () => void): () => void => {
  const sleeper: Sleeper = { owner, at: time.now + Math.ceil(millis), millis, order: time.sleepCount++, wake }
  time.sleepers.add(sleeper)
  return () => void time.sleepers.delete(sleeper)
}

/** How often a worker looks for runs that were overlooked: a fraction, so that no body that sleeps as long is taken for it. */
export const SWEEP_MILLIS = 29_999.5

/**
 * The next stop, or `undefined` when nobody waits for time to pass. A worker that looks now and then makes a stop only
 * when there is something to find; otherwise a month would have 86,000 of them.
 */
export const nextStop = (time: VirtualClock, sweeps: boolean): number | undefined => {
  let next = Infinity
  for (const { at, millis, owner } of time.sleepers) {
    if (owner.makesStops && at < next && (sweeps || millis !== SWEEP_MILLIS)) next = at
  }
  return next === Infinity ? undefined : next
}

/** Moves time, never back, and wakes whoever has slept until then. */
export const moveTo = (time: VirtualClock, at: number): void => {
  time.now = Math.max(time.now, at)
  const due = [...time.sleepers].filter((sleeper) => sleeper.at <= time.now)
  for (const sleeper of due.sort((a, b) => a.at - b.at || a.order - b.order)) {
    time.sleepers.delete(sleeper)
    sleeper.wake()
  }
}

/** Forgets the sleepers of a process that has died. */
export const forget = (time: VirtualClock, owner: Owner): void => {
  for (const sleeper of time.sleepers) if (sleeper.owner === owner) time.sleepers.delete(sleeper)
}
