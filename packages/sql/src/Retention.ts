/** Deletes closed runs. Nothing else in Reprise deletes an event, and the database refuses it to everybody else. */
import type { Errors } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Committer from "./Committer.js"
import type * as Rows from "./Rows.js"
import * as Store from "./Store.js"
import * as Transaction from "./Transaction.js"

/** Runs in one transaction: other writers wait for it. */
const SLICE_COUNT = 50

export interface Retained {
  readonly runs: number
  readonly events: number
}

/** Deletes the runs that were closed before an instant, whole: history, mail, log lines and row. Open runs are never touched. */
export const retention = (options: {
  readonly closedBefore: number
}): Effect.Effect<Retained, Errors.LogError, Store.Store> =>
  Effect.gen(function*() {
    const { committer } = yield* Store.Store
    let runs = 0
    let events = 0
    while (true) {
      const slice = yield* Committer.submit(committer, {
        name: "delete closed runs",
        exclusive: true,
        apply: (tx) => deleteSlice(tx, options.closedBefore)
      })
      runs += slice.runs
      events += slice.events
      if (slice.runs < SLICE_COUNT) return { runs, events }
    }
  })

const OLD = "SELECT run FROM runs WHERE closed_at<? AND status NOT IN ('pending','running') LIMIT ?"

const deleteSlice = (tx: Transaction.Transaction, closedBefore: number) =>
  Effect.gen(function*() {
    const old = yield* Transaction.rows(tx, OLD, [closedBefore, SLICE_COUNT])
    if (old.length === 0) return { runs: 0, events: 0 }
    // The trigger on events lets a DELETE pass while this is set, which nobody outside this transaction ever sees.
    yield* Transaction.write(tx, "UPDATE store SET retaining=1", [])
    const [[last = null] = []] = yield* Transaction.rows(tx, "SELECT max(pos) FROM events")
    let events = 0
    for (const [run = null] of old) {
      events += (yield* Transaction.write(tx, "DELETE FROM events WHERE run=?", [run])).changes
      // A closed run has no links; one that damage has left must not keep it from being deleted.
      yield* Transaction.write(tx, "DELETE FROM links WHERE run=? OR watcher=?", [run, run])
      for (const table of ["inbox", "progress", "polls", "run_logs", "runs"]) {
        yield* Transaction.write(tx, `DELETE FROM ${table} WHERE run=?`, [run])
      }
    }
    if (last !== null) yield* holdPosition(tx, last)
    yield* Transaction.write(tx, "UPDATE store SET retaining=0", [])
    return { runs: old.length, events }
  })

/**
 * A position is not used twice (L9), and SQLite gives the next event the number after the greatest that is there: so where the
 * last event is deleted, a row of no run takes its place.
 */
const holdPosition = (tx: Transaction.Transaction, last: Rows.Cell) =>
  Effect.gen(function*() {
    yield* Transaction.write(tx, "DELETE FROM events WHERE run=0 AND pos<?", [last])
    const sql = "INSERT INTO events(pos,run,seq,type,at,data,sum) SELECT ?,0,0,'',0,'',0 WHERE ?>coalesce((SELECT max(pos) FROM events),0)"
    yield* Transaction.write(tx, sql, [last, last])
  })
