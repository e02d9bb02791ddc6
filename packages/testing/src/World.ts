/**
 * A world of its own for each test: a store, a worker and a clock that stands still until the test moves it. Workflows
 * run on the engine and the worker of production; only time, the log and, where the test says so, step bodies are its own.
 *
 * Nothing in a world is shared with another one, nothing sleeps, and the same test does the same each time.
 */
import { type ConfigProvider, type Context, Duration, Effect, Layer, type Scope } from "effect"
import { Client, type Workflow } from "@reprise/core"
import { type Event, type Limits, type Log, Registry, type RunLogs } from "@reprise/core/engine"
import * as MemoryLog from "./MemoryLog.js"
import * as Plan from "./simulation/Plan.js"
import * as VirtualClock from "./VirtualClock.js"
import * as Drive from "./world/Drive.js"
import * as Lives from "./world/Lives.js"
import * as Observer from "./world/Observer.js"
import * as Process from "./world/Process.js"
import type { Acknowledged, CrashPoint, StandIn, StepCall, Strike, WorldState } from "./world/State.js"
import * as Timeline from "./world/Timeline.js"
import * as Wire from "./world/Wire.js"

export type { Acknowledged, CrashPoint, StandIn, StepCall, Strike }

/** What a world is made of; everything but the workflows and the services of their steps has a default. */
export type Options<W extends Workflow.Any> = Settings<W> & ServicesOption<Workflow.Services<W>>

interface Settings<W extends Workflow.Any> {
  readonly workflows: ReadonlyArray<W>
  /** The store, when it must be looked at or shared with another world. Default: an empty one in memory. */
  readonly store?: MemoryLog.MemoryStore
  /** Another log in place of the one in memory; it is built anew after each crash. */
  readonly log?: Layer.Layer<Log.Log>
  /** Bounds that differ from the world's: runs are not parked, and the store is not polled, unless the test says so. */
  readonly limits?: Partial<Limits.Limits>
  readonly config?: ConfigProvider.ConfigProvider
  /** Epoch milliseconds at which time stands first. Default: the beginning of 2025. */
  readonly startAt?: number
  /** Drop each run from memory after each append, so that every step happens on a replayed program. */
  readonly alwaysReplay?: boolean
  /** What goes wrong, and when. Calls then take their time, so `run` moves it where they need it. */
  readonly faults?: Plan.Plan
  /** The workflows of deployments to come, for faults that deploy. */
  readonly deployments?: ReadonlyArray<ReadonlyArray<Workflow.Any>>
  /** How long in real time `idle` waits for a step body that awaits a promise. Default: 5 seconds. */
  readonly patience?: Duration.DurationInput
}

type ServicesOption<R> = [R] extends [never] ? { readonly services?: Layer.Layer<never> }
  /** What the steps need; built anew after each crash, so let what stands for the outside world live in the test. */
  : { readonly services: Layer.Layer<R> }

