/**
 * Moves a world: until nothing can move any more, or until time has come.
 *
 * Invariants:
 * - R1 Time moves only when nothing else can: each stop is reached with everything before it done.
 * - R2 Nothing waits for real time, except for bodies that await a promise, and those with a bound.
 */
import { Deferred, Effect, type Fiber, FiberStatus } from "effect"
import type { State } from "@reprise/worker/engine"
import * as VirtualClock from "../VirtualClock.js"
import * as Process from "./Process.js"
import type { Process as OneProcess, WorldState } from "./State.js"
import * as Wire from "./Wire.js"

/** Turns of the event loop without any movement after which a world counts as idle: observers move between the two. */
const STILL_TURNS = 2
/** A world that has not come to rest by then never will; a body that awaits a promise takes a turn each millisecond. */
const TURNS_MAX = 200_000
/** Nor will one that has done so much at one instant without an event to show for it. */
const VAIN_TASKS_MAX = 1_000_000
const VAIN_APPENDS_MAX = 2_000

/** Returns when nothing can move without time passing or a message; restarts a process that has crashed. */
export const idle = (world: WorldState): Effect.Effect<void> =>
  Effect.gen(function*() {
    world.vain = vainFrom(world)
    for (let still = 0, turns = 0; still < STILL_TURNS; turns++) {
      if (turns > TURNS_MAX || isInVain(world)) {
        return yield* Effect.dieMessage("the world does not come to rest: something goes round and round")
      }
      const process = yield* Process.alive(world)
      yield* Process.turn
      if (world.wire.plan.evict === 100) Process.evictAll(process)
      if (process.isDead || isMoving(process) || [...world.zombies].some(isMoving)) still = 0
      else if (hasBodies(process) && (yield* unlessDead(process, awaitsPromise(world, process)))) {
        still = 0
        yield* nap
      } else still += 1
    }
  })

/** What has been done since the last event, or since time stands, begins here. */
const vainFrom = ({ trace, wire }: WorldState): WorldState["vain"] =>
  ({ taskCount: trace.taskCount, appendCount: wire.counts.get("append") ?? 0 })

const isInVain = (world: WorldState): boolean => {
  const { appendCount, taskCount } = vainFrom(world)
  return taskCount - world.vain.taskCount > VAIN_TASKS_MAX || appendCount - world.vain.appendCount > VAIN_APPENDS_MAX
}

/** Whatever a paused process has asked for, it hears no answer. */
const isMoving = ({ inFlight, scheduler }: OneProcess): boolean =>
  !scheduler.isPaused && (!scheduler.isIdle || inFlight > 0)

/** Lets time pass for as long as nothing else can go on, without end: for an effect that waits for what was delayed. */
export const pushOn = (world: WorldState): Effect.Effect<never> =>
  Effect.forever(Effect.zipRight(idle(world), Effect.sync(() => {
    const next = nextStop(world)
    if (next !== undefined) VirtualClock.moveTo(world.time, next)
  })))

const nextStop = (world: WorldState): number | undefined => VirtualClock.nextStop(world.time, Wire.isOverlooked(world))

/** Lets time go on by `millis`, stop by stop (R1). */
export const advance = (world: WorldState, millis: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    const end = world.time.now + millis
    yield* idle(world)
    for (let next = nextStop(world); next !== undefined && next <= end;) {
      VirtualClock.moveTo(world.time, next)
      yield* idle(world)
      next = nextStop(world)
    }
    VirtualClock.moveTo(world.time, end)
    yield* idle(world)
  })

/** Jumps to the next stop. False when nobody waits for time. */
export const skip = (world: WorldState): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    yield* idle(world)
    const next = nextStop(world)
    if (next === undefined) return false
    VirtualClock.moveTo(world.time, next)
    yield* idle(world)
    return true
  })

/** What a body awaits outside needs real time (R2). */
const nap = Effect.async<void>((resume) => {
  const timer = setTimeout(() => resume(Effect.void), 1)
  return Effect.sync(() => clearTimeout(timer))
})

/** Whoever dies meanwhile has something to be waited for: the next process. */
const unlessDead = (process: OneProcess, isWaiting: Effect.Effect<boolean>): Effect.Effect<boolean> =>
  Effect.raceFirst(isWaiting, Effect.as(Deferred.await(process.death), true))

/** Since when a fiber has been seen to await a promise, in real milliseconds. */
const waitingSince = new WeakMap<object, number>()

/** Most stops are reached without any: then nobody need be asked. A fiber answers for itself, and in a paused process none does. */
const hasBodies = (process: OneProcess): boolean => !process.scheduler.isPaused && bodiesOf(process).length > 0

const bodiesOf = ({ worker }: OneProcess): ReadonlyArray<Fiber.RuntimeFiber<unknown, unknown>> => {
  const bodies: Array<Fiber.RuntimeFiber<unknown, unknown>> = []
  const add = (attempts: State.LiveRun["attempts"]): void => {
    for (const { fiber } of attempts.values()) if (fiber !== undefined) bodies.push(fiber)
  }
  for (const { attempts } of worker?.live.values() ?? []) add(attempts)
  for (const attempts of worker?.orphans.values() ?? []) add(attempts)
  return bodies
}

/**
 * Whether a body awaits something outside this world. One that sleeps, or waits for another fiber, a Deferred or a
 * Queue, does not: only time or the test can wake it. One that has been waited for long enough counts as still.
 */
const awaitsPromise = (world: WorldState, process: OneProcess): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    for (const fiber of [...bodiesOf(process), ...(yield* process.forked.value)]) {
      if (yield* isOutside(fiber)) {
        const since = waitingSince.get(fiber) ?? performance.now()
        waitingSince.set(fiber, since)
        if (performance.now() - since < world.patienceMillis) return true
      }
    }
    return false
  })

const isOutside = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Effect.Effect<boolean> =>
  Effect.map(fiber.status, (status) =>
    FiberStatus.isRunning(status) || (FiberStatus.isSuspended(status) && status.blockingOn._tag === "None"))
