/**
 * The worker as a layer: it takes up what earlier processes left, then runs the loops until its scope closes. Provides a
 * `Client` that starts runs and asks them without a detour through the store.
 */
import { randomUUID } from "node:crypto"
import {
  Cause,
  Clock,
  type ConfigProvider,
  Context,
  DefaultServices,
  Effect,
  Fiber,
  FiberRef,
  Layer,
  ModuleVersion,
  Option,
  type Runtime,
  type Scope,
  Tracer
} from "effect"
import { Client, type Workflow } from "@reprise/core"
import {
  Errors,
  Host,
  type Json,
  Limits,
  Log,
  type Message,
  Program,
  type ProgramState,
  Registry,
  Release,
  RunLogs
} from "@reprise/core/engine"
import * as Attempts from "./Attempts.js"
import * as Check from "./Check.js"
import * as CommitLoop from "./CommitLoop.js"
import * as DueLoop from "./DueLoop.js"
import { inspect } from "./Inspect.js"
import * as Lines from "./Lines.js"
import * as Parking from "./Parking.js"
import * as Live from "./Live.js"
import * as Metrics from "./Metrics.js"
import * as Pulse from "./Pulse.js"
import * as ReadRun from "./ReadRun.js"
import { rehearse } from "./Rehearse.js"
import * as RunLoop from "./RunLoop.js"
import type { Hooks, LiveRun, RunningAttempt, Sinks, Worker } from "./State.js"

export interface Options<W extends Workflow.Any> {
  /** The workflows that this worker runs; several versions of one name may be given, the newest last. */
  readonly workflows: ReadonlyArray<W>
  /** Bounds that differ from the defaults. */
  readonly limits?: Partial<Limits.Limits>
  /** Where workflow bodies read configuration; each value is recorded when it is first read. Default: the environment. */
  readonly config?: ConfigProvider.ConfigProvider
  /** How long attempts that run when the worker is stopped may take to end, in milliseconds. Default: 0, they are interrupted. */
  readonly graceMillis?: number
}

/**
 * Runs workflows on a log. The services that their steps need are this layer's requirements. While the scope is open,
 * due timers fire, messages are delivered and steps run; when it closes, nothing is lost: the next worker goes on.
 */
export const layer = <W extends Workflow.Any>(
  options: Options<W>
): Layer.Layer<Client.Client, never, Log.Log | Workflow.Services<W>> =>
  Layer.scoped(
    Client.Client,
    Effect.gen(function*() {
      const worker = yield* open(options)
      return yield* Client.make({
        log: worker.log,
        registry: worker.registry,
        limits: worker.limits,
        newId: worker.newId,
        local: local(worker)
      })
    })
  )

/** The worker behind the layer: running when this succeeds, until the scope closes. */
export const open = <W extends Workflow.Any>(
  options: Options<W>,
  hooks?: Hooks
): Effect.Effect<Worker, never, Log.Log | Workflow.Services<W> | Scope.Scope> =>
  Effect.gen(function*() {
    const runtime = yield* Effect.runtime<Workflow.Services<W>>()
    const worker = yield* make(options, runtime as Runtime.Runtime<unknown>, hooks)
    yield* listen(worker)
    yield* Effect.addFinalizer(() => stop(worker))
    yield* DueLoop.recover(worker)
    for (const loop of [CommitLoop.run, DueLoop.run, DueLoop.sweep, Parking.run]) yield* Effect.forkScoped(loop(worker))
    const { graceMillis = 0 } = options
    // Before the loops end, and before what runs is interrupted.
    if (graceMillis > 0) yield* Effect.addFinalizer(() => drain(worker, graceMillis))
    return worker
  })

/** What a client in the worker's process can do without a detour through the store. */
export const local = (worker: Worker): Client.LocalWorker => ({
  start: (request) => start(worker, request),
  query: (run, name, input) => query(worker, run, name, input),
  refusal: (run, message) => refusal(worker, run, message),
  check: (options) => Check.run(worker, options),
  rehearse: (run, events, next) => Effect.sync(() => rehearse(worker, run, events, next)),
  inspect: (run) => inspect(worker, run),
  vitals: Effect.sync(() => Pulse.vitalsOf(worker))
})

