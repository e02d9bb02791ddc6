/**
 * Figures that are taken when somebody asks for them: counts of the store, streams, the process. Others are counted as things
 * happen, here (Requests.ts) and in the worker.
 *
 * - G1 However often they are asked for, counting the runs of the store takes 2 % of the time at most: a count is used for
 *      some seconds, and for longer when it was slow.
 * - G2 A store that cannot be asked leaves the counts as they were; whether it can is for the check of health to say.
 */
import { Client } from "@reprise/core"
import type { Log } from "@reprise/core/engine"
import { Clock, Context, Effect, Metric, MetricLabel, Option } from "effect"
import { Streams } from "../stream/Streams.js"
import * as Process from "./Process.js"

export interface Counts {
  readonly runs: ReadonlyArray<Log.Tally>
  /** Open runs only. */
  readonly blockedCount: number
  readonly pausedCount: number
}

export interface FiguresShape {
  /** Takes the gauges. */
  readonly sample: Effect.Effect<Counts>
  /** The store has failed a request, and has not shown since that it works. */
  hasStoreFailed: boolean
}

export class Figures extends Context.Tag("@reprise/server/Figures")<Figures, FiguresShape>() {}

/** How long counts of the store are used, in milliseconds; and how many times as long as they took. */
const FRESH_MILLIS = 5_000
const FRESH_FACTOR = 50

interface Taken {
  counts: Counts
  until: number
  isTaking: boolean
}

/** Where there are streams, they are looked at, too. */
export const make: Effect.Effect<FiguresShape, never, Client.Client> = Effect.gen(function*() {
  const client = yield* Client.Client
  const streams = Option.getOrUndefined(yield* Effect.serviceOption(Streams))
  const taken: Taken = { counts: { runs: [], blockedCount: 0, pausedCount: 0 }, until: 0, isTaking: false }
  const told = new Map<string, ReadonlyArray<MetricLabel.MetricLabel>>()
  return {
    hasStoreFailed: false,
    sample: Effect.gen(function*() {
      yield* Process.sample
      const now = yield* Clock.currentTimeMillis
      if (streams !== undefined) observeStreams(streams, now)
      const counts = yield* countsOf(client.log, taken, now)
      const vitals = client.local === undefined ? undefined : yield* client.local.vitals
      observeRuns(counts, vitals?.liveCount ?? 0, told)
      return counts
    })
  }
})

// ---- the store ----

/** G1. Who asks while somebody else's question is under way gets the counts from before it. */
const countsOf = (log: Log.LogShape, taken: Taken, now: number): Effect.Effect<Counts> =>
  Effect.suspend(() => {
    if (taken.isTaking || now < taken.until) return Effect.succeed(taken.counts)
    taken.isTaking = true
    return Effect.ensuring(take(log, taken, now), Effect.sync(() => void (taken.isTaking = false)))
  })

/** G2. */
const take = (log: Log.LogShape, taken: Taken, now: number): Effect.Effect<Counts> =>
  Effect.gen(function*() {
    const open = { status: ["pending", "running"] } as const
    const runs = yield* log.tally({})
    const blocked = yield* log.tally({ ...open, blocked: true })
    const paused = yield* log.tally({ ...open, paused: true })
    const after = yield* Clock.currentTimeMillis
    taken.until = after + Math.max(FRESH_MILLIS, (after - now) * FRESH_FACTOR)
    taken.counts = { runs, blockedCount: sum(blocked), pausedCount: sum(paused) }
    return taken.counts
  }).pipe(Effect.catchTag("LogError", () => Effect.sync(() => taken.counts)))

const sum = (tallies: ReadonlyArray<Log.Tally>): number => tallies.reduce((all, { count }) => all + count, 0)

const gauge = (name: string, description: string) => Metric.gauge(name, { description })

const runs = gauge("reprise_runs", "Runs of the store, by workflow and status.")
const blockedRuns = gauge("reprise_blocked_runs", "Open runs that wait for their code to be mended.")
const pausedRuns = gauge("reprise_paused_runs", "Open runs that are paused.")
const parkedRuns = gauge("reprise_parked_runs", "Open runs that are not in the memory of this process.")

/** Names come from programs: so many of them are told apart. */
const SERIES_MAX = 500
const OTHER = "other"
const OPEN: ReadonlySet<string> = new Set(["pending", "running"])

/** What is told once is told from then on: a sort of run of which none are left has 0. */
const observeRuns = (counts: Counts, liveCount: number, told: Map<string, ReadonlyArray<MetricLabel.MetricLabel>>): void => {
  const values = new Map([...told.keys()].map((id) => [id, 0]))
  for (const { count, status, workflow } of counts.runs) {
    const own = `${status} ${workflow}`
    const isOwn = told.has(own) || told.size < SERIES_MAX
    const id = isOwn ? own : `${status} ${OTHER}`
    const labels = () => [MetricLabel.make("workflow", isOwn ? workflow : OTHER), MetricLabel.make("status", status)]
    if (!told.has(id)) told.set(id, labels())
    values.set(id, (values.get(id) ?? 0) + count)
  }
  for (const [id, labels] of told) runs.unsafeUpdate(values.get(id) ?? 0, labels)
  const openCount = sum(counts.runs.filter(({ status }) => OPEN.has(status)))
  blockedRuns.unsafeUpdate(counts.blockedCount, [])
  pausedRuns.unsafeUpdate(counts.pausedCount, [])
  parkedRuns.unsafeUpdate(Math.max(0, openCount - liveCount), [])
}

// ---- streams ----

const openStreams = gauge("reprise_http_open_streams", "Streams of events and log lines that are open.")
const streamLag = gauge(
  "reprise_http_stream_lag_seconds",
  "How long the slowest reader of a stream has taken nothing, though there is something to tell."
)

const MILLIS = 1_000

const observeStreams = ({ open }: Context.Tag.Service<typeof Streams>, now: number): void => {
  let lag = 0
  for (const { hasNews, idleSince } of open) if (hasNews && idleSince !== undefined) lag = Math.max(lag, now - idleSince)
  openStreams.unsafeUpdate(open.size, [])
  streamLag.unsafeUpdate(lag / MILLIS, [])
}
