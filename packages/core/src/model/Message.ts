/**
 * What outsiders put into a run's inbox. A message is acknowledged when it is committed; the run's owner later moves
 * it into the history, in arrival order, in the transaction that delivers it. `messageId` makes it idempotent: a
 * second message with the same id for the same run is dropped.
 */
import { Schema } from "effect"
import { Carried, Failure, Parent, Resolution, Settlement, TraceContext, Uncompensated } from "./Event.js"
import { Json } from "./Json.js"

const messageId = { messageId: Schema.String }
const by = { by: Schema.optional(Schema.String) }

/** The first message of every run. `startAt` and `timeoutMillis` are set when the start is delayed or bounded. */
const Start = Schema.TaggedStruct("Start", {
  ...messageId,
  input: Schema.optional(Json),
  seed: Schema.String,
  timeoutMillis: Schema.optional(Schema.Number),
  trace: Schema.optional(TraceContext),
  parent: Schema.optional(Parent),
  /** For a fork of a later generation: signals that it begins with. */
  carried: Schema.optional(Schema.Array(Carried))
})
const Signal = Schema.TaggedStruct("Signal", {
  ...messageId,
  ...by,
  name: Schema.String,
  payload: Schema.optional(Json)
})
const Update = Schema.TaggedStruct("Update", {
  ...messageId,
  ...by,
  name: Schema.String,
  input: Schema.optional(Json)
})
const Cancel = Schema.TaggedStruct("Cancel", { ...messageId, ...by, reason: Schema.optional(Schema.String) })
const Terminate = Schema.TaggedStruct("Terminate", { ...messageId, ...by, reason: Schema.optional(Schema.String) })
/** Nothing of the run goes on until it is resumed. */
const Pause = Schema.TaggedStruct("Pause", { ...messageId, ...by, reason: Schema.optional(Schema.String) })
const Resume = Schema.TaggedStruct("Resume", { ...messageId, ...by, reason: Schema.optional(Schema.String) })
const SettleAwakeable = Schema.TaggedStruct("SettleAwakeable", {
  ...messageId,
  ...by,
  id: Schema.String,
  settlement: Settlement
})
const ResolveStep = Schema.TaggedStruct("ResolveStep", {
  ...messageId,
  ...by,
  id: Schema.String,
  resolution: Resolution
})

/**
 * An attempt's outcome that could not be delivered because the run is blocked: it waits here until the code is mended,
 * so that the step need not run again. Sent by the run's own worker.
 */
const Outcome = Schema.TaggedStruct("Outcome", {
  ...messageId,
  ...by,
  id: Schema.String,
  attempt: Schema.Number,
  result: Schema.Union(
    Schema.TaggedStruct("Completed", { output: Schema.optional(Json) }),
    Schema.TaggedStruct("Failed", { failure: Failure })
  )
})

/** The store's answer to the start of a child: put into the parent's inbox by the transaction that asked for it. */
const ChildAnswered = Schema.TaggedStruct("ChildAnswered", {
  ...messageId,
  ...by,
  id: Schema.String,
  answer: Schema.Union(
    Schema.TaggedStruct("Started", { runId: Schema.String, existed: Schema.optional(Schema.Boolean) }),
    Schema.TaggedStruct("Refused", { by: Schema.Literal("id", "key"), runId: Schema.String, status: Schema.String })
  )
})

/** How a run ended, for whoever awaits it. */
export const End = Schema.Union(
  Schema.TaggedStruct("Completed", { output: Schema.optional(Json) }),
  Schema.TaggedStruct("Failed", { failure: Failure, uncompensated: Schema.optional(Schema.Array(Uncompensated)) }),
  Schema.TaggedStruct("Cancelled", { reason: Schema.optional(Schema.String), by: Schema.optional(Schema.String) }),
  Schema.TaggedStruct("Terminated", { reason: Schema.optional(Schema.String), by: Schema.optional(Schema.String) })
)
export type End = typeof End.Type

/** The end of a child, put into the inbox of whoever awaits it by the transaction that closed it. */
const ChildEnded = Schema.TaggedStruct("ChildEnded", { ...messageId, ...by, id: Schema.String, end: End })

/** Whether a signal from this run to another was taken into that run's inbox. */
const SignalAnswered = Schema.TaggedStruct("SignalAnswered", {
  ...messageId,
  ...by,
  id: Schema.String,
  answer: Schema.Union(
    Schema.TaggedStruct("Delivered", {}),
    Schema.TaggedStruct("Refused", { status: Schema.optional(Schema.String) })
  )
})

export const Message = Schema.Union(
  Start,
  Signal,
  Update,
  Cancel,
  Terminate,
  Pause,
  Resume,
  SettleAwakeable,
  ResolveStep,
  Outcome,
  ChildAnswered,
  ChildEnded,
  SignalAnswered
)
export type Message = typeof Message.Type
export type Of<T extends Message["_tag"]> = Extract<Message, { readonly _tag: T }>