/**
 * Tries a build on the runs of a store, without starting a worker: nothing is written and nothing runs. For the pipeline
 * that deploys: give it the new workflows and a store to read, live or a copy; or use `reprise check`.
 *
 * @example
 * import { Effect } from "effect"
 * import { Workflow } from "@reprise/core"
 * import { Sqlite } from "@reprise/sql"
 * import { Worker } from "@reprise/worker"
 *
 * const Order = Workflow.make("order", {}, () => Effect.void)
 *
 * const report = Worker.check({ workflows: [Order] }).pipe(Effect.provide(Sqlite.readerLayer({ filename: "runs.db" })))
 */
export const check = (
  options: Options<Workflow.Any> & Check.Options
): Effect.Effect<Client.Report, Errors.LogError, Log.Log> =>
  Effect.gen(function*() {
    // No body runs, so the services of the steps are not needed.
    const worker = yield* make(options, (yield* Effect.runtime()) as Runtime.Runtime<unknown>, undefined)
    return yield* Check.run(worker, options)
  })

/** A client without a worker: starts runs and sends messages for workers elsewhere. Queries need a worker. */
export const clientLayer = (options: {
  readonly workflows: ReadonlyArray<Workflow.Any>
  readonly limits?: Partial<Limits.Limits>
}): Layer.Layer<Client.Client, never, Log.Log> =>
  Layer.scoped(
    Client.Client,
    Effect.flatMap(Log.Log, (log) =>
      Client.make({
        log,
        registry: Registry.make(options.workflows),
        limits: Limits.complete(options.limits),
        newId: randomUUID,
        local: undefined
      }))
  )

const make = (
  options: Options<Workflow.Any>,
  runtime: Runtime.Runtime<unknown>,
  hooks: Hooks | undefined
): Effect.Effect<Worker, never, Log.Log> =>
  Effect.gen(function*() {
    const newId = hooks?.newId ?? randomUUID
    const limits = Limits.complete(options.limits)
    const clock = yield* Clock.clockWith(Effect.succeed)
    const runLogs = Option.getOrUndefined(yield* Effect.serviceOption(RunLogs.RunLogs))
    const minimumLogLevel = yield* FiberRef.get(FiberRef.currentMinimumLogLevel)
    const worker: Worker = {
      hooks,
      log: yield* Log.Log,
      registry: Registry.make(options.workflows),
      host: Host.make({
        limits,
        minimumLogLevel,
        secret: newId,
        ...(options.config === undefined ? {} : { config: options.config })
      }),
      limits,
      stamp: { effect: ModuleVersion.getCurrentVersion(), reprise: Release.RELEASE },
      runtime,
      bodies: runLogs === undefined ? runtime : Lines.runtimeOf(() => worker, runtime),
      lines: runLogs === undefined ? undefined : Lines.make(runLogs),
      sinks: yield* sinks,
      now: () => clock.unsafeCurrentTimeMillis(),
      newId,
      live: new Map(),
      loading: new Map(),
      blocked: new Set(),
      paused: new Set(),
      orphans: new Map(),
      idle: new Map(),
      outbox: [],
      notes: [],
      commitSoon: () => {},
      dueSoon: () => {},
      nextLookAt: Infinity,
      stillDueCount: 0,
      onFault: (run, fault) => RunLoop.block(worker, run, fault, []),
      slots: { free: limits.attemptsMax, queue: [] },
      pulse: Pulse.make(),
      storeFailedAt: -Infinity,
      stopping: false,
      draining: false,
      fenced: false,
      forked: new Set()
    }
    return worker
  })

const sinks: Effect.Effect<Sinks> = Effect.gen(function*() {
  const tracer = yield* Effect.tracer
  return {
    loggers: yield* FiberRef.get(FiberRef.currentLoggers),
    services: yield* FiberRef.get(DefaultServices.currentServices),
    tracer,
    // Effect's default tracer keeps spans to itself; making them would only cost time.
    tracing: tracer !== Context.get(DefaultServices.liveServices, Tracer.Tracer)
  }
})

