/** The shapes that cross HTTP. Where core has the same shape, its values are encoded as they are. */
import { Event, type Run as CoreRun } from "@reprise/core/engine"
import { Schema } from "effect"
import { Instant } from "./Instant.js"

// Not typed by core's word for it: declarations of this package could not name that.
export const Status = Schema.Literal("pending", "running", "completed", "failed", "cancelled", "terminated") satisfies Schema.Schema<
  CoreRun.Status
>

const optional = Schema.optional

/** Any JSON value; what it must be is for the workflow's schemas to say. */
export const AnyJson = Schema.Unknown.annotations({ identifier: "Json", description: "Any JSON value." })

export const Blocked = Schema.Unknown.annotations({
  description: "Why the run cannot go on until its code is mended: a fault, with its tag and fields (docs/errors.md)."
})

export const Warning = Schema.Struct({ message: Schema.String, hint: Schema.String })

/** A run as the store lists it. */
export const Run = Schema.Struct({
  runId: Schema.String,
  workflow: Schema.String,
  version: Schema.String,
  key: optional(Schema.String),
  status: Status,
  createdAt: Instant,
  startAt: optional(Instant),
  startedAt: optional(Instant),
  closedAt: optional(Instant),
  /** The earliest instant at which something of it is due. */
  wakeAt: optional(Instant),
  eventCount: Schema.Number,
  paused: Schema.Boolean,
  parent: optional(Schema.Struct({ runId: Schema.String, id: Schema.String })),
  forkedFrom: optional(Schema.Struct({ runId: Schema.String, seq: Schema.Number })),
  blocked: optional(Blocked)
}).annotations({ identifier: "Run" })
export type Run = typeof Run.Type

/** With what an operator should know of it. */
export const RunDescription = Schema.Struct({
  ...Run.fields,
  /** Events of the current generation. */
  historyLength: Schema.Number,
  warnings: Schema.Array(Warning)
}).annotations({ identifier: "RunDescription" })
export type RunDescription = typeof RunDescription.Type

/** Passed on as the log has it: that was checked when it was written, and again when it was read. */
const AnyEvent = Schema.declare((value): value is Event.Event => typeof value === "object" && value !== null && "_tag" in value, {
  identifier: "Event",
  description: "An event (docs/log.md).",
  jsonSchema: { type: "object", required: ["_tag", "at"], properties: { _tag: { type: "string" }, at: { type: "number" } } }
})

/** One event of a history. `event` is what the log holds (docs/log.md), its instants epoch milliseconds. */
export const RecordedEvent = Schema.Struct({
  runId: Schema.String,
  /** The position in the run's history, from 1. */
  seq: Schema.Number,
  /** The position in the log of all runs; told when many runs are followed. */
  position: optional(Schema.Number),
  at: Instant,
  event: AnyEvent
}).annotations({ identifier: "RecordedEvent" })
export type RecordedEvent = typeof RecordedEvent.Type

export const Level = Schema.Literal("trace", "debug", "info", "warn", "error", "fatal")

