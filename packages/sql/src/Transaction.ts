/**
 * One transaction of the writer: what it has in hand and what it will tell after the commit. Events and columns of
 * runs are collected and written at the end with few statements. `touched` knows the end of every history that the
 * transaction has changed, so nothing reads them back; who needs the tables to be up to date calls `writeCollected`.
 */
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import type { Event, Log } from "@reprise/core/engine"
import { Run } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Checksum from "./Checksum.js"
import * as Known from "./Known.js"
import * as Rows from "./Rows.js"
import type { Cell, Encoded } from "./Rows.js"

export interface Transaction {
  readonly connection: Connection
  readonly cache: Known.Cache
  /** The store's epoch; `Committer` reads it inside the transaction, so that none can change it before the commit. */
  epoch: number
  /** Every run that was looked at, whether or not the cache still holds it. */
  readonly touched: Map<string, Known.Known>
  readonly changes: Array<Log.Change>
  /** Collected events, column after column. */
  readonly cells: Array<Cell>
  /** Collected columns of runs, by run; the last ones count. */
  readonly projections: Map<number, ReadonlyArray<Cell>>
}

export const make = (connection: Connection, cache: Known.Cache, epoch: number): Transaction => ({
  connection,
  cache,
  epoch,
  touched: new Map(),
  changes: [],
  cells: [],
  projections: new Map()
})

/** The driver answers a statement that returns no rows with these counts. */
interface Written {
  readonly changes: number
  readonly lastInsertRowid: number
}

export const write = (tx: Transaction, sql: string, cells: ReadonlyArray<Cell>): Effect.Effect<Written, SqlError> =>
  tx.connection.executeRaw(sql, cells) as Effect.Effect<Written, SqlError>

export const rows = (tx: Transaction, sql: string, cells: ReadonlyArray<Cell> = []) =>
  Rows.select(tx.connection, sql, cells)

const LAST = `SELECT r.run,r.status,e.seq,e.sum,
  EXISTS(SELECT 1 FROM links WHERE run=r.run),EXISTS(SELECT 1 FROM links WHERE watcher=r.run)
  FROM runs r LEFT JOIN events e ON e.run=r.run AND e.seq=(SELECT max(seq) FROM events WHERE run=r.run) WHERE r.run_id=?`

/** The run if it is in memory; `find` asks the store as well. */
export const recall = (tx: Transaction, runId: string): Known.Known | undefined => {
  const touched = tx.touched.get(runId)
  if (touched !== undefined) return touched
  const known = Known.get(tx.cache, runId)
  if (known !== undefined) tx.touched.set(runId, known)
  return known
}

export const find = (tx: Transaction, runId: string): Effect.Effect<Known.Known | undefined, SqlError> => {
  const known = recall(tx, runId)
  if (known !== undefined) return Effect.succeed(known)
  return Effect.map(rows(tx, LAST, [runId]), ([row]) => {
    if (row === undefined) return undefined
    const closed = Run.isClosed(row[1] as Run.Status)
    const links = { awaited: row[4] === 1, awaiting: row[5] === 1 }
    const end = { seq: Number(row[2] ?? 0), sum: Number(row[3] ?? 0) }
    return adopt(tx, { runId, run: Number(row[0]), ...end, closed, plain: false, ...links })
  })
}

/** Takes a run into the transaction, and while it is open into the cache. */
export const adopt = (tx: Transaction, known: Known.Known): Known.Known => {
  tx.touched.set(known.runId, known)
  if (!known.closed) Known.put(tx.cache, known)
  return known
}

/** Collects events of a run: numbers them, chains their checksums, and moves the end of the history. */
export const collect = (tx: Transaction, known: Known.Known, events: ReadonlyArray<Encoded>): void => {
  for (const event of events) {
    known.seq += 1
    known.sum = Checksum.ofEvent(known.sum, known.runId, known.seq, event.type, event.at, event.data)
    tx.cells.push(known.run, known.seq, event.type, event.at, event.data, known.sum)
  }
}

export const tellAppended = (tx: Transaction, known: Known.Known, events: ReadonlyArray<Event.Event>): void => {
  if (events.length > 0) tx.changes.push({ _tag: "Appended", runId: known.runId, seq: known.seq, events })
}

/** Rows in one statement. Above 16 the gain is small, and each length is one more prepared statement. */
export const CHUNK = 16

/** A statement for each number of rows up to CHUNK; a row has `columns` cells. */
export interface Rowed {
  readonly columns: number
  readonly texts: ReadonlyArray<string>
}

export const rowed = (columns: number, text: (values: string) => string): Rowed => {
  const row = `(${Array.from({ length: columns }, () => "?").join(",")})`
  return { columns, texts: Array.from({ length: CHUNK }, (_, more) => text(`VALUES ${row}${`,${row}`.repeat(more)}`)) }
}

const INTO = "INSERT INTO events(run,seq,type,at,data,sum)"
const INSERT = rowed(6, (values) => `${INTO} ${values}`)
const FENCED = rowed(6, (values) => `${INTO} SELECT * FROM (${values}) WHERE (SELECT epoch FROM store)=?`)
const UPDATE = rowed(9, (values) =>
  `UPDATE runs SET status=v.column2,started_at=v.column3,closed_at=v.column4,wake_at=v.column5,busy=v.column6,
    generation_seq=v.column7,paused=v.column8,current_version=nullif(v.column9,runs.version)
    FROM (${values}) v WHERE runs.run=v.column1`
)

const textFor = ({ columns, texts }: Rowed, cells: ReadonlyArray<Cell>): string => texts[cells.length / columns - 1] ?? ""

/** Writes rows, cell after cell, with few statements. */
export const writeRows = (tx: Transaction, rowed: Rowed, cells: ReadonlyArray<Cell>): Effect.Effect<void, SqlError> =>
  Effect.gen(function*() {
    const width = CHUNK * rowed.columns
    for (let from = 0; from < cells.length; from += width) {
      const chunk = cells.length > width ? cells.slice(from, from + width) : cells
      yield* write(tx, textFor(rowed, chunk), chunk)
    }
  })

/** Writes the events and columns that were collected so far. */
export const writeCollected = (tx: Transaction): Effect.Effect<void, SqlError> =>
  Effect.gen(function*() {
    if (tx.cells.length > 0) yield* writeRows(tx, INSERT, tx.cells.splice(0))
    if (tx.projections.size === 0) return
    const cells = [...tx.projections].flatMap(([run, columns]) => [run, ...columns])
    tx.projections.clear()
    yield* writeRows(tx, UPDATE, cells)
  })

/** Writes at most CHUNK collected events as one statement that is its own transaction; false when `epoch` is stale. */
export const writeAlone = (tx: Transaction, epoch: number): Effect.Effect<boolean, SqlError> =>
  Effect.map(write(tx, textFor(FENCED, tx.cells), [...tx.cells, epoch]), (written) => written.changes > 0)
