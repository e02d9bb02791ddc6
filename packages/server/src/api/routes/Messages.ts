/** Routes by which runs are talked to: by run id, and by the business key of the open run that has it. */
import { Event } from "@reprise/core/engine"
import { Schema } from "effect"
import { AnyJson } from "../Model.js"
import { Positive } from "../Numeral.js"
import * as Route from "../Route.js"
import { RunParams } from "./Runs.js"

const tag = "messages"
const optional = Schema.optional

const messageId = {
  /** Makes the message idempotent: a second one with this id for the same run is dropped. */
  messageId: optional(Schema.String)
}

const Accepted = Schema.Struct({ runId: Schema.String, messageId: Schema.String }).annotations({ identifier: "Accepted" })

const ByKey = Schema.Struct({ workflow: Schema.String, key: Schema.String })
const Named = Schema.Struct({ ...RunParams.fields, name: Schema.String })
const NamedByKey = Schema.Struct({ ...ByKey.fields, name: Schema.String })

const SignalBody = Schema.Struct({ payload: optional(AnyJson), ...messageId }).annotations({ identifier: "SignalBody" })
const QueryBody = Schema.Struct({ input: optional(AnyJson) }).annotations({ identifier: "QueryBody" })
const UpdateBody = Schema.Struct({ input: optional(AnyJson), ...messageId }).annotations({ identifier: "UpdateBody" })
const AskBody = Schema.Struct({ reason: optional(Schema.String), ...messageId }).annotations({ identifier: "AskBody" })

const Answered = Schema.Struct({ output: optional(AnyJson) }).annotations({ identifier: "Answered" })

/** An update's answer, or its typed error as its schema encodes it. */
const Updated = Schema.Union(
  Schema.Struct({ status: Schema.Literal("completed"), output: optional(AnyJson) }),
  Schema.Struct({ status: Schema.Literal("failed"), error: optional(AnyJson) })
).annotations({ identifier: "Updated" })

const BY_KEY = "/api/v1/workflows/{workflow}/keys/{key}"
const BY_ID = "/api/v1/runs/{runId}"

const sendProblems = ["RunNotFound", "RunClosed", "NameInvalid", "PreconditionFailed"] as const
const keyProblems = ["KeyUnknown", "WorkflowUnknown", ...sendProblems] as const
const typedProblems = ["MessageUnknown", "PayloadInvalid", "PayloadTooLarge"] as const

const signal = { tag, access: "write", headers: ["If-Match"], body: SignalBody, answer: Accepted, status: 202 } as const
export const signalRun = Route.make("signalRun", "POST", `${BY_ID}/signals/{name}`, {
  ...signal,
  summary: "Sends a signal. 202: it is durable, and will reach the run",
  params: Named,
  problems: [...sendProblems, ...typedProblems]
})
export const signalKey = Route.make("signalKey", "POST", `${BY_KEY}/signals/{name}`, {
  ...signal,
  summary: "Sends a signal to the open run that has a key",
  params: NamedByKey,
  problems: [...keyProblems, ...typedProblems]
})

const query = { tag, access: "write", body: QueryBody, answer: Answered } as const
const queryProblems = ["QueryFailed", "WorkerMissing", "HistoryDamaged", "RunNotFound", ...typedProblems] as const
export const queryRun = Route.make("queryRun", "POST", `${BY_ID}/queries/{name}`, {
  ...query,
  summary: "Reads a run's state through its query handler",
  params: Named,
  problems: queryProblems
})
export const queryKey = Route.make("queryKey", "POST", `${BY_KEY}/queries/{name}`, {
  ...query,
  summary: "Reads the state of the open run that has a key",
  params: NamedByKey,
  problems: ["KeyUnknown", "WorkflowUnknown", ...queryProblems]
})

const update = { tag, access: "write", headers: ["If-Match"], body: UpdateBody, answer: Updated } as const
const updateProblems = [...typedProblems, "UpdateRejected", "UpdateFailed", "HistoryDamaged"] as const
export const updateRun = Route.make("updateRun", "POST", `${BY_ID}/updates/{name}`, {
  ...update,
  summary: "Sends an update and waits for its answer",
  params: Named,
  problems: [...sendProblems, ...updateProblems]
})
export const updateKey = Route.make("updateKey", "POST", `${BY_KEY}/updates/{name}`, {
  ...update,
  summary: "Sends an update to the open run that has a key, and waits for its answer",
  params: NamedByKey,
  problems: [...keyProblems, ...updateProblems]
})

