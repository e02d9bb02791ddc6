/** Doing something to many runs. */
import { Errors, type Limits, Payload } from "@reprise/core/engine"
import { Clock, Effect } from "effect"
import { type Asked, type Handlers, type Refusal, value } from "../api/Handler.js"
import type * as Route from "../api/Route.js"
import type { describeBulk, startBulk } from "../api/routes/Bulk.js"
import { BulkJobs, type BulkJobsShape, begin, describe } from "../bulk/BulkJobs.js"
import * as Job from "../bulk/Job.js"
import * as Selection from "../bulk/Selection.js"
import { BulkJobUnknown, BodyInvalid } from "../Errors.js"
import * as Idempotency from "../Idempotency.js"
import { by, conditionsOf, given, jsonOf } from "./Given.js"

type Body = Route.BodyOf<typeof startBulk>

const start = (asked: Asked<typeof startBulk>) =>
  Effect.gen(function*() {
    const jobs = yield* BulkJobs
    const { log, limits } = jobs.client
    yield* checkBody(asked.body, limits)
    const request = requestOf(asked.body)
    const now = yield* Clock.currentTimeMillis
    if (asked.body.dryRun === true) return value(yield* Selection.preview(log, request, now), { status: 200 })
    const job = yield* begin(jobs, yield* jobOf(jobs, asked, request, now))
    const headers = { location: `/api/v1/bulk/${job.jobId}` }
    return value(Job.told(job), Job.isClosed(job) ? { status: 200, headers } : { headers })
  })

const jobOf = (
  { client }: BulkJobsShape,
  asked: Asked<typeof startBulk>,
  request: Job.Request,
  createdAt: number
): Effect.Effect<Job.Job, Refusal> =>
  Effect.gen(function*() {
    const key = yield* Idempotency.keyOf(asked)
    const selectedCount = request.runIds?.length ?? (yield* Selection.preview(client.log, request, createdAt)).selectedCount
    return {
      jobId: key === undefined ? `bulk_${client.newId()}` : Idempotency.idOf("bulk_", asked.caller, key),
      request,
      state: "running",
      createdAt,
      createdBy: asked.caller.name,
      ...by(asked.caller),
      selectedCount,
      doneCount: 0,
      refusedCount: 0,
      refused: []
    }
  })

const requestOf = ({ action, filter, reason, runIds, signal }: Body): Job.Request => ({
  action,
  ...given({
    runIds: runIds === undefined ? undefined : [...new Set(runIds)],
    filter: filter === undefined ? undefined : conditionsOf(filter),
    reason,
    signal: signal === undefined ? undefined : { name: signal.name, ...given({ payload: jsonOf(signal.payload) }) }
  })
})

/** What would be refused for every run is refused at once. */
const checkBody = (body: Body, { payloadBytesMax, textCharsMax }: Limits.Limits): Effect.Effect<void, Refusal> => {
  const isOneWay = (body.runIds === undefined) !== (body.filter === undefined)
  const isMatched = (body.signal !== undefined) === (body.action === "signal")
  const errors = [
    ...(isOneWay ? [] : [{ path: "body.filter", message: "give either this or runIds" }]),
    ...(isMatched ? [] : [{ path: "body.signal", message: "it belongs to the action signal" }])
  ]
  if (errors.length > 0) return new BodyInvalid({ errors })
  const { reason = "", signal } = body
  if (reason.length > textCharsMax) {
    return new Errors.NameInvalid({ what: "reason", value: reason, detail: `has more than ${textCharsMax} characters` })
  }
  const bytes = Payload.sizeOf(jsonOf(signal?.payload), payloadBytesMax)
  if (bytes <= payloadBytesMax) return Effect.void
  return new Errors.PayloadTooLarge({ what: `payload of signal "${signal?.name}"`, bytes, bytesMax: payloadBytesMax })
}

/** An id that no job can have is not looked for. */
const show = ({ params: { jobId } }: Asked<typeof describeBulk>) =>
  Effect.gen(function*() {
    if (!/^bulk_[\w-]{1,64}$/.test(jobId)) return yield* new BulkJobUnknown({ jobId: jobId.slice(0, SHOWN_MAX) })
    return value(Job.told(yield* describe(yield* BulkJobs, jobId)))
  })

const SHOWN_MAX = 200

export const handlers: Handlers<"startBulk" | "describeBulk", BulkJobs> = { startBulk: start, describeBulk: show }