export interface World {
  /** Runs an effect that uses `Client`, on the world's time. It does not move time: a result may never come. */
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, Exclude<R, Client.Client>>
  /** Starts a run and lets it go on until it waits. Should the worker crash meanwhile, it is started once all the same. */
  readonly start: <Input, A, E, R>(
    workflow: Workflow.Workflow<Input, A, E, R>,
    input: Input,
    options?: Client.StartOptions
  ) => Effect.Effect<Client.Handle<A, E>, Client.StartError>
  /** Starts a run and takes it to its end, skipping the time in between. */
  readonly execute: <Input, A, E, R>(
    workflow: Workflow.Workflow<Input, A, E, R>,
    input: Input,
    options?: Client.StartOptions
  ) => Effect.Effect<A, E | Workflow.EngineError | Client.StartError | Client.Ended>
  /** Takes a run to its end, skipping time. Dies with a `WorldStuck` when it waits for a message, or is blocked. */
  readonly runToEnd: <A, E>(handle: Client.Handle<A, E>) => Effect.Effect<A, E | Workflow.EngineError | Client.Ended>
  /** Waits until nothing can move without time passing or a message. */
  readonly idle: Effect.Effect<void>
  /** Lets time pass; everything that falls due on the way happens at its own instant. */
  readonly advance: (duration: Duration.DurationInput) => Effect.Effect<void>
  /** Jumps to the next instant at which something is due. False when nothing is. */
  readonly skip: Effect.Effect<boolean>
  /** Skips time until the history of a run holds such an event: the moment for a signal. Dies with a `WorldStuck` if none comes. */
  readonly until: (runId: string, isReached: (event: Event.Event) => boolean) => Effect.Effect<void>
  /** Epoch milliseconds. */
  readonly now: Effect.Effect<number>
  /** Kills the worker: no finalizer runs, nothing is delivered. Then a new worker takes up the same store. */
  readonly crash: Effect.Effect<void>
  /** Stops the worker in good order, as a deployment does, and starts a new one: with other workflows, if some are given. */
  readonly restart: (workflows?: ReadonlyArray<Workflow.Any>) => Effect.Effect<void>
  /** Crashes at an append to come, besides those asked for before; the next worker is there as soon as the world is driven. */
  readonly crashAt: (point: CrashPoint) => Effect.Effect<void>
  /** Appends of workers so far. */
  readonly appendCount: Effect.Effect<number>
  /** Drops every run from memory; each is read from the store again when something concerns it. */
  readonly evictAll: Effect.Effect<void>
  /** Runs in the worker's memory. */
  readonly liveRunCount: Effect.Effect<number>
  readonly history: (runId: string) => Effect.Effect<ReadonlyArray<Event.Event>>
  /** A history for people, a line for each event, such as `2m  step "charge" attempt 3 completed`. Made for snapshots. */
  readonly timeline: (runId: string) => Effect.Effect<ReadonlyArray<string>>
  /** What a run has logged and printed so far, if the store keeps it. */
  readonly lines: (runId: string) => Effect.Effect<ReadonlyArray<RunLogs.Kept>>
  /** From now on, steps of this name run `standIn` in place of their body, in every workflow; `undefined` ends that. */
  readonly mock: (step: string, standIn: StandIn | undefined) => Effect.Effect<void>
  /** Every begin of a step's body so far, in order. */
  readonly calls: Effect.Effect<ReadonlyArray<StepCall>>
  /** Signals and updates of which clients have been told that the store has them: none of them may be lost. */
  readonly acknowledged: Effect.Effect<ReadonlyArray<Acknowledged>>
  /** No more faults from now on: one healthy process is left. */
  readonly heal: Effect.Effect<void>
  /** What has gone wrong so far, and what it has shown. */
  readonly damage: Effect.Effect<Damage>
}

/** What the faults of a world have come to. */
export interface Damage {
  /** The faults that have struck, in order. */
  readonly strikes: ReadonlyArray<Strike>
  /** Runs that an owner has changed that had lost the store. Always empty: otherwise Reprise has broken its word. */
  readonly unfenced: ReadonlyArray<string>
  /** Appends of such owners. */
  readonly fencedCount: number
  readonly processCount: number
  /** A hash of all that has moved, in order: the same whenever the same plan is played. */
  readonly hash: number
  readonly taskCount: number
}

/** Why `runToEnd` cannot reach the end, or `until` the event. */
export class WorldStuck extends Error {
  override readonly name = "WorldStuck"
  constructor(readonly run: Log.RunSummary) {
    const blocked = run.blocked === undefined ? "" : `\nIt is blocked: ${JSON.stringify(run.blocked, undefined, 2)}`
    super(`Run "${run.runId}" of "${run.workflow}" is ${run.status} and nothing is due: it waits for a message.${blocked}`)
  }
}

/** 2025-01-01T00:00:00Z */
const START_AT = 1_735_689_600_000

/** A test moves time by hand: loops that look again now and then would only make stops. */
const LIMITS: Partial<Limits.Limits> = { pollMillis: Infinity, sweepMillis: Infinity, parkAfterMillis: Infinity }

