/**
 * Exported runs as a log that can only be read: enough to replay them. Runs that await one another, keys and mail are not
 * looked at, so any set of documents will do, as long as no run is in it twice.
 */
import { Document, Errors, type Event, Log, Run } from "@reprise/core/engine"
import { Effect, Layer, ParseResult } from "effect"
import { DocumentInvalid } from "./Errors.js"
import * as Tally from "./Tally.js"

interface Entry {
  readonly summary: Log.RunSummary
  readonly history: ReadonlyArray<Event.Recorded>
}

/** The documents, as JSON values, in the order in which their runs are to be looked at. */
export const layer = (documents: ReadonlyArray<unknown>): Layer.Layer<Log.Log, DocumentInvalid> =>
  Layer.effect(Log.Log, Effect.gen(function*() {
    const entries = new Map<string, Entry>()
    for (const [index, document] of documents.entries()) {
      const entry = yield* entryOf(index, document)
      const { runId } = entry.summary
      if (entries.has(runId)) return yield* new DocumentInvalid({ index, detail: `run "${runId}" stands before it, too` })
      entries.set(runId, entry)
    }
    return make(entries)
  }))

const entryOf = (index: number, document: unknown): Effect.Effect<Entry, DocumentInvalid> =>
  Effect.gen(function*() {
    const invalid = (detail: string) => new DocumentInvalid({ index, detail })
    const { events, run } = yield* Document.decode(document).pipe(
      Effect.mapError((error) => invalid(ParseResult.TreeFormatter.formatErrorSync(error)))
    )
    const state = Run.pending(run.runId, run.workflow, run.version)
    for (const [at, event] of events.entries()) {
      yield* Effect.try({
        try: () => Run.evolve(state, event),
        catch: (cause) => invalid(`event ${at + 1} cannot stand there: ${cause instanceof Error ? cause.message : String(cause)}`)
      })
    }
    const row = Run.row(state, new Map())
    const summary: Log.RunSummary = {
      runId: run.runId,
      workflow: run.workflow,
      version: state.version,
      key: run.key,
      status: row.status,
      createdAt: run.createdAt,
      startAt: run.startAt,
      startedAt: row.startedAt,
      closedAt: row.closedAt,
      wakeAt: row.wakeAt,
      eventCount: events.length,
      generationSeq: state.generationSeq,
      paused: row.paused,
      parent: run.parent,
      forkedFrom: run.forkedFrom,
      blocked: undefined
    }
    return { summary, history: events.map((event, at) => ({ seq: at + 1, event })) }
  })

const make = (entries: ReadonlyMap<string, Entry>): Log.LogShape => ({
  epoch: 0,
  watchesAll: true,
  append: () => refused("append"),
  send: () => refused("send"),
  read: (runId, afterSeq, limit) => Effect.sync(() => entries.get(runId)?.history.slice(afterSeq, afterSeq + limit) ?? []),
  inbox: () => Effect.succeed({ messages: [], notes: { progress: new Map(), polls: new Map(), refused: new Map() } }),
  runnable: () => Effect.succeed({ runIds: [], nextAt: undefined }),
  find: (filter) => Effect.sync(() => find(summariesOf(entries), filter)),
  tally: (conditions) => Effect.sync(() => Tally.of(summariesOf(entries).filter((run) => fits(run, conditions)))),
  // Nothing says in which order the events of different runs were committed.
  feed: () => refused("feed"),
  note: () => refused("note"),
  watch: () => Effect.void
})

const summariesOf = (entries: ReadonlyMap<string, Entry>): ReadonlyArray<Log.RunSummary> =>
  [...entries.values()].map(({ summary }) => summary)

const refused = (operation: string) =>
  Effect.fail(new Errors.LogError({ operation, cause: new Error("documents are only read") }))

const find = (all: ReadonlyArray<Log.RunSummary>, filter: Log.RunFilter): ReadonlyArray<Log.RunSummary> => {
  const { after, before, limit } = filter
  const from = before === undefined ? 0 : (placeOf(all, before) ?? all.length) + 1
  const found = all.slice(from, after === undefined ? all.length : placeOf(all, after) ?? 0).filter((run) => fits(run, filter))
  return after === undefined ? found.slice(0, limit) : found.slice(Math.max(0, found.length - limit))
}

const placeOf = (all: ReadonlyArray<Log.RunSummary>, wanted: string): number | undefined => {
  const place = all.findIndex(({ runId }) => runId === wanted)
  return place < 0 ? undefined : place
}

const fits = (run: Log.RunSummary, conditions: Log.RunConditions): boolean =>
  (conditions.runIds?.includes(run.runId) ?? true) &&
  (conditions.status?.includes(run.status) ?? true) &&
  (conditions.workflow ?? run.workflow) === run.workflow &&
  (conditions.key ?? run.key) === run.key &&
  (conditions.parent ?? run.parent?.runId) === run.parent?.runId &&
  (conditions.paused ?? run.paused) === run.paused &&
  conditions.blocked !== true &&
  run.createdAt >= (conditions.createdFrom ?? -Infinity) &&
  run.createdAt < (conditions.createdBefore ?? Infinity)