/** What this process commits, through whichever client, wakes the runs that it concerns. */
const listen = (worker: Worker) =>
  worker.log.watch((change) => {
    if (change._tag === "Mail") RunLoop.readMail(worker, change.runId)
    else if (change._tag === "Started" && change.startAt !== undefined) Live.lookAt(worker, change.startAt)
    else if (change._tag === "Started" && !worker.live.has(change.runId)) RunLoop.load(worker, change.runId, [])
  })

/**
 * Lets attempts that run come to their end, for a while. Nothing else begins or goes on: runs are told by the next worker
 * what these attempts have said. What still runs when the time is over is left to `stop`.
 */
const drain = (worker: Worker, graceMillis: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    worker.draining = true
    const ended = Effect.suspend(() => Fiber.awaitAll(attemptsOf(worker).flatMap(({ fiber }) => fiber ?? [])))
    const quiet = Effect.repeat(Effect.zipRight(ended, Effect.sleep(LOOK_MILLIS)), { while: () => isBusy(worker) })
    return isBusy(worker) ? Effect.asVoid(Effect.timeoutOption(Effect.interruptible(quiet), graceMillis)) : Effect.void
  })

/** What attempts have said is written soon after their end. */
const LOOK_MILLIS = 10

/** Something is on its way to the store, or runs. An attempt that is marked to stop may be one whose words are being kept. */
const isBusy = (worker: Worker): boolean => {
  if (worker.fenced) return false
  if (worker.outbox.length > 0 || [...worker.live.values()].some(({ pending }) => pending !== undefined)) return true
  return attemptsOf(worker).some(({ ending, fiber }) => fiber !== undefined || ending === "stop")
}

const attemptsOf = (worker: Worker): ReadonlyArray<RunningAttempt> => {
  const all = [...[...worker.live.values()].map(({ attempts }) => attempts), ...worker.orphans.values()]
  return all.flatMap((attempts) => [...attempts.values()])
}

/** Running attempts are interrupted, given time for their cleanup, and run again by the next worker. */
const stop = (worker: Worker): Effect.Effect<void> =>
  Effect.suspend(() => {
    worker.stopping = true
    const runs = [...worker.live.values(), ...[...worker.orphans.values()].map((attempts) => ({ attempts }))]
    const fibers = attemptsOf(worker).flatMap(({ fiber }) => fiber ?? [])
    for (const run of runs) {
      for (const id of [...run.attempts.keys()]) Attempts.abort(run, id, "stop")
    }
    // Finalizers run uninterruptibly, and so the time limit of this one would not hold.
    const ended = Effect.timeoutOption(Effect.interruptible(Fiber.awaitAll(fibers)), CLEANUP)
    return Effect.all([ended, CommitLoop.flush(worker), Lines.flush(worker), dropAll(worker)], { discard: true })
  })

/** Longest wait for the cleanup of bodies when the worker stops. */
const CLEANUP = "5 seconds"

const dropAll = (worker: Worker): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { forked = [] } = worker
    worker.forked = undefined
    for (const run of [...worker.live.values()]) Live.forget(worker, run)
    Metrics.observe(worker)
    return Fiber.interruptAll([...forked])
  })

/** While the worker drains, a run is only written down. */
const start = (worker: Worker, request: Log.StartRequest): Effect.Effect<Log.Appended, Errors.LogError> =>
  Effect.suspend(() => worker.draining ? onlyWritten(worker, request) : begin(worker, request))

const onlyWritten = (worker: Worker, start: Log.StartRequest): Effect.Effect<Log.Appended, Errors.LogError> => {
  const nothing = { events: [], delivered: [], row: undefined, outgoing: [] }
  const append = { runId: start.runId, epoch: worker.log.epoch, expectedSeq: 0, start, ...nothing }
  return Effect.map(worker.log.append([append]), ([answer]) => answer!)
}

