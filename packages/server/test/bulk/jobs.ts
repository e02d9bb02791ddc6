/** A process that does bulk jobs, and what it is asked. */
import { Client } from "@reprise/core"
import { Limits, Log, Records, Registry, type RunLogs } from "@reprise/core/engine"
import { Effect, Layer, type Scope } from "effect"
import type { Refusal, Reply } from "../../src/api/Handler.js"
import type { BulkJob } from "../../src/api/Model.js"
import * as BulkJobs from "../../src/bulk/BulkJobs.js"
import { handlers } from "../../src/handlers/Bulk.js"
import { turn } from "../stream/HandClock.js"

export interface Process {
  readonly log: Log.LogShape
  readonly records: Records.RecordsShape
  readonly jobs: BulkJobs.BulkJobsShape
  readonly start: (body: object, asking?: Asking) => Effect.Effect<Answer, Refusal>
  readonly describe: (jobId: string) => Effect.Effect<BulkJob, Refusal>
  /** Waits until a job has ended. */
  readonly ended: (jobId: string) => Effect.Effect<BulkJob>
}

export interface Asking {
  readonly key?: string
  readonly caller?: string
}

export interface Answer {
  readonly status: number | undefined
  readonly value: BulkJob
}

/** The ports as a process sees them. */
export interface Worn {
  readonly log?: (log: Log.LogShape) => Log.LogShape
  readonly records?: (records: Records.RecordsShape) => Records.RecordsShape
}

/** A process begins when this succeeds, and ends with the scope. */
export const open = <E>(
  store: Layer.Layer<Log.Log | Records.Records | RunLogs.RunLogs, E>,
  worn: Worn = {}
): Effect.Effect<Process, E, Scope.Scope> =>
  Effect.gen(function*() {
    const context = yield* Layer.build(store)
    const { log = (log) => log, records = (records) => records } = worn
    const ports = {
      log: log(yield* Effect.provide(Log.Log, context)),
      records: records(yield* Effect.provide(Records.Records, context))
    }
    let idCount = 0
    const newId = () => `${process.pid}-${ports.log.epoch}-${idCount++}`
    const limits = Limits.complete({ textCharsMax: 100, payloadBytesMax: 1_000 })
    const client = yield* Client.make({ log: ports.log, registry: Registry.make([]), local: undefined, limits, newId })
    const jobs = yield* BulkJobs.make.pipe(
      Effect.provideService(Client.Client, client),
      Effect.provideService(Records.Records, ports.records)
    )
    const describe = (jobId: string) => Effect.map(ask<BulkJob>(jobs, "describeBulk", { params: { jobId } }), ({ value }) => value)
    const ended = (jobId: string) =>
      Effect.repeat(Effect.zipRight(turn, Effect.orDie(describe(jobId))), { until: ({ state }) => state === "completed" })
    return { ...ports, jobs, start: (body, asking) => ask(jobs, "startBulk", { body, ...asking }), describe, ended }
  })

const ask = <A>(
  jobs: BulkJobs.BulkJobsShape,
  name: keyof typeof handlers,
  { body, caller, key, params }: Asking & { readonly body?: object; readonly params?: object }
): Effect.Effect<{ readonly status: number | undefined; readonly value: A }, Refusal> => {
  const asked = {
    params,
    body,
    header: (header: string) => (header === "idempotency-key" ? key : undefined),
    caller: { name: caller ?? "ada", role: "editor", via: "key" }
  }
  const handler = handlers[name] as (asked: unknown) => Effect.Effect<Reply<A>, Refusal, BulkJobs.BulkJobs>
  return Effect.map(Effect.provideService(handler(asked), BulkJobs.BulkJobs, jobs), (reply) => {
    if (reply._tag !== "Value") throw new Error("the answer is no value")
    return { status: reply.status, value: reply.value }
  })
}