const ask = { tag, access: "write", headers: ["If-Match"], body: AskBody, answer: Accepted, status: 202 } as const

export const cancelRun = Route.make("cancelRun", "POST", `${BY_ID}/cancel`, {
  ...ask,
  summary: "Asks a run to stop; its cleanup runs first",
  params: RunParams,
  problems: sendProblems
})
export const terminateRun = Route.make("terminateRun", "POST", `${BY_ID}/terminate`, {
  ...ask,
  summary: "Ends a run at once, without its cleanup",
  params: RunParams,
  problems: sendProblems
})
export const pauseRun = Route.make("pauseRun", "POST", `${BY_ID}/pause`, {
  ...ask,
  summary: "Stops a run where it stands",
  params: RunParams,
  problems: sendProblems
})
export const resumeRun = Route.make("resumeRun", "POST", `${BY_ID}/resume`, {
  ...ask,
  summary: "Lets a paused run go on",
  params: RunParams,
  problems: sendProblems
})
export const cancelKey = Route.make("cancelKey", "POST", `${BY_KEY}/cancel`, {
  ...ask,
  summary: "Asks the open run that has a key to stop",
  params: ByKey,
  problems: keyProblems
})
export const terminateKey = Route.make("terminateKey", "POST", `${BY_KEY}/terminate`, {
  ...ask,
  summary: "Ends the open run that has a key at once",
  params: ByKey,
  problems: keyProblems
})
export const pauseKey = Route.make("pauseKey", "POST", `${BY_KEY}/pause`, {
  ...ask,
  summary: "Stops the open run that has a key where it stands",
  params: ByKey,
  problems: keyProblems
})
export const resumeKey = Route.make("resumeKey", "POST", `${BY_KEY}/resume`, {
  ...ask,
  summary: "Lets the paused run that has a key go on",
  params: ByKey,
  problems: keyProblems
})

export const resolveStep = Route.make("resolveStep", "POST", `${BY_ID}/steps/{stepId}/resolve`, {
  tag,
  summary: "Says what became of a step whose outcome is unknown",
  access: "write",
  params: Schema.Struct({ ...RunParams.fields, stepId: Schema.String }),
  body: Schema.Struct({ resolution: Event.Resolution, ...messageId }),
  answer: Accepted,
  status: 202,
  problems: [...sendProblems, "PayloadInvalid"]
})

const ForkBody = Schema.Struct({
  /** The seq of the event at which the fork leaves its source. */
  at: Positive,
  /** Other outputs, payloads or inputs, for events up to `at`. */
  replace: optional(Schema.Array(Schema.Struct({ seq: Positive, value: optional(AnyJson) }))),
  version: optional(Schema.String),
  id: optional(Schema.String),
  key: optional(Schema.String)
}).annotations({ identifier: "ForkBody" })

export const forkRun = Route.make("forkRun", "POST", `${BY_ID}/fork`, {
  tag,
  summary: "Starts a new run from any event of this one",
  access: "write",
  params: RunParams,
  body: ForkBody,
  answer: Schema.Struct({ runId: Schema.String }),
  status: 202,
  problems: [
    "RunNotFound",
    "ForkInvalid",
    "PayloadInvalid",
    "PayloadTooLarge",
    "NameInvalid",
    "RunExists",
    "WorkflowUnknown",
    "WorkerMissing",
    "HistoryDamaged"
  ]
})

const awakeableProblems = [
  "AwakeableUnknown",
  "AwakeableAlreadySettled",
  "RunClosed",
  "PayloadInvalid",
  "PayloadTooLarge",
  "HistoryDamaged"
] as const
const Token = Schema.Struct({ token: Schema.String })

export const resolveAwakeable = Route.make("resolveAwakeable", "POST", "/api/v1/awakeables/{token}/resolve", {
  tag,
  summary: "Resolves an awakeable",
  access: "write",
  params: Token,
  body: Schema.Struct({ value: optional(AnyJson) }),
  status: 202,
  problems: awakeableProblems
})
export const rejectAwakeable = Route.make("rejectAwakeable", "POST", "/api/v1/awakeables/{token}/reject", {
  tag,
  summary: "Rejects an awakeable",
  access: "write",
  params: Token,
  body: Schema.Struct({ error: optional(AnyJson) }),
  status: 202,
  problems: awakeableProblems
})
