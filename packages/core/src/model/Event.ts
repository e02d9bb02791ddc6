/**
 * Every fact that the log may hold: one union, one schema version.
 *
 * Events are of two sorts. A *delivered* event tells the program something (a step's outcome, a fired timer, a
 * message); a *command* event records what the program asked for in answer. Invariant I4: a delivered event and the
 * command events that its activation produced are appended together, so between two delivered events the history
 * holds exactly what the program said.
 *
 * Instants (`at`, `dueAt`, …) are Unix epoch milliseconds on the store's clock; `id` is a command id
 * (`fiberPath#k`, see engine/FiberPath.ts). The position of an event in its history, `seq`, counts from 1 and is
 * stored beside the event, not in it. docs/log.md has a row for each event.
 */
import { Schema } from "effect"
import { Json } from "./Json.js"

/** The version of the event format, stamped into exports. Raise it together with an upcaster. */
export const FORMAT = 1

const at = { at: Schema.Number }
const id = { id: Schema.String }
const attempt = { attempt: Schema.Number }
const messageId = { messageId: Schema.String }
const asked = { reason: Schema.optional(Schema.String), by: Schema.optional(Schema.String) }

/** A run, and the command in it, that something else belongs to. */
export const Parent = Schema.Struct({ runId: Schema.String, ...id })
export type Parent = typeof Parent.Type

/** What becomes of a child when its parent ends. */
export const ParentClose = Schema.Literal("cancel", "terminate", "abandon")
export type ParentClose = typeof ParentClose.Type

/** A signal that had reached the history, and that the program had not taken, when it continued as new. */
export const Carried = Schema.Struct({ name: Schema.String, payload: Schema.optional(Json) })
export type Carried = typeof Carried.Type

/** Why an attempt or a run failed, in a form that survives the log. */
export const Failure = Schema.Union(
  /** A typed error, encoded by the schema of the step or workflow. */
  Schema.TaggedStruct("Error", { error: Schema.optional(Json) }),
  /** A thrown value or a defect of a step body. */
  Schema.TaggedStruct("Defect", { name: Schema.String, message: Schema.String, stack: Schema.optional(Schema.String) }),
  /** The attempt's timeout, the step's or sensor's deadline, or the run's timeout passed. */
  Schema.TaggedStruct("TimedOut", { scope: Schema.Literal("attempt", "deadline", "run"), millis: Schema.Number }),
  /** The body's value or error does not fit its schema or is not JSON; `path` leads to the offending part. */
  Schema.TaggedStruct("Unencodable", { message: Schema.String, path: Schema.String }),
  /** The process died during the attempt, so that nobody knows whether it happened. */
  Schema.TaggedStruct("OutcomeUnknown", {}),
  /** The body or the program interrupted itself; or the run was `cancelled`, and could not be undone as a whole. */
  Schema.TaggedStruct("Interrupted", { cancelled: Schema.optional(Schema.Struct(asked)) })
)
export type Failure = typeof Failure.Type

/** The identity of the span under which a run was started; attempts become its children. */
export const TraceContext = Schema.Struct({ traceId: Schema.String, spanId: Schema.String, sampled: Schema.Boolean })
export type TraceContext = typeof TraceContext.Type

/** A compensation that failed for good, with the name that it was given. */
export const Uncompensated = Schema.Struct({ name: Schema.String, failure: Failure })
export type Uncompensated = typeof Uncompensated.Type

const uncompensated = { uncompensated: Schema.optional(Schema.Array(Uncompensated)) }