/** A wake-up that was dropped is found by looking again. */
const limitsOf = ({ faults, limits }: Settings<Workflow.Any>): Partial<Limits.Limits> => {
  const isDropping = faults?.faults.some(({ does }) => does === "dropped") ?? false
  return { ...LIMITS, ...(isDropping ? { sweepMillis: VirtualClock.SWEEP_MILLIS } : {}), ...limits }
}

/**
 * Makes a world with a running worker; both end with the scope.
 *
 * @example
 * import { Effect } from "effect"
 * import { Step, Workflow } from "@reprise/core"
 * import { World } from "@reprise/testing"
 *
 * const Greet = Workflow.make("greet", {}, () =>
 *   Effect.sleep("1 day").pipe(Effect.zipRight(Step.run("compose", Effect.succeed("Hello")))))
 *
 * const test = Effect.gen(function*() {
 *   const world = yield* World.make({ workflows: [Greet] })
 *   const run = yield* world.start(Greet, undefined)
 *   yield* world.crash
 *   return yield* world.runToEnd(run)
 * })
 */
export const make = <W extends Workflow.Any>(options: Options<W>): Effect.Effect<World, never, Scope.Scope> =>
  Effect.gen(function*() {
    const world = yield* makeState(options)
    yield* Effect.addFinalizer(() => end(world))
    yield* Process.alive(world)
    const client = yield* Effect.withClock(Observer.make(world), Process.clockOf(world))
    const run = inside(world, client)
    const start: World["start"] = (workflow, input, options) =>
      Effect.zipLeft(run(Client.start(workflow, input, { id: Process.newId(world), ...options })), Drive.idle(world))
    const history = (runId: string) => Effect.orDie(run(Client.history(runId)))
    const runToEnd: World["runToEnd"] = (handle) => Effect.zipRight(toEnd(world, run, handle.runId), run(handle.result))
    return {
      run,
      start,
      execute: (workflow, input, options) => Effect.flatMap(start(workflow, input, options), runToEnd),
      runToEnd,
      idle: Drive.idle(world),
      advance: (duration) => Drive.advance(world, Duration.toMillis(duration)),
      skip: Drive.skip(world),
      until: (runId, isReached) => until(world, run, runId, Effect.map(history(runId), (events) => events.some(isReached))),
      now: Effect.sync(() => world.time.now),
      crash: crash(world),
      restart: (workflows) => restart(world, workflows),
      crashAt: (point) => Effect.sync(() => crashAt(world, point)),
      appendCount: Effect.sync(() => world.wire.counts.get("append") ?? 0),
      evictAll: Effect.zipRight(Drive.idle(world), Effect.map(Process.alive(world), Process.evictAll)),
      liveRunCount: Effect.map(Process.alive(world), (process) => process.worker?.live.size ?? 0),
      history,
      timeline: (runId) => Effect.map(history(runId), Timeline.lines),
      lines: (runId) => Effect.zipRight(Drive.idle(world), Effect.orDie(linesOf(world, runId))),
      mock: (step, standIn) => Effect.sync(() => mock(world, step, standIn)),
      calls: Effect.sync(() => [...world.calls]),
      acknowledged: Effect.sync(() => [...world.acknowledged]),
      heal: Effect.sync(() => Wire.heal(world)),
      damage: Effect.sync(() => damageOf(world))
    }
  })

