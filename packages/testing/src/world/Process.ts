/** One process of a world: a worker on the world's store and time. It ends with the world, or crashes (Lives.ts). */
import { type Clock, Context, Deferred, Effect, ExecutionStrategy, Exit, Fiber, identity, Layer, Option, Scope, Supervisor } from "effect"
import type { Workflow } from "@reprise/core"
import { Errors, Log, Registry, RunLogs } from "@reprise/core/engine"
import { Live, type State, Worker } from "@reprise/worker/engine"
import { ProcessScheduler } from "../ProcessScheduler.js"
import * as VirtualClock from "../VirtualClock.js"
import type { Process, StepCall, WorldState } from "./State.js"
import * as Wire from "./Wire.js"

/** The process that runs now; after a crash, a new one on the same store. */
export const alive = (world: WorldState): Effect.Effect<Process> =>
  Effect.suspend(() => running(world) ?? Effect.flatMap(Effect.forkDaemon(booted(world)), Fiber.join))

/** In a fiber of its own: a boot that was cut off half-way would leave a second worker behind. */
const booted = (world: WorldState): Effect.Effect<Process> =>
  world.lock.withPermits(1)(Effect.suspend(() => running(world) ?? revive(world)))

const running = (world: WorldState): Effect.Effect<Process> | undefined =>
  world.process === undefined || world.process.isDead ? undefined : Effect.succeed(world.process)

/** A fault may strike while the new process recovers: then once more. */
const revive = (world: WorldState): Effect.Effect<Process> =>
  Effect.flatMap(boot(world), (process) => (process.isDead || process.isZombie ? revive(world) : Effect.succeed(process)))

/** Fails as soon as the process dies. */
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
    const store = yield* Layer.buildWithScope(world.log, logScope)
    const log = Context.get(store, Log.Log)
    const number = ++world.processCount
    const process: Process = {
      makesStops: true,
      skewMillis: 0,
      number,
      scheduler: schedulerOf(world, number),
      scope: yield* Scope.make(),
      logScope,
      death: yield* Deferred.make<void>(),
      forked: yield* Supervisor.track,
      log,
      runLogs: Option.getOrUndefined(Context.getOption(store, RunLogs.RunLogs)),
      worker: undefined,
      isZombie: false,
      known: new Set(),
      inFlight: 0,
      notesInFlight: 0,
      isDead: false
    }
    equip(world, process)
    yield* Scope.extend(log.watch((change) => hear(world, change)), logScope)
    const services = yield* Layer.buildWithScope(world.services, world.scope)
    const opened = yield* Effect.forkDaemon(Effect.zipRight(Effect.setFiberRefs(world.refs), openWorker(world, process, services)))
    const isOpen = Effect.raceFirst(Effect.asVoid(Fiber.join(opened)), Deferred.await(process.death))
    // It may have to try again later: then only time brings it on.
    yield* Wire.costsTime(world) ? Effect.raceFirst(isOpen, pushOn(world, process)) : isOpen
    if (!process.isZombie) world.process = process
    return process
  }).pipe(Effect.withClock(clockOf(world)))

const schedulerOf = (world: WorldState, number: number): ProcessScheduler =>
  new ProcessScheduler({
    trace: world.trace,
    pick: (count) => {
      const { order } = world.wire.plan
      return order === 0 || count === 1 ? 0 : Wire.draw(world, order, count)
    },
    moment: () => world.time.now + number
  })

/** What the plan has for a process that begins. */
const equip = (world: WorldState, process: Process): void => {
  const fault = Wire.strike(world, process, "boot", "recovery")
  if (fault?.does === "clock skew") process.skewMillis = fault.amount
  const deployment = fault?.does === "deployment" ? world.deployments[fault.amount % world.deployments.length] : undefined
  if (deployment !== undefined) deploy(world, deployment)
}

/** Moves time for as long as nothing of a process that begins can move without. */
const pushOn = (world: WorldState, process: Process): Effect.Effect<never> =>
  Effect.forever(Effect.map(turn, () => {
    const next = VirtualClock.nextStop(world.time, Wire.isOverlooked(world))
    const { inFlight, scheduler } = process
    const isStill = scheduler.isPaused || (scheduler.isIdle && inFlight === 0)
    if (isStill && next !== undefined) VirtualClock.moveTo(world.time, next)
  }))

/** Everything that is ready moves meanwhile. */
export const turn = Effect.async<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

const openWorker = (
  world: WorldState,
  process: Process,
  services: Context.Context<never>
): Effect.Effect<void> => {
  const { config, limits, workflows } = world
  const options = { workflows, limits, ...(config === undefined ? {} : { config }) }
  const context = services.pipe(
    Context.add(Log.Log, Wire.logOf(world, process)),
    Context.add(Scope.Scope, process.scope),
    process.runLogs === undefined ? identity : Context.add(RunLogs.RunLogs, process.runLogs)
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
    world.vain = { taskCount: world.trace.taskCount, appendCount: world.wire.counts.get("append") ?? 0 }
    Wire.record(world, change.runId, change.events)
    for (const { _tag } of change.events) {
      if (_tag === "RunPaused") world.paused.add(change.runId)
      else if (_tag === "RunResumed") world.paused.delete(change.runId)
    }
  }
  for (const listener of [...world.listeners]) listener(change)
}

// ---- hooks ----

const hooks = (world: WorldState, process: Process): State.Hooks => ({
  newId: () => `token-${++world.tokenCount}`,
  // Waiting for more would be a stop of time.
  lineWaitMillis: 0,
  onRest: (run) => {
    // A body that follows at once yields twice first (below), so that its outcome finds the run gone.
    if (isEvicted(world)) process.scheduler.scheduleTask(() => evict(process, run))
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
      isRepeated: (process.isZombie ? process.known : world.completed).has(`${run.runId} ${step.id}`),
      isPremature: !world.scheduled.has(`${run.runId} ${step.id} ${attempt.attempt}`),
      isPaused: !process.isZombie && world.paused.has(run.runId) && !world.resumed.has(run.runId),
      isZombies: process.isZombie
    }
    const called = Effect.suspend(() => {
      world.calls.push(call)
      return standIn(world, call, body)
    })
    const late = world.wire.plan.evict > 0 ? Effect.zipRight(Effect.zipRight(Effect.yieldNow(), Effect.yieldNow()), called) : called
    return Effect.supervised(late, process.forked)
  }
})

const isEvicted = (world: WorldState): boolean => {
  const { evict, order } = world.wire.plan
  return evict === 100 || (evict > 0 && Wire.draw(world, order, 100) < evict)
}

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

export const clockOf = (world: WorldState): Clock.Clock => VirtualClock.clockFor(world.time, { makesStops: false, skewMillis: 0 })