const begin = (worker: Worker, request: Log.StartRequest): Effect.Effect<Log.Appended, Errors.LogError> =>
  Effect.async((resume) => {
    RunLoop.begin(worker, request, (answer) => {
      resume(answer._tag === "LogError" ? Effect.fail(answer) : Effect.succeed(answer))
    })
  })

const query = (
  worker: Worker,
  summary: Log.RunSummary,
  name: string,
  input: Parameters<Client.LocalWorker["query"]>[2]
): ReturnType<Client.LocalWorker["query"]> =>
  Effect.gen(function*() {
    const ask = (program: ProgramState.ProgramState) => answerOf(program, summary, name, input)
    const live = committed(worker, summary.runId)
    const answer = live === undefined ? undefined : yield* lookLive(worker, live, ask)
    return yield* answer ?? ask(yield* replayed(worker, summary, name))
  })

/**
 * Looks at a program in memory once it is what the store has: what is on its way there may never arrive (I2). `undefined`
 * when it was dropped meanwhile.
 */
const lookLive = <A>(worker: Worker, live: LiveRun, look: (program: ProgramState.ProgramState) => A): Effect.Effect<A | undefined> =>
  Effect.async((resume) => {
    const now = (): void => {
      const { program } = live
      const seen = live.gone || program === undefined ? undefined : look(program)
      if (program?.trespass !== undefined && !live.gone) refresh(worker, live)
      resume(Effect.succeed(seen))
    }
    if (live.pending === undefined) return now()
    live.asks.push(now)
    return Effect.sync(() => {
      live.asks = live.asks.filter((ask) => ask !== now)
    })
  })

const answerOf = (
  program: ProgramState.ProgramState,
  { runId, workflow }: Log.RunSummary,
  name: string,
  input: Parameters<Client.LocalWorker["query"]>[2]
): Effect.Effect<Json.Json | undefined, Errors.QueryFailed | Errors.MessageUnknown> => {
  const handler = program.queries.get(name)
  if (handler === undefined) {
    return Effect.fail(new Errors.MessageUnknown({ kind: "query", name, workflow, known: [...program.queries.keys()] }))
  }
  const answer = Program.look(program, handler(input))
  const failed = (detail: string) => Effect.fail(new Errors.QueryFailed({ runId, query: name, detail }))
  if (program.trespass !== undefined) return failed(`it asked for ${program.trespass}`)
  if (answer === undefined) return failed("it waits")
  return Effect.catchAllCause(answer, (cause) => failed(String(Cause.squash(cause))))
}

/** Judged before the message is accepted, while its sender can still be told. */
const refusal = (worker: Worker, summary: Log.RunSummary, message: Message.Message) =>
  Effect.gen(function*() {
    const live = committed(worker, summary.runId)?.program
    if (live !== undefined) return Program.refusal(live, message)
    // A run that cannot be replayed now judges the message when it goes on.
    const replay = yield* Effect.catchTag(ReadRun.replayOf(worker, summary), "HistoryDamaged", () => Effect.succeed(undefined))
    return replay?.program === undefined ? undefined : Program.refusal(replay.program, message)
  })

/** A run that is only being started stands in the place of another one, perhaps, that has its id. */
const committed = (worker: Worker, runId: string): LiveRun | undefined => {
  const live = worker.live.get(runId)
  return live?.start === undefined ? live : undefined
}

/** A query that changed something has spoilt the program in memory; the history has the truth. */
const refresh = (worker: Worker, live: LiveRun): void => {
  worker.orphans.set(live.runId, live.attempts)
  Live.forget(worker, live)
  RunLoop.load(worker, live.runId, live.facts)
}

const whyNot = ({ blocked }: Log.RunSummary): string =>
  blocked === undefined ? "the run has not begun" : `the run is blocked: ${JSON.stringify(blocked)}`

const replayed = (worker: Worker, summary: Log.RunSummary, name: string) =>
  Effect.gen(function*() {
    const replay = yield* ReadRun.replayOf(worker, summary)
    if (replay.program !== undefined && replay.fault === undefined) return replay.program
    const detail = replay.fault?.message ?? whyNot(summary)
    return yield* new Errors.QueryFailed({ runId: summary.runId, query: name, detail })
  })
