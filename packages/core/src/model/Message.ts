/**
 * What outsiders put into a run's inbox. A message is acknowledged when it is committed; the run's owner later moves
 * it into the history, in arrival order, in the transaction that delivers it. `messageId` makes it idempotent: a
 * second message with the same id for the same run is dropped.
 */
import { Schema } from "effect"
import { Failure, Resolution, Settlement, TraceContext } from "./Event.js"
import { Json } from "./Json.js"

const messageId = { messageId: Schema.String }
const by = { by: Schema.optional(Schema.String) }

/** The first message of every run. `startAt` and `timeoutMillis` are set when the start is delayed or bounded. */
const Start = Schema.TaggedStruct("Start", {
  ...messageId,
  input: Schema.optional(Json),
  seed: Schema.String,
  timeoutMillis: Schema.optional(Schema.Number),
  trace: Schema.optional(TraceContext)
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

export const Message = Schema.Union(Start, Signal, Update, Cancel, Terminate, SettleAwakeable, ResolveStep, Outcome)
export type Message = typeof Message.Type
export type Of<T extends Message["_tag"]> = Extract<Message, { readonly _tag: T }>
