/** What a world consists of: time, a store, and the process that runs on them until it crashes. */
import type { ConfigProvider, Deferred, Effect, Fiber, FiberRefs, Layer, Scope, Supervisor } from "effect"
import type { Workflow } from "@reprise/core"
import type { Event, Limits, Log, RunLogs } from "@reprise/core/engine"
import type { State } from "@reprise/worker/engine"
import type { ProcessScheduler, Trace } from "../ProcessScheduler.js"
import type * as Plan from "../simulation/Plan.js"
import type { Owner, VirtualClock } from "../VirtualClock.js"

/** One begin of a step's body or of a sensor's check. */
export interface StepCall {
  readonly runId: string
  readonly workflow: string
  readonly step: string
  readonly stepId: string
  readonly attempt: number
  /** For a sensor: the number of this poll, from 1. */
  readonly poll: number
  /** The process that made it, from 1; each crash begins a new one. */
  readonly process: number
  readonly at: number
  /** Whether the log already held the step's completion. Always false: otherwise Reprise has broken its word. */
  readonly isRepeated: boolean
  /** Whether the log did not hold yet that the attempt is to begin. Always false likewise. */
  readonly isPremature: boolean
  /** Whether the log held that its run was paused, and nobody had said that it is to go on. Always false likewise. */
  readonly isPaused: boolean
  /** Whether another process had taken over before, and the one that made it did not know. */
  readonly isZombies: boolean
}

/** What runs in place of a step's body, or of a sensor's check: an effect, or one made for each call. */
export type StandIn =
  | Effect.Effect<unknown, unknown>
  | ((call: StepCall, body: Effect.Effect<unknown, unknown>) => Effect.Effect<unknown, unknown>)

/** A signal or update that a client was told the store has. */
export interface Acknowledged {
  readonly runId: string
  readonly messageId: string
}

/** A crash to come: right before or right after the store has taken the worker's append number `append`, from 1. */
export interface CrashPoint {
  readonly append: number
  readonly moment: "before" | "after"
}

/** A fault that has struck. */
export interface Strike {
  readonly fault: Plan.Fault
  /** Epoch milliseconds. */
  readonly now: number
  readonly process: number
  /** What the worker was about to append. */
  readonly events: ReadonlyArray<Event.Event>
  /** What the worker was doing: beginning, taking up what was left, beginning a run, closing one, or something else. */
  readonly phase: "recovery" | "start" | "close" | "zombie" | "run"
}

/** What stands between the worker and the world, and makes faults as the plan says. */
export interface Wire {
  plan: Plan.Plan
  /** Calls so far, by site. */
  readonly counts: Map<Plan.Site, number>
  readonly strikes: Array<Strike>
  /** Draws made from the plan's seeds. */
  drawCount: number
  /** What is under way on the wire and arrives when time passes. */
  delayedCount: number
  /** Wake-ups that were dropped so far, and how many of them came before each of the two looks of a sweep. */
  droppedCount: number
  readonly lookedForCount: { mail: number; all: number }
  /** Runs of which an append of an owner that had lost the store was taken. Always empty: otherwise Reprise has broken its word. */
  readonly unfenced: Array<string>
  fencedCount: number
}

export interface Process extends Owner {
  readonly number: number
  readonly scheduler: ProcessScheduler
  readonly scope: Scope.CloseableScope
  /** Closed at the next boot, while those of the services stay open until the world ends. */
  readonly logScope: Scope.CloseableScope
  readonly death: Deferred.Deferred<void>
  /** The fibers that bodies have forked. */
  readonly forked: Supervisor.Supervisor<ReadonlyArray<Fiber.RuntimeFiber<unknown, unknown>>>
  readonly log: Log.LogShape
  /** Where its worker keeps log lines, if the store does. */
  readonly runLogs: RunLogs.RunLogsShape | undefined
  worker: State.Worker | undefined
  /** Another process has taken over, and this one does not know. */
  isZombie: boolean
  /** Completed steps that it has read or written: run id and step id. */
  readonly known: Set<string>
  /** Calls of the log that have not been answered. */
  inFlight: number
  notesInFlight: number
  isDead: boolean
}

export interface WorldState {
  readonly time: VirtualClock
  readonly scope: Scope.Scope
  /** Fiber references of whoever made the world: loggers, tracer, log level. */
  readonly refs: FiberRefs.FiberRefs
  readonly log: Layer.Layer<Log.Log>
  readonly services: Layer.Layer<never>
  workflows: ReadonlyArray<Workflow.Any>
  /** What clients know of them. */
  readonly registry: Map<string, ReadonlyArray<Workflow.Any>>
  readonly limits: Partial<Limits.Limits>
  readonly config: ConfigProvider.ConfigProvider | undefined
  readonly patienceMillis: number
  readonly standIns: Map<string, StandIn>
  readonly calls: Array<StepCall>
  /** Steps whose completion is committed: run id and step id. */
  readonly completed: Set<string>
  /** Attempts whose beginning is committed: run id, step id and number. */
  readonly scheduled: Set<string>
  /** Runs whose pause is committed, and those of which clients have last said that they are to go on. */
  readonly paused: Set<string>
  readonly resumed: Set<string>
  readonly listeners: Set<(change: Log.Change) => void>
  readonly lock: Effect.Semaphore
  process: Process | undefined
  /** Processes that live on though another one has taken over. */
  readonly zombies: Set<Process>
  processCount: number
  readonly wire: Wire
  /** Whether the store takes another process while the one before still runs. */
  readonly canTakeOver: boolean
  /** The workflows of deployments to come. */
  readonly deployments: ReadonlyArray<ReadonlyArray<Workflow.Any>>
  /** Grows with everything that moves: the same for the same plan, in every process. */
  readonly trace: Trace
  /** What had been done when the store took the last event, or time stopped. */
  vain: { readonly taskCount: number; readonly appendCount: number }
  /** What clients were told that the store has: signals and updates. */
  readonly acknowledged: Array<Acknowledged>
  idCount: number
  tokenCount: number
}