const makeState = <W extends Workflow.Any>(options: Options<W>): Effect.Effect<WorldState, never, Scope.Scope> =>
  Effect.gen(function*() {
    return {
      time: VirtualClock.make(options.startAt ?? START_AT),
      scope: yield* Effect.scope,
      refs: yield* Effect.getFiberRefs,
      log: options.log ?? MemoryLog.layer(options.store ?? MemoryLog.makeStore()),
      services: options.services ?? Layer.empty,
      workflows: options.workflows,
      registry: new Map(Registry.make(options.workflows).byName),
      limits: limitsOf(options),
      config: options.config,
      patienceMillis: Duration.toMillis(options.patience ?? "5 seconds"),
      standIns: new Map(),
      calls: [],
      completed: new Set(),
      scheduled: new Set(),
      paused: new Set(),
      resumed: new Set(),
      listeners: new Set(),
      lock: yield* Effect.makeSemaphore(1),
      process: undefined,
      zombies: new Set(),
      processCount: 0,
      wire: Wire.make(planOf(options)),
      canTakeOver: options.log === undefined,
      deployments: options.deployments ?? [],
      trace: { hash: 0x811c9dc5 | 0, taskCount: 0 },
      vain: { taskCount: 0, appendCount: 0 },
      acknowledged: [],
      idCount: 0,
      tokenCount: 0
    }
  })

const planOf = ({ alwaysReplay, faults = Plan.NONE }: Settings<Workflow.Any>): Plan.Plan =>
  alwaysReplay === true ? { ...faults, evict: 100 } : faults

const crashAt = ({ wire }: WorldState, { append, moment }: CrashPoint): void => {
  const fault: Plan.Fault = { at: "append", nth: append, does: `crash ${moment}`, amount: 0 }
  wire.plan = { ...wire.plan, faults: [...wire.plan.faults, fault] }
}

const damageOf = ({ processCount, trace, wire }: WorldState): Damage => ({
  strikes: [...wire.strikes],
  unfenced: [...wire.unfenced],
  fencedCount: wire.fencedCount,
  processCount,
  ...trace
})

const linesOf = (world: WorldState, runId: string) =>
  Effect.flatMap(Process.alive(world), ({ runLogs }) =>
    runLogs === undefined ? Effect.succeed([]) : runLogs.read(runId, { after: 0, limit: Number.MAX_SAFE_INTEGER }))

const end = (world: WorldState): Effect.Effect<void> =>
  Effect.suspend(() => {
    Wire.heal(world)
    return world.process === undefined ? Effect.void : Process.close(world.process)
  })

const inside = (world: WorldState, client: Context.Tag.Service<typeof Client.Client>): World["run"] => (effect) =>
  effect.pipe(
    Effect.provideService(Client.Client, client),
    Effect.withClock(Process.clockOf(world)),
    Effect.raceFirst(Effect.suspend(() => (Wire.costsTime(world) ? Drive.pushOn(world) : Process.keepAlive(world))))
  )

const crash = (world: WorldState): Effect.Effect<void> =>
  Effect.gen(function*() {
    Lives.kill(world, yield* Process.alive(world))
    yield* Process.alive(world)
    yield* Drive.idle(world)
  })

const restart = (world: WorldState, workflows: ReadonlyArray<Workflow.Any> | undefined): Effect.Effect<void> =>
  Effect.gen(function*() {
    const process = yield* Process.alive(world)
    yield* Process.close(process)
    Lives.kill(world, process)
    if (workflows !== undefined) Process.deploy(world, workflows)
    yield* Drive.idle(world)
  })

const toEnd = (world: WorldState, run: World["run"], runId: string) =>
  until(world, run, runId, Effect.map(run(Client.describe(runId)), ({ closedAt }) => closedAt !== undefined))

/** Skips time until something holds of a run; nothing will come any more of one that is closed or blocked. */
const until = <E>(world: WorldState, run: World["run"], runId: string, isReached: Effect.Effect<boolean, E>) =>
  Effect.gen(function*() {
    yield* Drive.idle(world)
    while (!(yield* isReached)) {
      const summary = yield* Effect.orDie(run(Client.describe(runId)))
      const isOver = summary.closedAt !== undefined || summary.blocked !== undefined
      if (isOver || !(yield* Drive.skip(world))) return yield* Effect.die(new WorldStuck(summary))
    }
  })

const mock = (world: WorldState, step: string, standIn: StandIn | undefined): void => {
  if (standIn === undefined) world.standIns.delete(step)
  else world.standIns.set(step, standIn)
}
