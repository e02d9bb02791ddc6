/**
 * One process of a world: a worker on the world's store and time. It ends with the world, or crashes.
 *
 * Invariants:
 * - R1 A crash is not an interrupt: no finalizer runs and nobody is told; what was committed is all that is left.
 * - R2 Whoever waits for the dead process from outside (a client) learns of its end, as over a broken connection.
 */
import { type Clock, Context, Deferred, Effect, ExecutionStrategy, Exit, Fiber, GlobalValue, Layer, Scope, Supervisor } from "effect"
import type { Workflow } from "@reprise/core"
import { Errors, Log, Registry } from "@reprise/core/engine"
import { Live, type State, Worker } from "@reprise/worker/engine"
import { ProcessScheduler } from "../ProcessScheduler.js"
import * as VirtualClock from "../VirtualClock.js"
import type { CrashPoint, Process, StepCall, WorldState } from "./State.js"

// Effect's registry of root fibers, under the key of its fiberScope module (effect 3.22).
const globalScope = GlobalValue.globalValue(
  Symbol.for("effect/FiberScope/Global"),
  () => ({ roots: new Set<Fiber.RuntimeFiber<unknown, unknown>>() })
)

/** The process that runs now; after a crash, a new one on the same store. */
export const alive = (world: WorldState): Effect.Effect<Process> =>
  Effect.suspend(() => running(world) ?? Effect.flatMap(Effect.forkDaemon(booted(world)), Fiber.join))

/** In a fiber of its own: a boot that was cut off half-way would leave a second worker behind. */
const booted = (world: WorldState): Effect.Effect<Process> =>
  world.lock.withPermits(1)(Effect.suspend(() => running(world) ?? revive(world)))

const running = (world: WorldState): Effect.Effect<Process> | undefined =>
  world.process === undefined || world.process.isDead ? undefined : Effect.succeed(world.process)

/** A crash point may strike while the new process recovers: then once more. */
const revive = (world: WorldState): Effect.Effect<Process> =>
  Effect.flatMap(boot(world), (process) => (process.isDead ? revive(world) : Effect.succeed(process)))

/** Ends the process as a power cut does (R1). */
export const kill = (world: WorldState, process: Process): void => {
  process.isDead = true
  process.scheduler.kill()
  // The runtime would keep them, and with them the whole process, for as long as they have not ended.
  for (const fiber of globalScope.roots) if (fiber.currentScheduler === process.scheduler) globalScope.roots.delete(fiber)
  VirtualClock.forget(world.time, process)
  Deferred.unsafeDone(process.death, Exit.void)
}

/** Fails as soon as the process dies (R2). */
export const unlessDead = <A, E>(process: Process, operation: string, effect: Effect.Effect<A, E>) =>
  Effect.raceFirst(
    effect,
    Effect.zipRight(
      Deferred.await(process.death),
      Effect.fail(new Errors.LogError({ operation, cause: new Error("the worker's process has crashed") }))
    )
  )

/** Sees to it that a process runs, until it is interrupted. */
export const keepAlive = (world: WorldState): Effect.Effect<never> =>
  Effect.forever(Effect.flatMap(alive(world), (process) => Deferred.await(process.death)))

/** Ends the process in good order, unless it has crashed. */
export const close = (process: Process): Effect.Effect<void> =>
  process.isDead ? Effect.void : Scope.close(process.scope, Exit.void)

/** The workflows of the next process. */
export const deploy = (world: WorldState, workflows: ReadonlyArray<Workflow.Any>): void => {
  world.workflows = workflows
  world.registry.clear()
  for (const [name, versions] of Registry.make(workflows).byName) world.registry.set(name, versions)
}

/** Drops from memory every run that can be dropped. */
export const evictAll = (process: Process): void => {
  for (const run of process.worker?.live.values() ?? []) evict(process, run)
}

// ---- booting ----

const boot = (world: WorldState): Effect.Effect<Process> =>
  Effect.gen(function*() {
    if (world.process !== undefined) yield* Scope.close(world.process.logScope, Exit.void)
    const logScope = yield* Scope.fork(world.scope, ExecutionStrategy.sequential)
    const log = Context.get(yield* Layer.buildWithScope(world.log, logScope), Log.Log)
    const process: Process = {
      makesStops: true,
      number: ++world.processCount,
      scheduler: new ProcessScheduler(),
      scope: yield* Scope.make(),
      logScope,
      death: yield* Deferred.make<void>(),
      forked: yield* Supervisor.track,
      log,
      worker: undefined,
      inFlight: 0,
      notesInFlight: 0,
      isDead: false
    }
    yield* Scope.extend(log.watch((change) => hear(world, change)), logScope)
    const services = yield* Layer.buildWithScope(world.services, world.scope)
    const opened = yield* Effect.forkDaemon(Effect.zipRight(Effect.setFiberRefs(world.refs), openWorker(world, process, services)))
    yield* Effect.raceFirst(Effect.asVoid(Fiber.join(opened)), Deferred.await(process.death))
    world.process = process
    return process
  }).pipe(Effect.withClock(clockOf(world)))