/** What a step, or the workflow's body, has logged or printed. */
export const LogLine = Schema.Struct({
  /** Counts up in the order of writing; where a later read goes on. */
  position: Schema.Number,
  runId: Schema.String,
  /** Missing for what the workflow's body logs. */
  stepId: optional(Schema.String),
  stepName: optional(Schema.String),
  attempt: optional(Schema.Number),
  at: Instant,
  level: Level,
  text: Schema.String,
  /** Annotations and spans. */
  fields: optional(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
}).annotations({ identifier: "LogLine" })
export type LogLine = typeof LogLine.Type

/** How a run ended. `output` and `failure` are encoded as the log has them. */
export const Outcome = Schema.Union(
  Schema.Struct({ runId: Schema.String, status: Schema.Literal("completed"), output: optional(AnyJson) }),
  Schema.Struct({
    runId: Schema.String,
    status: Schema.Literal("failed"),
    failure: Event.Failure,
    uncompensated: optional(Schema.Array(Event.Uncompensated))
  }),
  Schema.Struct({
    runId: Schema.String,
    status: Schema.Literal("cancelled", "terminated"),
    reason: optional(Schema.String),
    by: optional(Schema.String)
  }),
  /** The wait was over before the run was. */
  Schema.Struct({ runId: Schema.String, status: Schema.Literal("pending", "running") })
).annotations({ identifier: "Outcome" })
export type Outcome = typeof Outcome.Type

const Phase = Schema.Literal("running", "queued", "idle", "waiting", "deciding", "asking", "cancelling")

const WaitsFor = Schema.Union(
  Schema.TaggedStruct("Step", {
    id: Schema.String,
    name: Schema.String,
    attempt: Schema.Number,
    phase: Phase,
    deadlineAt: optional(Instant)
  }),
  Schema.TaggedStruct("Sensor", { id: Schema.String, name: Schema.String, pollCount: Schema.Number, deadlineAt: optional(Instant) }),
  Schema.TaggedStruct("Timer", { id: Schema.String }),
  Schema.TaggedStruct("Signal", { name: Schema.String }),
  Schema.TaggedStruct("Awakeable", { id: Schema.String, name: Schema.String, token: Schema.String }),
  Schema.TaggedStruct("Run", { id: Schema.String, runId: Schema.String, workflow: Schema.String, status: optional(Status) }),
  Schema.TaggedStruct("Delivery", { id: Schema.String, runId: Schema.String, name: Schema.String }),
  Schema.TaggedStruct("Update", { messageId: Schema.String, name: Schema.String }),
  Schema.TaggedStruct("Condition", {}),
  Schema.TaggedStruct("Fibers", { paths: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("Forever", {})
)

const Wait = Schema.Struct({
  path: Schema.String,
  update: optional(Schema.String),
  spans: Schema.Array(Schema.String),
  source: optional(Schema.String),
  for: WaitsFor,
  since: optional(Instant),
  until: optional(Instant),
  wakes: Schema.String
})

const Asked = Schema.Struct({ since: Instant, by: optional(Schema.String), reason: optional(Schema.String) })

/** `Client.why`, with its text. */
export const Why = Schema.Struct({
  runId: Schema.String,
  workflow: Schema.String,
  version: Schema.String,
  key: optional(Schema.String),
  status: Status,
  at: Instant,
  closedAt: optional(Instant),
  startsAt: optional(Instant),
  paused: optional(Asked),
  cancelling: optional(Asked),
  blocked: optional(Schema.Struct({ fault: Schema.String, message: Schema.String, hint: Schema.String })),
  timeoutAt: optional(Instant),
  waits: Schema.Array(Wait),
  waitsOmitted: optional(Schema.Number),
  inbox: Schema.Array(Schema.Struct({
    kind: Schema.String,
    name: optional(Schema.String),
    count: Schema.Number,
    note: optional(Schema.String)
  })),
  place: Schema.Literal("memory", "parked"),
  owner: Schema.Literal("this process", "unknown"),
  cycles: Schema.Array(Schema.Array(Schema.String)),
  /** The same for a person. */
  text: Schema.String
}).annotations({ identifier: "Why" })
export type Why = typeof Why.Type

/** JSON Schema 2020-12. Missing where a workflow declares no schema: the value is any JSON that its types allow. */
const JsonSchema = optional(Schema.Unknown.annotations({ description: "A JSON Schema (2020-12)." }))

const Message = Schema.Struct({
  name: Schema.String,
  input: JsonSchema,
  output: JsonSchema,
  error: JsonSchema
})

export const WorkflowVersion = Schema.Struct({
  version: Schema.String,
  input: JsonSchema,
  output: JsonSchema,
  error: JsonSchema,
  /** Whether the workflow lists the messages that it takes; otherwise any name may be sent. */
  declares: Schema.Boolean,
  signals: Schema.Array(Schema.Struct({ name: Schema.String, payload: JsonSchema })),
  queries: Schema.Array(Message),
  updates: Schema.Array(Message)
})

/** A registered workflow; its versions, the newest last. */
export const Workflow = Schema.Struct({ name: Schema.String, versions: Schema.Array(WorkflowVersion) })
  .annotations({ identifier: "Workflow" })
export type Workflow = typeof Workflow.Type

/** A page of a list. A cursor is opaque; `total` is counted only when asked for. */
export const page = <A, I>(item: Schema.Schema<A, I>) =>
  Schema.Struct({
    items: Schema.Array(item),
    nextCursor: optional(Schema.String),
    prevCursor: optional(Schema.String),
    total: optional(Schema.Number)
  })

export const Role = Schema.Literal("viewer", "editor", "operator", "admin")
export type Role = typeof Role.Type

/** A key, without its secret. */
export const ApiKey = Schema.Struct({
  keyId: Schema.String,
  name: Schema.String,
  role: Role,
  createdAt: Instant,
  createdBy: Schema.String,
  expiresAt: optional(Instant),
  lastUsedAt: optional(Instant),
  revokedAt: optional(Instant)
}).annotations({ identifier: "ApiKey" })
export type ApiKey = typeof ApiKey.Type

export const User = Schema.Struct({ name: Schema.String, role: Role, createdAt: Instant, createdBy: Schema.String })
  .annotations({ identifier: "User" })
export type User = typeof User.Type

/** Who is asking. `anonymous` where no provider of auth is configured. */
export const Caller = Schema.Struct({
  name: Schema.String,
  role: Role,
  via: Schema.Literal("anonymous", "key", "basic", "jwt", "session")
}).annotations({ identifier: "Caller" })
export type Caller = typeof Caller.Type

/** One mutation that was asked for over HTTP, done or refused. */
export const AuditEntry = Schema.Struct({
  at: Instant,
  requestId: Schema.String,
  caller: optional(Caller),
  action: Schema.String,
  method: Schema.String,
  path: Schema.String,
  /** The status of the answer. */
  status: Schema.Number,
  code: optional(Schema.String),
  runId: optional(Schema.String)
}).annotations({ identifier: "AuditEntry" })
export type AuditEntry = typeof AuditEntry.Type

export const BulkAction = Schema.Literal("cancel", "terminate", "pause", "resume", "signal")

/** A bulk job. It survives a restart of the server, and each run is asked once. */
export const BulkJob = Schema.Struct({
  jobId: Schema.String,
  action: BulkAction,
  state: Schema.Literal("running", "completed"),
  createdAt: Instant,
  createdBy: Schema.String,
  closedAt: optional(Instant),
  selectedCount: Schema.Number,
  doneCount: Schema.Number,
  /** Runs that refused, because they had ended meanwhile, say. */
  refusedCount: Schema.Number,
  /** The first of them. */
  refused: Schema.Array(Schema.Struct({ runId: Schema.String, code: Schema.String, detail: Schema.String }))
}).annotations({ identifier: "BulkJob" })
export type BulkJob = typeof BulkJob.Type

const Check = Schema.Struct({
  name: Schema.String,
  status: Schema.Literal("pass", "warn", "fail"),
  detail: optional(Schema.String)
})

export const Health = Schema.Struct({
  status: Schema.Literal("pass", "warn", "fail"),
  checks: Schema.Array(Check)
}).annotations({ identifier: "Health" })
export type Health = typeof Health.Type

export const Stats = Schema.Struct({
  runs: Schema.Array(Schema.Struct({ workflow: Schema.String, status: Status, count: Schema.Number })),
  /** Every metric of the process, as at `/metrics`. */
  metrics: Schema.Array(Schema.Struct({
    name: Schema.String,
    labels: Schema.Record({ key: Schema.String, value: Schema.String }),
    value: Schema.Number
  }))
}).annotations({ identifier: "Stats" })
export type Stats = typeof Stats.Type

export const Version = Schema.Struct({ reprise: Schema.String, effect: Schema.String, node: Schema.String })
  .annotations({ identifier: "Version" })
