/** Routes about runs: starting, listing, reading, following. */
import { Schema } from "effect"
import { Instant } from "../Instant.js"
import { AnyJson, LogLine, Outcome, page, RecordedEvent, Run, RunDescription, Status, Why } from "../Model.js"
import { Count, Numeral, Position, Positive } from "../Numeral.js"
import * as Route from "../Route.js"

const tag = "runs"
const optional = Schema.optional

export const RunParams = Schema.Struct({ runId: Schema.String })

export const Flag = Schema.transformLiterals(["true", true], ["false", false])

/** Longest page of a list. */
export const PAGE_MAX = 1_000
const Limit = Count.pipe(Schema.lessThanOrEqualTo(PAGE_MAX)).annotations({ description: `At most ${PAGE_MAX}. Default: 50.` })

/** Longest wait for a result, in seconds. A client that wants to wait longer asks again. */
export const WAIT_SECONDS_MAX = 60
export const Wait = Numeral.pipe(Schema.between(0, WAIT_SECONDS_MAX))
  .annotations({ description: `Seconds to wait for the end of the run, at most ${WAIT_SECONDS_MAX}.` })

/** Which runs; all conditions hold at once. */
export const FILTER = {
  workflow: optional(Schema.String),
  key: optional(Schema.String),
  status: optional(Schema.Array(Status)),
  parent: optional(Schema.String),
  paused: optional(Flag),
  blocked: optional(Flag),
  /** At this instant or later. */
  createdAfter: optional(Instant),
  createdBefore: optional(Instant)
}

export const OnConflict = Schema.Literal("fail", "use_existing", "terminate_existing")

export const StartBody = Schema.Struct({
  workflow: Schema.String,
  input: optional(AnyJson),
  id: optional(Schema.String),
  key: optional(Schema.String),
  onConflict: optional(OnConflict),
  /** The run stays pending until then. */
  startAt: optional(Instant),
  /** Longest time from its beginning, in milliseconds. */
  timeoutMillis: optional(Positive),
  /** A signal that the run gets with its start, or that the existing run gets. */
  signal: optional(Schema.Struct({ name: Schema.String, payload: optional(AnyJson), messageId: optional(Schema.String) }))
}).annotations({ identifier: "StartBody" })

const Started = Schema.Struct({
  runId: Schema.String,
  /** Whether the run was there before. */
  existed: Schema.Boolean,
  /** With `Prefer: wait=N`: how it ended, or how it was when the wait was over. */
  outcome: optional(Outcome)
}).annotations({ identifier: "Started" })

export const startRun = Route.make("startRun", "POST", "/api/v1/runs", {
  tag,
  summary: "Starts a run. With `Prefer: wait=N` the answer holds its outcome, if it ends within N seconds",
  access: "write",
  headers: ["Idempotency-Key", "Prefer"],
  body: StartBody,
  answer: Started,
  status: 202,
  also: [200],
  problems: ["WorkflowUnknown", "RunExists", "PayloadInvalid", "PayloadTooLarge", "NameInvalid", "IdempotencyKeyReused", "MessageUnknown"]
})

export const listRuns = Route.make("listRuns", "GET", "/api/v1/runs", {
  tag,
  summary: "Lists runs, newest first",
  access: "read",
  query: Schema.Struct({ ...FILTER, limit: optional(Limit), cursor: optional(Schema.String), total: optional(Flag) }),
  answer: page(Run),
  problems: ["CursorInvalid"]
})

export const describeRun = Route.make("describeRun", "GET", "/api/v1/runs/{runId}", {
  tag,
  summary: "A run as it is now",
  access: "read",
  params: RunParams,
  headers: ["If-None-Match"],
  answer: RunDescription,
  also: [304],
  problems: ["RunNotFound"]
})

export const runEvents = Route.make("runEvents", "GET", "/api/v1/runs/{runId}/events", {
  tag,
  summary: "A run's history: a page as JSON, all of it as NDJSON, or live as server-sent events, by `Accept`",
  access: "read",
  params: RunParams,
  query: Schema.Struct({
    /** Events after this seq; `Last-Event-ID` wins. */
    after: optional(Position),
    limit: optional(Limit),
    /** NDJSON only: goes on with what comes, until the run has ended. */
    follow: optional(Flag)
  }),
  headers: ["Last-Event-ID"],
  kind: "events",
  answer: Schema.Struct({ items: Schema.Array(RecordedEvent), nextAfter: optional(Schema.Number) }),
  also: [204],
  problems: ["RunNotFound", "NotAcceptable", "TooManyStreams", "HistoryDamaged"]
})

export const followRuns = Route.make("followRuns", "GET", "/api/v1/events", {
  tag,
  summary: "The events of all runs that a filter selects, in the order of the log: a page as JSON, or live, by `Accept`",
  access: "read",
  query: Schema.Struct({
    workflow: optional(Schema.String),
    key: optional(Schema.String),
    parent: optional(Schema.String),
    runId: optional(Schema.Array(Schema.String)),
    type: optional(Schema.Array(Schema.String)),
    /** Events after this position of the log; `end` leaves out what is there. `Last-Event-ID` wins. Default: 0. */
    after: optional(Schema.Union(Schema.Literal("end"), Position)),
    limit: optional(Limit),
    follow: optional(Flag)
  }),
  headers: ["Last-Event-ID"],
  kind: "events",
  answer: Schema.Struct({ items: Schema.Array(RecordedEvent), nextAfter: Schema.Number }),
  problems: ["NotAcceptable", "TooManyStreams", "HistoryDamaged"]
})

export const runLogs = Route.make("runLogs", "GET", "/api/v1/runs/{runId}/logs", {
  tag,
  summary: "What a run has logged and printed: a page as JSON, all of it as NDJSON, or live, by `Accept`",
  access: "read",
  params: RunParams,
  query: Schema.Struct({
    after: optional(Position),
    limit: optional(Limit),
    stepId: optional(Schema.String),
    attempt: optional(Count),
    follow: optional(Flag)
  }),
  headers: ["Last-Event-ID"],
  kind: "lines",
  answer: Schema.Struct({ items: Schema.Array(LogLine), nextAfter: optional(Schema.Number) }),
  also: [204],
  problems: ["RunNotFound", "NotAcceptable", "TooManyStreams"]
})

export const runResult = Route.make("runResult", "GET", "/api/v1/runs/{runId}/result", {
  tag,
  summary: "How a run ended: 200, or 202 when it had not, within the wait",
  access: "read",
  params: RunParams,
  query: Schema.Struct({ wait: optional(Wait) }),
  answer: Outcome,
  also: [202],
  problems: ["RunNotFound", "HistoryDamaged"]
})

export const whyRun = Route.make("whyRun", "GET", "/api/v1/runs/{runId}/why", {
  tag,
  summary: "What a run waits for, since when, and what would wake it",
  access: "read",
  params: RunParams,
  answer: Why,
  problems: ["RunNotFound", "HistoryDamaged"]
})
