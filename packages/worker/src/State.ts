/** What a worker keeps in memory. None of it matters (I5): the store rebuilds it. */
import type { Context, DefaultServices, Fiber, HashSet, Logger, Runtime, Tracer } from "effect"
import type {
  Activation,
  Errors,
  Event,
  Json,
  Limits,
  Log,
  LogLine,
  Message,
  ProgramState,
  Registry,
  Run,
  RunLogs,
  Workflow
} from "@reprise/core/engine"
import type { Decide } from "@reprise/core/engine"

/** Something that a live run must be told, in this order. */
export type Fact =
  | { readonly _tag: "Message"; readonly message: Message.Message }
  | { readonly _tag: "Outcome"; readonly id: string; readonly attempt: number; readonly result: Result }
  /** A sensor was not satisfied; it is polled again later. */
  | { readonly _tag: "Polled"; readonly id: string; readonly nextAt: number }
  /** The clock has moved: look for due timers, retries, deadlines and polls. */
  | { readonly _tag: "Due" }

/** How an attempt ended. `Aborted`: it was interrupted because the program had asked for its cancellation. */
export type Result = Message.Of<"Outcome">["result"] | { readonly _tag: "Aborted" }

export interface RunningAttempt {
  readonly stepId: string
  readonly attempt: number
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
  abort: (() => void) | undefined
  /** Set when it is being interrupted: what its end means then. */
  ending: "cancel" | "deadline" | "stop" | "pause" | undefined
}

/** An append on its way to the store, with what follows when it is committed. */
export interface Pending {
  readonly append: Log.Append
  readonly facts: ReadonlyArray<Fact>
  readonly starts: ReadonlyArray<string>
  readonly cancels: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<ProgramState.Output>
  /** The fault that came after these events, with the facts that it left undelivered. */
  readonly fault: Errors.Fault | undefined
  readonly undelivered: ReadonlyArray<Fact>
  /** A generation has ended: its attempts are nobody's any more. */
  readonly continued: boolean
  readonly answer: ((answer: Log.Appended | Errors.LogError) => void) | undefined
}

export interface LiveRun {
  readonly runId: string
  readonly state: Run.RunState
  readonly key: string | undefined
  /** The code that it runs; another one once it has continued as new. */
  workflow: Workflow.Any | undefined
  program: ProgramState.ProgramState | undefined
  facts: Array<Fact>
  pending: Pending | undefined
  readonly attempts: Map<string, RunningAttempt>
  readonly polls: Map<string, { readonly count: number; readonly nextAt: number }>
  readonly progress: Map<string, Json.Json>
  /** The columns as the store has them. */
  row: Run.RunRow | undefined
  /** Ids of messages that have been taken from the inbox and are not yet committed as delivered. */
  readonly taken: Set<string>
  /** Updates that came before their handler. */
  held: Array<Message.Of<"Update">>
  reading: boolean
  mail: boolean
  /** Dropped from memory: whatever still comes is for the store. */
  gone: boolean
  /** The start of a run that this process began itself, until it is written. */
  start: Log.StartRequest | undefined
  onStarted: ((answer: Log.Appended | Errors.LogError) => void) | undefined
  /** Who waits until the program is what the store has, or is dropped. */
  asks: Array<() => void>
}

export interface Slots {
  free: number
  readonly queue: Array<() => void>
}

/** Where logs and spans go, taken from the fiber that built the worker. */
export interface Sinks {
  readonly loggers: HashSet.HashSet<Logger.Logger<unknown, unknown>>
  /** The services that loggers use, such as the console, in the place of the program's. */
  readonly services: Context.Context<DefaultServices.DefaultServices>
  readonly tracer: Tracer.Tracer
  readonly tracing: boolean
}

/** Lines that wait for the store (Lines.ts). */
export interface Lines {
  readonly runLogs: RunLogs.RunLogsShape
  held: Array<LogLine.Line>
  /** By attempt, and by run for its body. */
  readonly tallies: WeakMap<object, LogLine.Tally>
  /** A fiber writes them, or will. */
  isPumping: boolean
  /** The store has refused the last of them. */
  hasLost: boolean
  /** Tells that fiber that there are many. */
  full: () => void
}