/** Opens a run's first generation, and each later one: a generation is what runs between two continuations. */
const RunStarted = Schema.TaggedStruct("RunStarted", {
  ...at,
  ...messageId,
  workflow: Schema.String,
  version: Schema.String,
  input: Schema.optional(Json),
  seed: Schema.String,
  key: Schema.optional(Schema.String),
  timeoutAt: Schema.optional(Schema.Number),
  trace: Schema.optional(TraceContext),
  parent: Schema.optional(Parent),
  /** From 1 after the first `RunContinuedAsNew`; absent before. */
  generation: Schema.optional(Schema.Number),
  /** When the first generation began; absent in it. */
  beganAt: Schema.optional(Schema.Number),
  carried: Schema.optional(Schema.Array(Carried)),
  effect: Schema.String,
  reprise: Schema.String
})
const RunCompleted = Schema.TaggedStruct("RunCompleted", { ...at, output: Schema.optional(Json) })
const RunFailed = Schema.TaggedStruct("RunFailed", { ...at, failure: Failure, ...uncompensated })
const RunContinuedAsNew = Schema.TaggedStruct("RunContinuedAsNew", {
  ...at,
  input: Schema.optional(Json),
  carried: Schema.optional(Schema.Array(Carried))
})
const RunPaused = Schema.TaggedStruct("RunPaused", { ...at, ...messageId, ...asked })
const RunResumed = Schema.TaggedStruct("RunResumed", { ...at, ...messageId, ...asked })
/** Ends the part of a history that was copied from another run. */
const RunForked = Schema.TaggedStruct("RunForked", {
  ...at,
  runId: Schema.String,
  seq: Schema.Number,
  /** How much later than its source the fork goes on; what was still to come there, comes as much later. */
  shiftMillis: Schema.Number,
  /** The events, by their seq in the source, whose result or payload was replaced. */
  replaced: Schema.optional(Schema.Array(Schema.Number)),
  by: Schema.optional(Schema.String)
})
const RunVersionChanged = Schema.TaggedStruct("RunVersionChanged", { ...at, version: Schema.String })
const RunCancelRequested = Schema.TaggedStruct("RunCancelRequested", {
  ...at,
  ...messageId,
  ...asked,
  cause: Schema.Literal("request", "timeout")
})
const RunCancelled = Schema.TaggedStruct("RunCancelled", { ...at, ...asked })
const RunTerminated = Schema.TaggedStruct("RunTerminated", { ...at, ...messageId, ...asked })

/** What an attempt does when its process died and nobody knows whether it happened. */
export const OnUnknown = Schema.Literal("retry", "fail", "ask")
export type OnUnknown = typeof OnUnknown.Type

const StepScheduled = Schema.TaggedStruct("StepScheduled", {
  ...at,
  ...id,
  name: Schema.String,
  kind: Schema.optional(Schema.Literal("sensor")),
  idempotencyKey: Schema.optional(Schema.String),
  timeoutMillis: Schema.optional(Schema.Number),
  deadlineAt: Schema.optional(Schema.Number),
  onUnknown: Schema.optional(OnUnknown),
  summary: Schema.optional(Schema.String)
})
const StepAttemptStarted = Schema.TaggedStruct("StepAttemptStarted", { ...at, ...id, ...attempt })
const StepAttemptFailed = Schema.TaggedStruct("StepAttemptFailed", { ...at, ...id, ...attempt, failure: Failure })
const StepRetryScheduled = Schema.TaggedStruct("StepRetryScheduled", { ...at, ...id, ...attempt, dueAt: Schema.Number })
const StepAsked = Schema.TaggedStruct("StepAsked", { ...at, ...id, ...attempt })
const StepCompleted = Schema.TaggedStruct("StepCompleted", {
  ...at,
  ...id,
  ...attempt,
  output: Schema.optional(Json)
})
const StepFailed = Schema.TaggedStruct("StepFailed", { ...at, ...id, ...attempt })
const StepCancelRequested = Schema.TaggedStruct("StepCancelRequested", { ...at, ...id })
const StepCancelled = Schema.TaggedStruct("StepCancelled", { ...at, ...id, ...attempt })

/** What an operator decided about a step whose outcome is unknown. */
export const Resolution = Schema.Union(
  Schema.TaggedStruct("Retry", {}),
  Schema.TaggedStruct("Complete", { output: Schema.optional(Json) }),
  Schema.TaggedStruct("Fail", {})
)
export type Resolution = typeof Resolution.Type
const StepResolved = Schema.TaggedStruct("StepResolved", {
  ...at,
  ...id,
  ...messageId,
  resolution: Resolution,
  by: Schema.optional(Schema.String)
})

