/**
 * What stands between a worker and the world: the log as the worker sees it. At each call the plan is asked for a fault.
 *
 * Invariants:
 * - R1 A fault strikes once, at the call whose number it names; without faults nothing is different.
 * - R2 What a process has asked for before it died may still arrive; what it would have been told does not.
 */
import { Effect, FiberRef, FiberRefs } from "effect"
import { Errors, Event, Log } from "@reprise/core/engine"
import { mix } from "../ProcessScheduler.js"
import * as Plan from "../simulation/Plan.js"
import * as VirtualClock from "../VirtualClock.js"
import * as Lives from "./Lives.js"
import type { Process, Strike, Wire, WorldState } from "./State.js"

export const make = (plan: Plan.Plan): Wire => ({
  plan,
  counts: new Map(),
  strikes: [],
  drawCount: 0,
  delayedCount: 0,
  droppedCount: 0,
  lookedForCount: { mail: 0, all: 0 },
  unfenced: [],
  fencedCount: 0
})

/** No more faults from now on; what is under way still arrives. */
export const heal = (world: WorldState): void => {
  world.wire.plan = { ...Plan.NONE, order: world.wire.plan.order }
  for (const zombie of world.zombies) Lives.kill(world, zombie)
  const { process } = world
  if (process === undefined) return
  process.skewMillis = 0
  process.scheduler.resume()
}

/** Whether what may go wrong takes time, so that a call may need it to pass. */
export const costsTime = ({ wire }: WorldState): boolean => wire.plan.faults.some(({ does }) => !Plan.TIMELESS.includes(does))

/** Counts a call, and answers the fault that the plan has for it. */
export const strike = (
  world: WorldState,
  process: Process | undefined,
  at: Plan.Site,
  phase: Strike["phase"],
  appends: ReadonlyArray<Log.Append> = []
): Plan.Fault | undefined => {
  const { wire } = world
  const nth = (wire.counts.get(at) ?? 0) + 1
  wire.counts.set(at, nth)
  const fault = wire.plan.faults.find((fault) => fault.at === at && fault.nth === nth)
  if (fault !== undefined) {
    const events = appends.flatMap(({ events }) => events)
    wire.strikes.push({ fault, now: world.time.now, process: process?.number ?? 0, events, phase })
  }
  return fault
}

/** A number below `count`, drawn from the plan: the same for the same plan. */
export const draw = ({ wire }: WorldState, seed: number, count: number): number => {
  wire.drawCount += 1
  const mixed = mix(mix(mix(0x811c9dc5, seed), wire.drawCount), wire.drawCount >>> 7)
  return ((mixed ^ (mixed >>> 15)) >>> 0) % count
}

// ---- time on the wire ----

/** Stops for time to come, whoever dies meanwhile. */
const LINE: VirtualClock.Owner = { makesStops: true, skewMillis: 0 }

const after = (world: WorldState, millis: number, arrive: () => void): void => {
  world.wire.delayedCount += 1
  VirtualClock.wakeAfter(world.time, LINE, millis, () => {
    world.wire.delayedCount -= 1
    arrive()
  })
}

export const delay = (world: WorldState, millis: number): Effect.Effect<void> =>
  Effect.async((resume) => after(world, millis, () => resume(Effect.void)), VirtualClock.SLEEPING)

/** In a fiber of the world's, so that it goes on whoever dies (R2). */
const laterOn = <A, E>(world: WorldState, millis: number, call: Effect.Effect<A, E>): Effect.Effect<void> =>
  Effect.zipRight(delay(world, millis), Effect.exit(call)).pipe(
    Effect.forkIn(world.scope),
    Effect.withScheduler(FiberRefs.getOrDefault(world.refs, FiberRef.currentScheduler)),
    Effect.asVoid
  )

// ---- the calls of a worker ----

