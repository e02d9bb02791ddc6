/** A bulk job as the store keeps it, and how it goes on. Pure. */
import { Json } from "@reprise/core/engine"
import { Schema } from "effect"
import { BulkAction, type BulkJob, Status } from "../api/Model.js"

/** The collection in Records. */
export const COLLECTION = "bulk-jobs"

/** Refusals that a job lists; the others are only counted. */
export const REFUSED_MAX = 100

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** What was asked for; the same with the same idempotency key. */
const Request = Schema.Struct({
  action: BulkAction,
  runIds: optional(Schema.Array(Schema.String)),
  filter: optional(Schema.Struct({
    workflow: optional(Schema.String),
    key: optional(Schema.String),
    status: optional(Schema.Array(Status)),
    parent: optional(Schema.String),
    paused: optional(Schema.Boolean),
    blocked: optional(Schema.Boolean),
    createdFrom: optional(Schema.Number),
    createdBefore: optional(Schema.Number)
  })),
  reason: optional(Schema.String),
  signal: optional(Schema.Struct({ name: Schema.String, payload: optional(Json.Json) }))
})
export type Request = typeof Request.Type

const Refused = Schema.Struct({ runId: Schema.String, code: Schema.String, detail: Schema.String })
export type Refused = typeof Refused.Type

/** Instants are epoch milliseconds. */
export const Job = Schema.Struct({
  jobId: Schema.String,
  request: Request,
  state: Schema.Literal("running", "completed"),
  createdAt: Schema.Number,
  createdBy: Schema.String,
  /** Who asks, as histories record it. */
  by: optional(Schema.String),
  closedAt: optional(Schema.Number),
  selectedCount: Schema.Number,
  doneCount: Schema.Number,
  refusedCount: Schema.Number,
  refused: Schema.Array(Refused),
  /** The last run that was asked, when a filter selects them. */
  last: optional(Schema.Struct({ runId: Schema.String, createdAt: Schema.Number }))
})
export type Job = typeof Job.Type

export const encode = Schema.encodeSync(Job)
export const decode = Schema.decodeUnknownOption(Job)

export const isClosed = (job: Job): boolean => job.state === "completed"

/** With what a page of its runs has answered. */
export const advance = (job: Job, asked: number, refused: ReadonlyArray<Refused>, last: Job["last"]): Job => ({
  ...job,
  doneCount: job.doneCount + asked - refused.length,
  refusedCount: job.refusedCount + refused.length,
  refused: [...job.refused, ...refused].slice(0, REFUSED_MAX),
  ...(last === undefined ? {} : { last })
})

export const close = (job: Job, closedAt: number): Job => ({ ...job, state: "completed", closedAt })

/** As callers see it. */
export const told = (job: Job): BulkJob => ({
  jobId: job.jobId,
  action: job.request.action,
  state: job.state,
  createdAt: job.createdAt,
  createdBy: job.createdBy,
  ...(job.closedAt === undefined ? {} : { closedAt: job.closedAt }),
  selectedCount: job.selectedCount,
  doneCount: job.doneCount,
  refusedCount: job.refusedCount,
  refused: job.refused
})

/** Message ids are per run, so one for the whole job says that each run was asked. */
export const messageIdOf = (job: Job): string => `bulk:${job.jobId}`