const TimerStarted = Schema.TaggedStruct("TimerStarted", {
  ...at,
  ...id,
  millis: Schema.Number,
  dueAt: Schema.Number
})
const TimerFired = Schema.TaggedStruct("TimerFired", { ...at, ...id })
const TimerCancelled = Schema.TaggedStruct("TimerCancelled", { ...at, ...id })

const SignalReceived = Schema.TaggedStruct("SignalReceived", {
  ...at,
  ...messageId,
  name: Schema.String,
  payload: Schema.optional(Json),
  by: Schema.optional(Schema.String)
})
const UpdateAccepted = Schema.TaggedStruct("UpdateAccepted", {
  ...at,
  ...messageId,
  name: Schema.String,
  input: Schema.optional(Json),
  by: Schema.optional(Schema.String)
})
const UpdateCompleted = Schema.TaggedStruct("UpdateCompleted", {
  ...at,
  ...messageId,
  output: Schema.optional(Json)
})
const UpdateFailed = Schema.TaggedStruct("UpdateFailed", { ...at, ...messageId, failure: Failure })

/** How an outsider settled an awakeable. */
export const Settlement = Schema.Union(
  Schema.TaggedStruct("Resolved", { value: Schema.optional(Json) }),
  Schema.TaggedStruct("Rejected", { error: Schema.optional(Json) })
)
export type Settlement = typeof Settlement.Type
const AwakeableCreated = Schema.TaggedStruct("AwakeableCreated", {
  ...at,
  ...id,
  name: Schema.String,
  token: Schema.String
})
const AwakeableSettled = Schema.TaggedStruct("AwakeableSettled", {
  ...at,
  ...id,
  ...messageId,
  settlement: Settlement,
  by: Schema.optional(Schema.String)
})

const ValueRecorded = Schema.TaggedStruct("ValueRecorded", {
  ...at,
  ...id,
  name: Schema.String,
  value: Schema.optional(Json)
})

const ChildScheduled = Schema.TaggedStruct("ChildScheduled", {
  ...at,
  ...id,
  runId: Schema.String,
  workflow: Schema.String,
  version: Schema.String,
  input: Schema.optional(Json),
  key: Schema.optional(Schema.String),
  parentClose: ParentClose,
  /** `use_existing`: await the run that has the id or the key, if there is one. Absent: be refused. */
  onConflict: Schema.optional(Schema.Literal("use_existing")),
  startAt: Schema.optional(Schema.Number),
  timeoutMillis: Schema.optional(Schema.Number)
})
const ChildStarted = Schema.TaggedStruct("ChildStarted", {
  ...at,
  ...id,
  ...messageId,
  runId: Schema.String,
  /** The run was there before (`use_existing`): it is awaited, and its parent, if any, is another. */
  existed: Schema.optional(Schema.Boolean)
})
const ChildRefused = Schema.TaggedStruct("ChildRefused", {
  ...at,
  ...id,
  ...messageId,
  by: Schema.Literal("id", "key"),
  runId: Schema.String,
  status: Schema.String
})
const ChildCancelRequested = Schema.TaggedStruct("ChildCancelRequested", { ...at, ...id })
const ChildCompleted = Schema.TaggedStruct("ChildCompleted", {
  ...at,
  ...id,
  ...messageId,
  output: Schema.optional(Json)
})
const ChildFailed = Schema.TaggedStruct("ChildFailed", { ...at, ...id, ...messageId, failure: Failure, ...uncompensated })
const ChildCancelled = Schema.TaggedStruct("ChildCancelled", { ...at, ...id, ...messageId, ...asked })
const ChildTerminated = Schema.TaggedStruct("ChildTerminated", { ...at, ...id, ...messageId, ...asked })

