/** Reads a run from the store and replays it. Changes nothing in memory: putting it into service is RunLoop's. */
import { Effect } from "effect"
import { type Errors, type Log, type Message, Registry, Replay, Run } from "@reprise/core/engine"
import type { Worker } from "./State.js"

export interface Loaded {
  readonly summary: Log.RunSummary
  readonly replay: Replay.Replay
  /** The history, or the mail, cannot be trusted. */
  readonly damage: Errors.HistoryDamaged | undefined
  readonly messages: ReadonlyArray<Message.Message>
  readonly notes: Log.RunNotes
}

export const read = (worker: Worker, runId: string): Effect.Effect<Loaded | undefined, Errors.LogError> =>
  Effect.gen(function*() {
    const [summary] = yield* worker.log.find({ runIds: [runId], limit: 1 })
    if (summary === undefined || Run.isClosed(summary.status)) return undefined
    let damage: Errors.HistoryDamaged | undefined
    const unless = <A>(effect: Effect.Effect<A, Errors.LogError | Errors.HistoryDamaged>, otherwise: A) =>
      Effect.catchTag(effect, "HistoryDamaged", (error) => {
        damage = error
        return Effect.succeed(otherwise)
      })
    const replay = yield* unless(replayOf(worker, summary), Replay.begin(summary, worker.registry, worker.host, () => {}))
    // After the history: should an append of ours land in between, late, its messages are gone from here, and the next
    // append is stale. The other way round they would be told twice.
    const { messages, notes } = yield* unless(worker.log.inbox(runId), { messages: [], notes: NO_NOTES })
    return { summary, replay, damage, messages, notes }
  })

const NO_NOTES: Log.RunNotes = { progress: new Map(), polls: new Map(), refused: new Map() }

/**
 * Replays a run's history from the store on its own version; when that is not registered, on the newest that fits. Of
 * a run that none fits, the newest says why.
 */
export const replayOf = (
  worker: Worker,
  summary: Log.RunSummary
): Effect.Effect<Replay.Replay, Errors.LogError | Errors.HistoryDamaged> =>
  Effect.gen(function*() {
    const [newest = summary.version, ...older] = Registry.candidates(worker.registry, summary.workflow, summary.version)
    const first = yield* replayOn(worker, summary, newest)
    if (first.fault === undefined || first.fault._tag === "HistoryDamaged") return first
    for (const version of older) {
      const replay = yield* replayOn(worker, summary, version)
      if (replay.fault === undefined) return replay
    }
    return first.fault._tag === "Divergence" ? yield* explained(worker, { ...summary, version: newest }, first) : first
  })

/** Page by page, so that memory holds one page at a time. */
const replayOn = (
  worker: Worker,
  run: Log.RunSummary,
  version: string
): Effect.Effect<Replay.Replay, Errors.LogError | Errors.HistoryDamaged> =>
  Effect.gen(function*() {
    const summary = { ...run, version }
    const replay = Replay.begin(summary, worker.registry, worker.host, (fault) => {
      const run = worker.live.get(summary.runId)
      if (run !== undefined) worker.onFault(run, fault)
    })
    for (let after = summary.generationSeq - 1;;) {
      const page = yield* worker.log.read(summary.runId, after, worker.limits.pageEventCount)
      Replay.feed(replay, page)
      after += page.length
      if (page.length < worker.limits.pageEventCount) break
    }
    Replay.end(replay)
    return replay
  })

/** Replays a diverged run once more, with source lines, to say where. */
const explained = (worker: Worker, summary: Log.RunSummary, replay: Replay.Replay) =>
  Effect.map(worker.log.read(summary.runId, summary.generationSeq - 1, EXPLAINED_MAX), (history) => {
    const again = Replay.explained(summary, history, worker.registry, worker.host)
    return again.fault === undefined ? replay : { ...replay, fault: again.fault }
  })

/** Histories longer than this are not read at once for the sake of a source line. */
const EXPLAINED_MAX = 100_000