const openWorker = (
  world: WorldState,
  process: Process,
  services: Context.Context<never>
): Effect.Effect<void> => {
  const { config, limits, workflows } = world
  const options = { workflows, limits, ...(config === undefined ? {} : { config }) }
  const context = services.pipe(
    Context.add(Log.Log, instrumented(world, process)),
    Context.add(Scope.Scope, process.scope)
  )
  // Which services the workflows need is known where the world is made (World.Options).
  return Worker.open(options, hooks(world, process)).pipe(
    Effect.map((worker) => {
      process.worker = worker
    }),
    Effect.provide(context),
    Effect.withClock(VirtualClock.clockFor(world.time, process)),
    Effect.withScheduler(process.scheduler)
  ) as Effect.Effect<void>
}

/** What the store has taken, told to clients and to the list of completed steps. */
const hear = (world: WorldState, change: Log.Change): void => {
  if (change._tag === "Appended") {
    for (const event of change.events) {
      if (event._tag === "StepCompleted") world.completed.add(`${change.runId} ${event.id}`)
    }
  }
  for (const listener of [...world.listeners]) listener(change)
}

// ---- the log as the worker sees it: it may crash at any append ----

const parked = Effect.async<never>(() => {})

const instrumented = (world: WorldState, process: Process): Log.LogShape => ({
  epoch: process.log.epoch,
  watchesAll: process.log.watchesAll,
  append: (appends) =>
    Effect.suspend(() => {
      const append = ++world.appendCount
      if (strikes(world, process, { append, moment: "before" })) return parked
      return Effect.flatMap(counted(process, process.log.append(appends)), (answers) =>
        strikes(world, process, { append, moment: "after" }) ? parked : Effect.succeed(answers))
    }),
  send: (runId, message) => counted(process, process.log.send(runId, message)),
  read: (runId, afterSeq, limit) => counted(process, process.log.read(runId, afterSeq, limit)),
  inbox: (runId) => counted(process, process.log.inbox(runId)),
  runnable: (options) => counted(process, process.log.runnable(options)),
  find: (filter) => counted(process, process.log.find(filter)),
  note: (notes) =>
    Effect.suspend(() => {
      process.notesInFlight += 1
      return Effect.onExit(counted(process, process.log.note(notes)), () => Effect.sync(() => void (process.notesInFlight -= 1)))
    }),
  watch: (listener) =>
    process.log.watch((change) => {
      if (!process.isDead) listener(change)
    })
})

const counted = <A, E>(process: Process, call: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    if (process.isDead) return parked
    process.inFlight += 1
    return Effect.onExit(call, () => Effect.sync(() => void (process.inFlight -= 1)))
  })

const strikes = (world: WorldState, process: Process, here: CrashPoint): boolean => {
  const isHere = (point: CrashPoint): boolean => point.append === here.append && point.moment === here.moment
  if (!world.crashPoints.some(isHere)) return process.isDead
  world.crashPoints = world.crashPoints.filter((point) => !isHere(point))
  kill(world, process)
  return true
}

// ---- hooks ----

const hooks = (world: WorldState, process: Process): State.Hooks => ({
  newId: () => `token-${++world.tokenCount}`,
  onRest: (run) => {
    // A body that follows at once yields twice first (below), so that its outcome finds the run gone.
    if (world.isReplayingAlways) process.scheduler.scheduleTask(() => evict(process, run))
  },
  around: (run, step, attempt) => (body) => {
    const call: StepCall = {
      runId: run.runId,
      workflow: run.state.workflow,
      step: step.name,
      stepId: step.id,
      attempt: attempt.attempt,
      poll: attempt.poll,
      process: process.number,
      at: world.time.now,
      isRepeated: world.completed.has(`${run.runId} ${step.id}`)
    }
    const called = Effect.suspend(() => {
      world.calls.push(call)
      return standIn(world, call, body)
    })
    const late = world.isReplayingAlways ? Effect.zipRight(Effect.zipRight(Effect.yieldNow(), Effect.yieldNow()), called) : called
    return Effect.supervised(late, process.forked)
  }
})

/** Ids are counted, so that a world does the same in each run of its test; they are only unique in their world. */
export const newId = (world: WorldState): string => `id-${++world.idCount}`

const standIn = (world: WorldState, call: StepCall, body: Effect.Effect<unknown, unknown, unknown>) => {
  const found = world.standIns.get(call.step)
  if (found === undefined) return body
  return Effect.isEffect(found) ? found : Effect.contextWithEffect((services: Context.Context<unknown>) =>
    found(call, Effect.provide(body, services)))
}

const evict = (process: Process, run: State.LiveRun): void => {
  const worker = process.worker
  const isBusy = run.gone || run.pending !== undefined || run.facts.length > 0 || run.reading || run.mail
  if (worker === undefined || isBusy) return
  // A note on its way would be missed by whoever reads the run again.
  if (process.notesInFlight > 0 || worker.notes.length > 0) return
  if (run.attempts.size > 0) worker.orphans.set(run.runId, run.attempts)
  Live.forget(worker, run)
}

export const clockOf = (world: WorldState): Clock.Clock => VirtualClock.clockFor(world.time, { makesStops: false })
