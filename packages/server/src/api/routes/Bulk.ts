/** Routes that do something to many runs: tried dry first, then done as a job with progress. */
import { Schema } from "effect"
import { Instant } from "../Instant.js"
import { AnyJson, BulkAction, BulkJob, Run, Status } from "../Model.js"
import * as Route from "../Route.js"

const tag = "bulk"
const optional = Schema.optional

/** Runs that one job may name. A filter may select more. */
export const RUNS_MAX = 10_000

const Filter = Schema.Struct({
  workflow: optional(Schema.String),
  key: optional(Schema.String),
  status: optional(Schema.Array(Status)),
  parent: optional(Schema.String),
  paused: optional(Schema.Boolean),
  blocked: optional(Schema.Boolean),
  createdAfter: optional(Instant),
  createdBefore: optional(Instant)
})

const BulkBody = Schema.Struct({
  action: BulkAction,
  /** Either these runs, or those that the filter selects now; an empty filter selects all that are open. */
  runIds: optional(Schema.Array(Schema.String).pipe(Schema.maxItems(RUNS_MAX))),
  filter: optional(Filter),
  /** Only says what would be done. */
  dryRun: optional(Schema.Boolean),
  reason: optional(Schema.String),
  /** For the action `signal`. */
  signal: optional(Schema.Struct({ name: Schema.String, payload: optional(AnyJson) }))
}).annotations({ identifier: "BulkBody" })

/** What a dry run found, or the job that was begun. */
const BulkAnswer = Schema.Union(
  Schema.Struct({ selectedCount: Schema.Number, sample: Schema.Array(Run) }),
  BulkJob
)

const JobParams = Schema.Struct({ jobId: Schema.String })

export const startBulk = Route.make("startBulk", "POST", "/api/v1/bulk", {
  tag,
  summary: "Cancels, terminates, pauses, resumes or signals many runs. With `dryRun` it only says which",
  access: "write",
  headers: ["Idempotency-Key"],
  body: BulkBody,
  answer: BulkAnswer,
  status: 202,
  also: [200],
  problems: ["MessageUnknown", "PayloadInvalid", "PayloadTooLarge", "NameInvalid", "IdempotencyKeyReused"]
})

export const describeBulk = Route.make("describeBulk", "GET", "/api/v1/bulk/{jobId}", {
  tag,
  summary: "How far a bulk job is",
  access: "read",
  params: JobParams,
  answer: BulkJob,
  problems: ["BulkJobUnknown"]
})
