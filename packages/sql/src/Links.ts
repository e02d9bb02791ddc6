/**
 * Who awaits whom, and what becomes of children when their parent, or a generation of it, ends (ports/Log.ts, L8).
 * Both ends of a link are open runs: it goes with whichever ends first.
 */
import type { SqlError } from "@effect/sql/SqlError"
import { Decide, type Event } from "@reprise/core/engine"
import { Effect } from "effect"
import type * as Known from "./Known.js"
import * as Mail from "./Mail.js"
import type { Cell, Row } from "./Rows.js"
import * as Transaction from "./Transaction.js"

const LINK = Transaction.rowed(4, (values) =>
  `INSERT INTO links(run,watcher,id,parent_close) ${values} ON CONFLICT DO NOTHING`
)

/** A row of the table. Both runs are marked, so that their ends look for it. */
export const link = (
  run: Known.Known,
  watcher: Known.Known,
  id: string,
  parentClose: Event.ParentClose | null
): ReadonlyArray<Cell> => {
  run.awaited = watcher.awaiting = true
  run.plain = watcher.plain = false
  return [run.run, watcher.run, id, parentClose]
}

/** Writes links, cell after cell. */
export const write = (tx: Transaction.Transaction, links: ReadonlyArray<Cell>): Effect.Effect<void, SqlError> =>
  Transaction.writeRows(tx, LINK, links)

const WATCHERS = `SELECT w.run,w.run_id,l.id FROM links l JOIN runs w ON w.run=l.watcher
  WHERE l.run=? AND w.closed_at IS NULL ORDER BY l.link`

/** Tells those who await a run how it has ended. Its columns are in the table by now: it may await itself. */
export const tellWatchers = (tx: Transaction.Transaction, { awaited, run }: Known.Known, closing: Event.Closing, now: number) =>
  Effect.gen(function*() {
    if (!awaited) return
    const watchers = yield* Transaction.rows(tx, WATCHERS, [run])
    yield* tell(tx, watchers, ([, , id]) => Decide.endOf(String(id), closing), now)
    yield* Transaction.write(tx, "DELETE FROM links WHERE run=?", [run])
  })

const CHILDREN = `SELECT c.run,c.run_id,l.id,l.parent_close FROM links l JOIN runs c ON c.run=l.run
  WHERE l.watcher=? AND l.parent_close IN ('cancel','terminate') AND c.closed_at IS NULL ORDER BY l.link`

/** Ends the children of a run, or of a generation of it, that are to end with it, and lets go of all that it awaits. */
export const endChildren = (tx: Transaction.Transaction, { awaiting, run, runId }: Known.Known, now: number) =>
  Effect.gen(function*() {
    if (!awaiting) return
    const children = yield* Transaction.rows(tx, CHILDREN, [run])
    const message = ([, , id, how]: Row) =>
      Decide.parentEnded(how === "terminate" ? "terminate" : "cancel", runId, String(id))
    yield* tell(tx, children, message, now)
    yield* Transaction.write(tx, "DELETE FROM links WHERE watcher=?", [run])
  })

/** Sends a message to each run. None of them is in memory as plain: a run that has a link is not. */
const tell = (
  tx: Transaction.Transaction,
  rows: ReadonlyArray<Row>,
  message: (row: Row) => Parameters<typeof Mail.letter>[1],
  now: number
) => {
  const letters = rows.flatMap((row) => {
    const runId = String(row[1])
    tx.changes.push({ _tag: "Mail", runId })
    return Mail.letter({ run: Number(row[0]), runId }, message(row), now)
  })
  return Mail.post(tx, letters)
}