/** The log as the worker of this process sees it. */
export const logOf = (world: WorldState, process: Process): Log.LogShape => {
  const { log } = process
  const ask = <A, E>(call: Plan.Call, effect: Effect.Effect<A, E>) => asked(world, process, call, "run", effect)
  return {
    epoch: log.epoch,
    watchesAll: log.watchesAll,
    append: (appends) => append(world, process, appends),
    send: (runId, message) => ask("send", log.send(runId, message)),
    read: (runId, afterSeq, limit) =>
      Effect.tap(ask("read", log.read(runId, afterSeq, limit)), (page) => learn(world, process, runId, page.map(({ event }) => event))),
    inbox: (runId) => ask("inbox", log.inbox(runId)),
    runnable: (options) => options.recover === false ? ask("runnable", log.runnable(options)) : lookAround(world, process, options),
    find: (filter) => ask("find", log.find(filter)),
    // No worker asks for these.
    tally: log.tally,
    feed: log.feed,
    note: (notes) =>
      Effect.suspend(() => {
        process.notesInFlight += 1
        return Effect.onExit(ask("note", log.note(notes)), () => Effect.sync(() => void (process.notesInFlight -= 1)))
      }),
    watch: (listener) => log.watch((change) => wakeUp(world, process, listener, change))
  }
}

/**
 * A look finds what was dropped before the store was read, however late its answer comes. Of runs that a worker has in memory
 * only the one for mail tells it anything; a worker that begins has none.
 */
const lookAround = (world: WorldState, process: Process, options: Parameters<Log.LogShape["runnable"]>[0]) =>
  Effect.suspend(() => {
    const { lookedForCount } = world.wire
    const begins = process.worker === undefined
    let before = 0
    const look = Effect.tap(process.log.runnable(options), () => {
      before = world.wire.droppedCount
    })
    return Effect.tap(asked(world, process, "runnable", "run", look), () => {
      if (begins || options.recover === "mail") lookedForCount.mail = Math.max(lookedForCount.mail, before)
      if (begins || options.recover === true) lookedForCount.all = Math.max(lookedForCount.all, before)
    })
  })

/** Whether a wake-up was dropped for which nobody has looked since: then looking is worth a stop. */
export const isOverlooked = ({ wire }: WorldState): boolean =>
  wire.droppedCount > Math.min(wire.lookedForCount.mail, wire.lookedForCount.all)

const append = (world: WorldState, process: Process, appends: ReadonlyArray<Log.Append>) =>
  Effect.suspend(() => {
    const { trace } = world
    trace.hash = mix(mix(trace.hash, appends.length), appends[0]?.expectedSeq ?? 0)
    return Effect.tap(asked(world, process, "append", phaseOf(appends), judged(world, process, appends), appends), (answers) => {
      answers.forEach(({ _tag }, i) => {
        if (_tag === "Committed") learn(world, process, appends[i]!.runId, appends[i]!.events)
      })
    })
  })

const phaseOf = (appends: ReadonlyArray<Log.Append>): Strike["phase"] => {
  if (appends.some(({ start }) => start !== undefined)) return "start"
  return appends.some(({ events }) => events.some(Event.isClosing)) ? "close" : "run"
}

/** Whoever has lost the store must not change it any more. */
const judged = (world: WorldState, process: Process, appends: ReadonlyArray<Log.Append>) =>
  Effect.tap(process.log.append(appends), (answers) => {
    if (!isSuperseded(world, process)) return
    world.wire.fencedCount += answers.length
    answers.forEach(({ _tag }, i) => {
      if (_tag === "Committed") world.wire.unfenced.push(appends[i]!.runId)
    })
  })

const isSuperseded = (world: WorldState, process: Process): boolean =>
  process.isZombie && world.process !== undefined && world.process.log.epoch > process.log.epoch

/** What a process has seen of steps that are completed: it must not call them any more. */
const learn = (world: WorldState, process: Process, runId: string, events: ReadonlyArray<Event.Event>): void => {
  for (const event of events) if (event._tag === "StepCompleted") process.known.add(`${runId} ${event.id}`)
  record(world, runId, events)
}

/** What is committed: which attempts may begin, and which steps must not any more. */
export const record = (world: WorldState, runId: string, events: ReadonlyArray<Event.Event>): void => {
  for (const event of events) {
    if (event._tag === "StepCompleted") world.completed.add(`${runId} ${event.id}`)
    else if (event._tag === "StepScheduled") world.scheduled.add(`${runId} ${event.id} 1`)
    else if (event._tag === "StepRetryScheduled") world.scheduled.add(`${runId} ${event.id} ${event.attempt}`)
  }
}

const parked = Effect.async<never>(() => {})

