/**
 * Bulk jobs: each is a document in the store, and a fiber of this server that goes through its runs.
 *
 * - B1 A job exists before anything of it is done, and is taken up again by the next server: it ends.
 * - B2 A page of runs is asked, and then the job notes how far it is. A crash in between repeats the page, and the id of the
 *      messages keeps each run from being asked twice.
 * - B3 A store that fails is asked again, for as long as it takes.
 */
import { Client } from "@reprise/core"
import { Errors, Payload, Records } from "@reprise/core/engine"
import { Clock, Context, Effect, Option, Schedule, Scope } from "effect"
import { BulkJobUnknown, IdempotencyKeyReused } from "../Errors.js"
import * as Asking from "./Asking.js"
import * as Job from "./Job.js"
import * as Selection from "./Selection.js"

export interface BulkJobsShape {
  readonly client: Context.Tag.Service<typeof Client.Client>
  readonly records: Records.RecordsShape
  readonly scope: Scope.Scope
  /** Jobs that have a fiber in this server, and whether it has to look at the store once more before it ends. */
  readonly running: Map<string, boolean>
  /** So many at the same time; the others wait. */
  readonly slots: Effect.Semaphore
}

export class BulkJobs extends Context.Tag("@reprise/server/BulkJobs")<BulkJobs, BulkJobsShape>() {}

/** Jobs are not urgent, and what they send must not keep single requests from the store. */
const JOBS_MAX = 2
/** Runs of one job that are asked at the same time: as many as one transaction takes gladly. */
const ASKED_MAX = 50
/** A job can be looked up for so long after its end, in milliseconds: 30 days. */
const KEPT_MILLIS = 2_592_000_000
/** Documents that are read at once. */
const PAGE_COUNT = 100

/** Takes up the jobs that earlier servers left; jobs go on until the scope closes. */
export const make: Effect.Effect<BulkJobsShape, never, Client.Client | Records.Records | Scope.Scope> = Effect.gen(function*() {
  const jobs: BulkJobsShape = {
    client: yield* Client.Client,
    records: yield* Records.Records,
    scope: yield* Effect.scope,
    running: new Map(),
    slots: yield* Effect.makeSemaphore(JOBS_MAX)
  }
  // A store that is only read has no epoch; whoever owns it goes on with its jobs.
  if (jobs.client.log.epoch > 0) yield* Effect.forkScoped(persistently("take up bulk jobs", takeUp(jobs)))
  return jobs
})

/** Begins a job, or answers the one that its id stands for already (B1). */
export const begin = (
  jobs: BulkJobsShape,
  job: Job.Job
): Effect.Effect<Job.Job, Errors.LogError | IdempotencyKeyReused> =>
  Effect.gen(function*() {
    const { records } = jobs
    // Whether the job was written is not known when this fails: its fiber looks.
    const isNew = yield* Effect.ensuring(records.insert(Job.COLLECTION, job.jobId, Job.encode(job)), launch(jobs, job.jobId))
    if (isNew) return job
    const existing = yield* read(jobs, job.jobId)
    if (existing === undefined) return job
    const isSame = Payload.equalJson(Job.encode(existing)["request"], Job.encode(job)["request"])
    return isSame ? existing : yield* new IdempotencyKeyReused({})
  }).pipe(Effect.uninterruptible)

export const describe = (jobs: BulkJobsShape, jobId: string): Effect.Effect<Job.Job, Errors.LogError | BulkJobUnknown> =>
  Effect.flatMap(read(jobs, jobId), (job) => (job === undefined ? new BulkJobUnknown({ jobId }) : Effect.succeed(job)))

/** A document that cannot be read as a job is a defect: only we write them. */
const read = ({ records }: BulkJobsShape, jobId: string): Effect.Effect<Job.Job | undefined, Errors.LogError> =>
  Effect.flatMap(records.get(Job.COLLECTION, jobId), (document) =>
    document === undefined ? Effect.succeed(undefined) : Effect.orDie(Job.decode(document)))

// ---- going through the runs ----

/** Gives a job its fiber, unless it has one; that may have looked before the job was written. */
const launch = (jobs: BulkJobsShape, jobId: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    const hasFiber = jobs.running.has(jobId)
    jobs.running.set(jobId, true)
    if (hasFiber) return Effect.void
    const work = jobs.slots.withPermits(1)(persistently(`do bulk job ${jobId}`, whileAsked(jobs, jobId)))
    const fiber = Effect.ensuring(work, Effect.sync(() => jobs.running.delete(jobId)))
    return Effect.asVoid(Effect.forkIn(Effect.interruptible(fiber), jobs.scope))
  })

const whileAsked = (jobs: BulkJobsShape, jobId: string): Effect.Effect<void, Errors.LogError> =>
  Effect.gen(function*() {
    do {
      jobs.running.set(jobId, false)
      yield* workOn(jobs, jobId)
    } while (jobs.running.get(jobId) === true)
  })

/** Goes on where the job stands. Answers when nothing is left to do, or when there is no such job. */
const workOn = (jobs: BulkJobsShape, jobId: string): Effect.Effect<void, Errors.LogError> =>
  Effect.gen(function*() {
    let job = yield* read(jobs, jobId)
    while (job !== undefined && !Job.isClosed(job)) job = yield* nextPage(jobs, job)
  })

/** B2. */
const nextPage = (jobs: BulkJobsShape, job: Job.Job): Effect.Effect<Job.Job, Errors.LogError> =>
  Effect.gen(function*() {
    const { client, records } = jobs
    const { isLast, last, runIds } = yield* Selection.next(client.log, job)
    const answers = yield* Effect.forEach(runIds, (runId) => Asking.ask(job, runId), { concurrency: ASKED_MAX })
    const advanced = Job.advance(job, runIds.length, answers.filter((answer) => answer !== undefined), last)
    const now = isLast ? Job.close(advanced, yield* Clock.currentTimeMillis) : advanced
    yield* records.put(Job.COLLECTION, job.jobId, Job.encode(now))
    return now
  }).pipe(Effect.provideService(Client.Client, jobs.client))

// ---- after a restart ----

/** B1; and jobs that ended long ago go. */
const takeUp = (jobs: BulkJobsShape): Effect.Effect<void, Errors.LogError> =>
  Effect.gen(function*() {
    const { records } = jobs
    const endedBefore = (yield* Clock.currentTimeMillis) - KEPT_MILLIS
    for (let after: string | undefined;;) {
      const page = yield* records.list(Job.COLLECTION, { limit: PAGE_COUNT, ...(after === undefined ? {} : { after }) })
      for (const { id, value } of page) {
        const job = Option.getOrUndefined(Job.decode(value))
        if (job === undefined) yield* Effect.logError(`bulk job ${id} cannot be read`)
        else if (!Job.isClosed(job)) yield* launch(jobs, id)
        else if ((job.closedAt ?? Infinity) < endedBefore) yield* records.remove(Job.COLLECTION, id)
      }
      after = page.at(-1)?.id
      if (page.length < PAGE_COUNT) return
    }
  })

const PATIENCE = Schedule.union(Schedule.exponential("100 millis"), Schedule.spaced("30 seconds"))

/** B3. A bug of ours is logged; the job is taken up again by the next server. */
const persistently = (what: string, effect: Effect.Effect<void, Errors.LogError>): Effect.Effect<void> =>
  effect.pipe(
    Effect.tapError((error) => Effect.logWarning(`failed to ${what}, and will try again`, error.message)),
    Effect.retry(PATIENCE),
    Effect.catchAllCause((cause) => Effect.logError(`failed to ${what}`, cause))
  )
