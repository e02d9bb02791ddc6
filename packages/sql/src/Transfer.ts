/** One run as a document: taken out of one store, put into another. */
import { Document, Errors, Event, Run } from "@reprise/core/engine"
import { Clock, Effect, ParseResult } from "effect"
import * as Append from "./Append.js"
import * as Awaited from "./Awaited.js"
import * as Committer from "./Committer.js"
import { ImportRefused } from "./Errors.js"
import * as Fold from "./Fold.js"
import * as Known from "./Known.js"
import * as Rows from "./Rows.js"
import * as Store from "./Store.js"
import * as Transaction from "./Transaction.js"

/** The history of one run, verified. A run that has no events yet has nothing to export. */
export const exportRun = (
  runId: string
): Effect.Effect<Document.Document, Errors.LogError | Errors.HistoryDamaged | Errors.RunNotFound, Store.Reader> =>
  Effect.gen(function*() {
    const reader = yield* Store.Reader
    const found = yield* Store.reading(reader, "export a run", collect(reader, runId))
    if (found === undefined || found.events.length === 0) return yield* new Errors.RunNotFound({ runId })
    const { summary, version } = found
    const run = {
      runId,
      workflow: summary.workflow,
      version,
      createdAt: summary.createdAt,
      ...(summary.key === undefined ? {} : { key: summary.key }),
      ...(summary.startAt === undefined ? {} : { startAt: summary.startAt }),
      ...(summary.parent === undefined ? {} : { parent: summary.parent }),
      ...(summary.forkedFrom === undefined ? {} : { forkedFrom: summary.forkedFrom })
    }
    return { format: Event.FORMAT, run, events: found.events }
  })

const collect = ({ connection }: Store.ReaderShape, runId: string) =>
  Effect.gen(function*() {
    const [row] = yield* Rows.select(connection, `${Rows.SUMMARY} WHERE r.run_id=?`, [runId])
    if (row === undefined) return undefined
    const events: Array<Event.Event> = []
    const { summary, version } = yield* Fold.fold(connection, row, (page) => events.push(...page))
    return { summary, version, events }
  })

/**
 * Makes an exported run a run of this store. It goes on where its history ends, so an open run must not be open in
 * its old store as well: both would run its steps. What it awaits is imported by itself, before or after; runs of this
 * store that await it by `use_existing` are told of its end after a rebuild only.
 */
export const importRun = (
  document: unknown
): Effect.Effect<{ readonly runId: string; readonly events: number }, Errors.LogError | ImportRefused, Store.Store> =>
  Effect.gen(function*() {
    const { committer } = yield* Store.Store
    const { events, run } = yield* Document.decode(document).pipe(
      Effect.mapError((error) => new ImportRefused({ detail: ParseResult.TreeFormatter.formatErrorSync(error) }))
    )
    if (events.length === 0) return yield* new ImportRefused({ detail: "it has no events" })
    const state = Run.pending(run.runId, run.workflow, run.version)
    yield* Effect.mapError(Fold.evolveAll(state, events), (error) =>
      new ImportRefused({ detail: `event ${error.seq} cannot stand there: ${error.detail}` }))
    const imported = { run, events, row: Run.row(state, new Map()) }
    yield* Committer.submit(committer, {
      name: "import a run",
      exclusive: true,
      apply: (tx) => insert(tx, imported)
    })
    return { runId: run.runId, events: events.length }
  })

interface Imported extends Pick<Document.Document, "run" | "events"> {
  readonly row: Run.RunRow
}

const insert = (tx: Transaction.Transaction, { events, row, run }: Imported) =>
  Effect.gen(function*() {
    const prepared = Append.prepare({
      runId: run.runId,
      epoch: tx.epoch,
      expectedSeq: 0,
      events,
      delivered: [],
      row,
      start: {
        runId: run.runId,
        workflow: run.workflow,
        version: run.version,
        key: run.key,
        createdAt: run.createdAt,
        startAt: run.startAt,
        parent: run.parent,
        forkedFrom: run.forkedFrom,
        message: { _tag: "Start", messageId: "", seed: "" }
      },
      outgoing: []
    })
    const answer = yield* Append.apply(tx, prepared, run.createdAt)
    if (answer._tag === "Exists") {
      return yield* new ImportRefused({ detail: `run ${answer.existing.runId} has its ${answer.by}` })
    }
    yield* Transaction.writeCollected(tx)
    yield* mend(tx, run.runId)
    if (run.parent !== undefined) yield* mend(tx, run.parent.runId)
    Known.clear(tx.cache)
  })

/** A run of this store whose history is damaged is blocked in any case. */
const mend = (tx: Transaction.Transaction, runId: string) =>
  Effect.gen(function*() {
    const [row] = yield* Transaction.rows(tx, "SELECT run FROM runs WHERE run_id=?", [runId])
    if (row === undefined) return
    const now = yield* Clock.currentTimeMillis
    yield* Effect.catchTag(Awaited.mendRun(tx, Number(row[0]), now), "HistoryDamaged", () => Effect.void)
  })