const SignalSent = Schema.TaggedStruct("SignalSent", {
  ...at,
  ...id,
  runId: Schema.String,
  name: Schema.String,
  payload: Schema.optional(Json)
})
const SignalDelivered = Schema.TaggedStruct("SignalDelivered", { ...at, ...id, ...messageId })
const SignalRefused = Schema.TaggedStruct("SignalRefused", {
  ...at,
  ...id,
  ...messageId,
  /** How the receiver was closed; absent when there is no such run. */
  status: Schema.optional(Schema.String)
})

const VersionMarked = Schema.TaggedStruct("VersionMarked", { ...at, patch: Schema.String })

export const Event = Schema.Union(
  RunStarted,
  RunCompleted,
  RunFailed,
  RunCancelRequested,
  RunCancelled,
  RunTerminated,
  RunContinuedAsNew,
  RunPaused,
  RunResumed,
  RunForked,
  RunVersionChanged,
  StepScheduled,
  StepAttemptStarted,
  StepAttemptFailed,
  StepRetryScheduled,
  StepAsked,
  StepCompleted,
  StepFailed,
  StepCancelRequested,
  StepCancelled,
  StepResolved,
  TimerStarted,
  TimerFired,
  TimerCancelled,
  SignalReceived,
  UpdateAccepted,
  UpdateCompleted,
  UpdateFailed,
  AwakeableCreated,
  AwakeableSettled,
  ValueRecorded,
  ChildScheduled,
  ChildStarted,
  ChildRefused,
  ChildCancelRequested,
  ChildCompleted,
  ChildFailed,
  ChildCancelled,
  ChildTerminated,
  SignalSent,
  SignalDelivered,
  SignalRefused,
  VersionMarked
)
export type Event = typeof Event.Type
export type EventTag = Event["_tag"]
export type Of<T extends EventTag> = Extract<Event, { readonly _tag: T }>

/** An event with its position in its run's history, counted from 1. */
export interface Recorded {
  readonly seq: number
  readonly event: Event
}

/**
 * The sort of each event. `delivered` opens an activation; `command` was asked for by the program in that activation;
 * `bookkeeping` is written by the worker for its own recovery and never shown to a program.
 */
const SORT: { readonly [T in EventTag]: "delivered" | "command" | "bookkeeping" } = {
  RunStarted: "delivered",
  RunCompleted: "command",
  RunFailed: "command",
  RunCancelRequested: "delivered",
  RunCancelled: "command",
  RunTerminated: "delivered",
  RunContinuedAsNew: "command",
  RunPaused: "bookkeeping",
  RunResumed: "bookkeeping",
  RunForked: "bookkeeping",
  RunVersionChanged: "bookkeeping",
  StepScheduled: "command",
  StepAttemptStarted: "bookkeeping",
  StepAttemptFailed: "delivered",
  StepRetryScheduled: "command",
  StepAsked: "command",
  StepCompleted: "delivered",
  StepFailed: "command",
  StepCancelRequested: "command",
  StepCancelled: "delivered",
  StepResolved: "delivered",
  TimerStarted: "command",
  TimerFired: "delivered",
  TimerCancelled: "command",
  SignalReceived: "delivered",
  UpdateAccepted: "delivered",
  UpdateCompleted: "command",
  UpdateFailed: "command",
  AwakeableCreated: "command",
  AwakeableSettled: "delivered",
  ValueRecorded: "command",
  ChildScheduled: "command",
  ChildStarted: "delivered",
  ChildRefused: "delivered",
  ChildCancelRequested: "command",
  ChildCompleted: "delivered",
  ChildFailed: "delivered",
  ChildCancelled: "delivered",
  ChildTerminated: "delivered",
  SignalSent: "command",
  SignalDelivered: "delivered",
  SignalRefused: "delivered",
  VersionMarked: "command"
}

export const sortOf = (event: Event): "delivered" | "command" | "bookkeeping" => SORT[event._tag]

export type Closing = Of<"RunCompleted" | "RunFailed" | "RunCancelled" | "RunTerminated">

/** Whether nothing may follow this event in its history. */
export const isClosing = (event: Event): event is Closing =>
  event._tag === "RunCompleted" ||
  event._tag === "RunFailed" ||
  event._tag === "RunCancelled" ||
  event._tag === "RunTerminated"
