/** Writes the columns and the links of all runs anew from their histories. */
import type { Errors } from "@reprise/core/engine"
import { Clock, Effect } from "effect"
import * as Awaited from "./Awaited.js"
import * as Committer from "./Committer.js"
import * as Fold from "./Fold.js"
import * as Known from "./Known.js"
import * as Rows from "./Rows.js"
import * as Store from "./Store.js"
import * as Transaction from "./Transaction.js"

/** Runs in one transaction: other writers wait for it. */
const SLICE_COUNT = 100

export interface Rebuilt {
  readonly runs: number
  /** Runs whose columns or links were not what their history says. */
  readonly changed: number
  /** Runs whose history cannot be read; they are left as they were. */
  readonly damaged: ReadonlyArray<Errors.HistoryDamaged>
}

/**
 * Folds every history and writes the columns that follow from it, and then who awaits whom. What does not follow from a
 * history is kept: who the run is, why it is blocked, its mail, its progress and its polls. Rows that were right are
 * written as they were. A run that awaits one that has ended, and has not been told, is told.
 */
export const rebuild: Effect.Effect<Rebuilt, Errors.LogError, Store.Store> = Effect.gen(function*() {
  const { committer } = yield* Store.Store
  const damaged: Array<Errors.HistoryDamaged> = []
  const changed = new Set<number>()
  const awaiting: Array<number> = []
  let runs = 0
  for (let after = 0, more = true; more;) {
    const from = after
    const slice = yield* Committer.submit(committer, {
      name: "rebuild",
      exclusive: true,
      apply: (tx) => rebuildSlice(tx, from)
    })
    runs += slice.runs
    slice.changed.forEach((run) => changed.add(run))
    awaiting.push(...slice.awaiting)
    damaged.push(...slice.damaged)
    after = slice.last
    more = slice.runs === SLICE_COUNT
  }
  // A link needs to know whether the awaited run is open, which the columns say by now.
  for (let from = 0; from < awaiting.length; from += SLICE_COUNT) {
    const slice = awaiting.slice(from, from + SLICE_COUNT)
    const mended = yield* Committer.submit(committer, { name: "rebuild", exclusive: true, apply: (tx) => mendSlice(tx, slice) })
    mended.forEach((run) => changed.add(run))
  }
  return { runs, changed: changed.size, damaged }
})

const rebuildSlice = (tx: Transaction.Transaction, after: number) =>
  Effect.gen(function*() {
    const rows = yield* Fold.page(tx.connection, after, SLICE_COUNT)
    const damaged: Array<Errors.HistoryDamaged> = []
    const changed: Array<number> = []
    const awaiting: Array<number> = []
    for (const row of rows) {
      yield* rebuildRun(tx, row).pipe(
        Effect.map((rebuilt) => {
          if (rebuilt.changed) changed.push(rebuilt.run)
          if (rebuilt.awaiting) awaiting.push(rebuilt.run)
        }),
        Effect.catchTag("HistoryDamaged", (error) => Effect.sync(() => void damaged.push(error)))
      )
    }
    // The cache takes a run for open or closed by the columns that it has read.
    Known.clear(tx.cache)
    const last = rows[rows.length - 1]
    return { runs: rows.length, changed, awaiting, damaged, last: last === undefined ? after : Rows.numberOf(last) }
  })

const rebuildRun = (tx: Transaction.Transaction, row: Rows.Row) =>
  Effect.gen(function*() {
    const folded = yield* Fold.fold(tx.connection, row)
    const wanted = yield* Fold.columns(tx.connection, folded)
    const { run, state } = folded
    const changed = !Fold.same(wanted, yield* Fold.stored(tx.connection, run))
    tx.projections.set(run, wanted)
    const links = yield* Transaction.rows(tx, "SELECT 1 FROM links WHERE watcher=? LIMIT 1", [run])
    return { run, changed, awaiting: state.children.size > 0 || links.length > 0 }
  })

/** The runs whose links, or mail, were not right. One whose history is damaged has been named before. */
const mendSlice = (tx: Transaction.Transaction, runs: ReadonlyArray<number>) =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const changed: Array<number> = []
    for (const run of runs) {
      const mended = yield* Effect.catchTag(Awaited.mendRun(tx, run, now), "HistoryDamaged", () => Effect.succeed(false))
      if (mended) changed.push(run)
    }
    Known.clear(tx.cache)
    return changed
  })