/** A call with what the plan has for it. */
const asked = <A, E>(
  world: WorldState,
  process: Process,
  call: Plan.Call,
  phase: Strike["phase"],
  effect: Effect.Effect<A, E>,
  appends?: ReadonlyArray<Log.Append>
): Effect.Effect<A, E | Errors.LogError> =>
  Effect.suspend(() => {
    if (process.isDead) return parked
    const during = process.isZombie ? "zombie" : process.worker === undefined ? "recovery" : phase
    const fault = strike(world, process, call, during, appends)
    const applied = counted(process, effect)
    return fault === undefined ? applied : struck(world, process, fault, applied)
  })

/** Whether the world is at rest must not be asked while a store of flesh and blood is at work. */
const counted = <A, E>(process: Process, call: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    process.inFlight += 1
    return Effect.onExit(call, () => Effect.sync(() => void (process.inFlight -= 1)))
  })

const struck = <A, E>(
  world: WorldState,
  process: Process,
  fault: Plan.Fault,
  applied: Effect.Effect<A, E>
): Effect.Effect<A, E | Errors.LogError> => {
  const { amount, does } = fault
  const failed = Effect.fail(new Errors.LogError({ operation: fault.at, cause: new Error(`simulated: ${Plan.showFault(fault)}`) }))
  switch (does) {
    case "crash before":
      return die(world, process)
    case "crash after":
      return Effect.zipRight(Effect.exit(applied), die(world, process))
    case "refused":
      return failed
    case "answer lost":
      return Effect.zipRight(Effect.exit(applied), failed)
    case "slow":
      return Effect.zipRight(delay(world, amount), applied)
    case "slow answer":
      return Effect.flatMap(Effect.exit(applied), (exit) => Effect.zipRight(delay(world, amount), exit))
    case "late":
      return Effect.zipRight(laterOn(world, amount, applied), failed)
    case "repeated":
      return Effect.zipLeft(applied, laterOn(world, amount, applied))
    case "pause":
      return Effect.zipRight(pause(world, process, amount), applied)
    case "takeover":
      return Effect.zipRight(takeOver(world, process, amount), applied)
    case "clock jump":
      process.skewMillis += amount
      return applied
    default:
      return applied
  }
}

const die = (world: WorldState, process: Process): Effect.Effect<never> =>
  Effect.suspend(() => {
    Lives.kill(world, process)
    return parked
  })

/** The fiber yields, so that nothing of the process moves before it goes on. */
const pause = (world: WorldState, process: Process, millis: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    process.scheduler.pause()
    after(world, millis, () => process.scheduler.resume())
    return Effect.yieldNow()
  })

/** For as long again the old process goes on as a zombie; then it dies. */
const takeOver = (world: WorldState, process: Process, millis: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (!world.canTakeOver || process.isZombie) return pause(world, process, millis)
    Lives.supersede(world, process)
    after(world, 2 * millis, () => Lives.kill(world, process))
    return pause(world, process, millis)
  })

// ---- wake-ups ----

const wakeUp = (world: WorldState, process: Process, listener: (change: Log.Change) => void, change: Log.Change): void => {
  if (process.isDead) return
  const tell = (): void => {
    if (process.scheduler.isPaused) process.scheduler.scheduleTask(() => listener(change))
    else if (!process.isDead) listener(change)
  }
  if (change._tag !== "Mail" && change._tag !== "Started") return tell()
  const fault = strike(world, process, "wake-up", "run")
  switch (fault?.does) {
    case "dropped":
      return overlook(world, process, change)
    case "delayed":
      return after(world, fault.amount, tell)
    case "doubled":
      tell()
  }
  tell()
}

/** A run that begins later is found only by who looks then; so is one whose beginning was written by a clock that is ahead. */
const overlook = (world: WorldState, process: Process, change: Log.Change): void => {
  world.wire.droppedCount += 1
  if (change._tag !== "Started") return
  const millis = (change.startAt ?? world.time.now + process.skewMillis) - world.time.now
  if (millis > 0) after(world, millis, () => void (world.wire.droppedCount += 1))
}

// ---- messages of clients ----

/** Sends a message as a client does that tries again when it was cut off. */
export const sendFrom = <A, E>(world: WorldState, send: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const fault = strike(world, world.process, "message", "run")
    switch (fault?.does) {
      case "doubled":
        return Effect.zipLeft(send, Effect.exit(send))
      case "answer lost":
        return Effect.zipRight(Effect.exit(send), send)
      case "delayed":
        return Effect.zipRight(delay(world, fault.amount), send)
      default:
        return send
    }
  })
