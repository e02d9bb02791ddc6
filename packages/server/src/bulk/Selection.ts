/** Which runs a job asks, a page at a time. */
import type { Errors, Log } from "@reprise/core/engine"
import { Effect } from "effect"
import type { Job, Request } from "./Job.js"

/** Runs that are asked before a job notes how far it is. */
export const PAGE_COUNT = 500

export interface Page {
  readonly runIds: ReadonlyArray<string>
  readonly last: Job["last"]
  /** Nothing follows. */
  readonly isLast: boolean
}

/** A filter that names no status selects what is open; and nothing that is created after the job. */
export const conditionsOf = ({ filter = {} }: Pick<Request, "filter">, createdAt: number): Log.RunConditions => ({
  status: ["pending", "running"],
  ...filter,
  // What was created in the same millisecond is there already.
  createdBefore: Math.min(filter.createdBefore ?? Infinity, createdAt + 1)
})

/** The runs that come after those that were asked. */
export const next = (log: Log.LogShape, job: Job): Effect.Effect<Page, Errors.LogError> => {
  const { runIds } = job.request
  return runIds === undefined ? nextFound(log, job) : Effect.succeed(nextNamed(job, runIds))
}

const nextNamed = (job: Job, runIds: ReadonlyArray<string>): Page => {
  const begin = job.doneCount + job.refusedCount
  const end = begin + PAGE_COUNT
  return { runIds: runIds.slice(begin, end), last: undefined, isLast: end >= runIds.length }
}

const nextFound = (log: Log.LogShape, job: Job): Effect.Effect<Page, Errors.LogError> =>
  Effect.gen(function*() {
    const conditions = conditionsOf(job.request, job.createdAt)
    const { last } = job
    const found = yield* log.find({ ...conditions, limit: PAGE_COUNT, ...(last === undefined ? {} : { before: last.runId }) })
    if (found.length > 0 || last === undefined) return pageOf(found)
    // Beside a run that retention has removed meanwhile, a list is empty.
    const [there] = yield* log.find({ runIds: [last.runId], limit: 1 })
    if (there !== undefined) return pageOf([])
    const createdBefore = Math.min(conditions.createdBefore ?? Infinity, last.createdAt + 1)
    return pageOf(yield* log.find({ ...conditions, createdBefore, limit: PAGE_COUNT }))
  })

const pageOf = (found: ReadonlyArray<Log.RunSummary>): Page => {
  const run = found.at(-1)
  return {
    runIds: found.map(({ runId }) => runId),
    last: run === undefined ? undefined : { runId: run.runId, createdAt: run.createdAt },
    isLast: found.length < PAGE_COUNT
  }
}

/** How many runs that are, and some of them. */
export const preview = (
  log: Log.LogShape,
  request: Request,
  now: number
): Effect.Effect<{ readonly selectedCount: number; readonly sample: ReadonlyArray<Log.RunSummary> }, Errors.LogError> =>
  Effect.gen(function*() {
    const conditions = request.runIds === undefined ? conditionsOf(request, now) : { runIds: request.runIds }
    const tally = yield* log.tally(conditions)
    const sample = yield* log.find({ ...conditions, limit: SAMPLE_COUNT })
    return { selectedCount: tally.reduce((sum, { count }) => sum + count, 0), sample }
  })

const SAMPLE_COUNT = 20
