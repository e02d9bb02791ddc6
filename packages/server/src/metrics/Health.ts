/**
 * Whether this process is fit to be asked, for whoever balances load or restarts what hangs.
 *
 * - K1 `fail` means that requests are better sent elsewhere; it goes away by itself when its cause does.
 * - K2 `warn` is for the operator: what runs here does its work.
 * - K3 Anybody may ask, so nothing is told that only the log of the server should say.
 */
import { Client } from "@reprise/core"
import { Records } from "@reprise/core/engine"
import { Clock, Duration, Effect } from "effect"
import type * as Model from "../api/Model.js"
import * as Auth from "../auth/Auth.js"
import * as Streams from "../stream/Streams.js"
import * as Figures from "./Figures.js"

type Check = Model.Health["checks"][number]

const pass = (name: string, detail?: string): Check => ({ name, status: "pass", ...(detail === undefined ? {} : { detail }) })
const warn = (name: string, detail: string): Check => ({ name, status: "warn", detail })
const fail = (name: string, detail: string): Check => ({ name, status: "fail", detail })

export const of = (checks: ReadonlyArray<Check>): Model.Health => {
  const has = (status: Check["status"]) => checks.some((check) => check.status === status)
  return { status: has("fail") ? "fail" : has("warn") ? "warn" : "pass", checks }
}

export type Services = Client.Client | Records.Records | Auth.Auth | Streams.Streams | Figures.Figures

/** Whoever answers this has an event loop that turns. */
export const live: Model.Health = of([pass("process")])

export const ready: Effect.Effect<Model.Health, never, Services> = Effect.gen(function*() {
  const { local, log } = yield* Client.Client
  const vitals = local === undefined ? undefined : yield* local.vitals
  const isStopping = (yield* Streams.Streams).isStopping || vitals?.isStopping === true
  if (isStopping) return of([fail("process", "it stops")])
  const store = yield* readable
  const commits = yield* committing(vitals)
  const { blockedCount } = yield* (yield* Figures.Figures).sample
  const { configured } = yield* Auth.Auth
  return of([
    pass("process"),
    store,
    commits,
    ...(vitals === undefined ? [pass("worker", "none in this process")] : [workerOf(vitals), timersOf(vitals)]),
    log.durability === "normal" ? warn("durability", "a power cut may lose the last commits") : pass("durability"),
    blockedCount > 0 ? warn("runs", `${blockedCount} blocked`) : pass("runs"),
    configured ? pass("auth") : warn("auth", "there is none: whoever reaches this server may do everything")
  ])
})

/** What does not answer a small question in this time cannot be said to work. */
const PATIENCE = Duration.seconds(2)

const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.timeoutFail(effect, { duration: PATIENCE, onTimeout: () => new Error(`no answer within ${Duration.format(PATIENCE)}`) })

const readable: Effect.Effect<Check, never, Client.Client> = Effect.gen(function*() {
  const { log } = yield* Client.Client
  const asked = yield* Effect.either(inTime(log.find({ limit: 1 })))
  if (asked._tag === "Right") return pass("store")
  yield* Effect.logWarning("the store is not ready", asked.left)
  return fail("store", "it cannot be read; see the log of the server")
})

// ---- commits ----

/** So long a failed commit counts, though a small write succeeds: a disk that is nearly full takes some still. */
const FAILED_MILLIS = 15_000
/** A disk may be busy for some seconds. */
const COMMIT_MILLIS_MAX = 10_000

/** The last commit, and what requests have met. Without traffic nothing would be tried again, so the check tries itself. */
const committing = (vitals: Client.Vitals | undefined): Effect.Effect<Check, never, Records.Records | Figures.Figures> =>
  Effect.gen(function*() {
    const figures = yield* Figures.Figures
    const now = yield* Clock.currentTimeMillis
    const since = vitals?.commitSince
    if (since !== undefined && now - since > COMMIT_MILLIS_MAX) return fail("commits", "the store does not answer")
    const failedAt = vitals?.commitFailedAt
    if (failedAt === undefined && !figures.hasStoreFailed) return pass("commits")
    if (failedAt !== undefined && now - failedAt < FAILED_MILLIS) return fail("commits", "the last one failed; see the log of the server")
    const records = yield* Records.Records
    const written = yield* Effect.either(inTime(records.put("health", "last-write", now)))
    if (written._tag === "Left") return fail("commits", "the store cannot be written; see the log of the server")
    figures.hasStoreFailed = false
    return pass("commits")
  })

// ---- the worker ----

const TIMER_LAG_MILLIS_WARN = 1_000
const TIMER_LAG_MILLIS_MAX = 10_000

const workerOf = ({ isFenced }: Client.Vitals): Check =>
  isFenced ? fail("worker", "another process has taken the store over") : pass("worker", "in this process")

const timersOf = ({ timerLagMillis }: Client.Vitals): Check => {
  const lag = `what is due has waited for ${Math.round(timerLagMillis)} ms`
  if (timerLagMillis > TIMER_LAG_MILLIS_MAX) return fail("timers", lag)
  return timerLagMillis > TIMER_LAG_MILLIS_WARN ? warn("timers", lag) : pass("timers")
}
