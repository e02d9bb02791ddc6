/** Writes the columns of all runs anew from their histories. */
import type { Errors } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Committer from "./Committer.js"
import * as Fold from "./Fold.js"
import * as Known from "./Known.js"
import * as Rows from "./Rows.js"
import * as Store from "./Store.js"
import type * as Transaction from "./Transaction.js"

/** Runs in one transaction: other writers wait for it. */
const SLICE_COUNT = 100

export interface Rebuilt {
  readonly runs: number
  /** Runs whose columns were not what their history says. */
  readonly changed: number
  /** Runs whose history cannot be read; they are left as they were. */
  readonly damaged: ReadonlyArray<Errors.HistoryDamaged>
}

/**
 * Folds every history and writes the columns that follow from it. What does not follow from a history is kept: who
 * the run is, why it is blocked, its mail, its progress and its polls. Rows that were right are written as they were.
 */
export const rebuild: Effect.Effect<Rebuilt, Errors.LogError, Store.Store> = Effect.gen(function*() {
  const { committer } = yield* Store.Store
  const damaged: Array<Errors.HistoryDamaged> = []
  let runs = 0
  let changed = 0
  let after = 0
  while (true) {
    const from = after
    const slice = yield* Committer.submit(committer, {
      name: "rebuild",
      exclusive: true,
      apply: (tx) => rebuildSlice(tx, from)
    })
    runs += slice.runs
    changed += slice.changed
    damaged.push(...slice.damaged)
    after = slice.last
    if (slice.runs < SLICE_COUNT) return { runs, changed, damaged }
  }
})

const rebuildSlice = (tx: Transaction.Transaction, after: number) =>
  Effect.gen(function*() {
    const rows = yield* Fold.page(tx.connection, after, SLICE_COUNT)
    const damaged: Array<Errors.HistoryDamaged> = []
    let changed = 0
    for (const row of rows) {
      const outcome = yield* Effect.either(rebuildRun(tx, row))
      if (outcome._tag === "Right") changed += outcome.right ? 1 : 0
      else if (outcome.left._tag === "HistoryDamaged") damaged.push(outcome.left)
      else return yield* outcome.left
    }
    // The cache takes a run for open or closed by the columns that it has read.
    Known.clear(tx.cache)
    const last = rows[rows.length - 1]
    return { runs: rows.length, changed, damaged, last: last === undefined ? after : Rows.numberOf(last) }
  })

const rebuildRun = (tx: Transaction.Transaction, row: Rows.Row) =>
  Effect.gen(function*() {
    const folded = yield* Fold.fold(tx.connection, row)
    const wanted = yield* Fold.columns(tx.connection, folded)
    const changed = !Fold.same(wanted, yield* Fold.stored(tx.connection, folded.run))
    tx.projections.set(folded.run, wanted)
    return changed
  })