/** Where a test kit looks in and reaches in. A worker in production has none of it. */
export interface Hooks {
  /** What runs around, or in place of, the body of an attempt that begins now. */
  readonly around: (run: LiveRun, step: Run.OpenStep, attempt: Activation.Attempt) => Activation.Around
  /** A run has taken all that it was told; it may still have attempts under way. */
  readonly onRest: (run: LiveRun) => void
  /** Ids, seeds and tokens. */
  readonly newId: () => string
  /** How long log lines may wait for others. */
  readonly lineWaitMillis?: number
}

/** What the loops leave behind for checks of their health. Instants are those of the worker's clock. */
export interface Pulse {
  /** Since when the store has owed the answer to a commit. */
  commitSince: number | undefined
  /** When the last commit failed, if the last one did. */
  commitFailedAt: number | undefined
  /** When the due loop is to look again, or was to when it began the round that it is in. */
  roundAt: number
  /** Since when it has looked without an answer; failures of the store are no answer. */
  roundSince: number | undefined
  /** By how much the last round was late. */
  roundLateMillis: number
  /** Since when each round has found more than it takes up. */
  fullSince: number | undefined
}

/** A run that is being read from the store. */
export interface Loading {
  /** What it is told when it has been read. */
  readonly facts: Array<Fact>
  /** Mail has come that the read may have missed. */
  mail: boolean
}

export interface Worker {
  readonly hooks: Hooks | undefined
  readonly log: Log.LogShape
  readonly registry: Registry.Registry
  readonly host: ProgramState.Host
  readonly limits: Limits.Limits
  readonly stamp: Decide.Stamp
  readonly runtime: Runtime.Runtime<unknown>
  /** The runtime on which bodies of steps run: the same, unless what they log is kept. */
  readonly bodies: Runtime.Runtime<unknown>
  /** `undefined` when the store keeps no log lines. */
  readonly lines: Lines | undefined
  readonly sinks: Sinks
  readonly now: () => number
  readonly newId: () => string
  readonly live: Map<string, LiveRun>
  /** Runs being read from the store, with facts that came meanwhile. */
  readonly loading: Map<string, Loading>
  /** Runs that cannot go on until their code is mended. They are tried again when the process starts. */
  readonly blocked: Set<string>
  /** Paused runs that were in memory when it happened; they are left alone until they are resumed. */
  readonly paused: Set<string>
  /** Attempts whose run was dropped while they ran; the run adopts them when it is read again. */
  readonly orphans: Map<string, LiveRun["attempts"]>
  /** Idle runs, the longest idle first, with the instant since when. */
  readonly idle: Map<LiveRun, number>
  outbox: Array<{ readonly run: LiveRun; readonly pending: Pending }>
  notes: Array<Log.Note>
  /** Wakes the commit loop. */
  commitSoon: () => void
  /** When the due loop looks again, and how to wake it before. */
  nextLookAt: number
  /** Runs that the due loop found last, and that stay due until something else of theirs ends. */
  stillDueCount: number
  dueSoon: () => void
  readonly slots: Slots
  readonly pulse: Pulse
  /** When a failure of the store was last logged. */
  storeFailedAt: number
  /** Told when a program goes wrong between activations: it was woken from outside the log. */
  onFault: (run: LiveRun, fault: Errors.Fault) => void
  /** No new attempts: the process is stopping. */
  stopping: boolean
  /** Only what runs goes on, and what it says is kept for the next worker (Worker.drain). */
  draining: boolean
  /** Another process has taken over the store: nothing of what this one does counts any more. */
  fenced: boolean
  /** What runs beside the loops; `undefined` when the worker has stopped and nothing may run any more. */
  forked: Set<Fiber.RuntimeFiber<void>> | undefined
}

export type Events = ReadonlyArray<Event.Event>
