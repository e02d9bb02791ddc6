/** `Log.find` and `Log.runnable`: the runs, found by their columns. */
import type { Connection } from "@effect/sql/SqlConnection"
import type { Log } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Rows from "./Rows.js"

/** Newest first means last created first: `run` numbers are given in that order. */
export const find = (connection: Connection, filter: Log.RunFilter) => {
  const conditions = conditionsOf(filter)
  add(conditions, "r.run<(SELECT run FROM runs WHERE run_id=?)", filter.before)
  add(conditions, "r.run>(SELECT run FROM runs WHERE run_id=?)", filter.after)
  // The page before another one ends where that begins, so it is sought from there.
  const order = filter.after === undefined ? "DESC" : "ASC"
  const sql = `${Rows.SUMMARY} ${where(conditions)} ORDER BY r.run ${order} LIMIT ?`
  return Effect.map(Rows.select(connection, sql, [...conditions.cells, filter.limit]), (rows) => {
    const page = rows.map(Rows.decodeSummary)
    return filter.after === undefined ? page : page.toReversed()
  })
}

export const tally = (connection: Connection, filter: Log.RunConditions) => {
  const conditions = conditionsOf(filter)
  const sql = `SELECT r.workflow,r.status,count(*) FROM runs r ${where(conditions)} GROUP BY r.workflow,r.status ORDER BY 1,2`
  return Effect.map(Rows.select(connection, sql, conditions.cells), (rows) =>
    rows.map(([workflow, status, count]): Log.Tally => ({
      workflow: String(workflow),
      status: Rows.decodeStatus(status),
      count: Number(count)
    })))
}

/** Conditions of a WHERE, with the cells that they ask for. */
export interface Conditions {
  readonly texts: Array<string>
  readonly cells: Array<Rows.Cell>
}

export const add = ({ cells, texts }: Conditions, condition: string, cell: Rows.Cell | undefined): void => {
  if (cell === undefined) return
  texts.push(condition)
  cells.push(cell)
}

const where = ({ texts }: Conditions): string => (texts.length === 0 ? "" : `WHERE ${texts.join(" AND ")}`)

const conditionsOf = (filter: Log.RunConditions): Conditions => {
  const conditions: Conditions = { texts: [], cells: [] }
  addIdentity(conditions, filter)
  add(conditions, "r.status IN (SELECT value FROM json_each(?))", listOf(filter.status))
  // Literals, so that the indexes of the paused and the blocked are used.
  if (filter.paused !== undefined) conditions.texts.push(`r.paused=${filter.paused ? 1 : 0}`)
  if (filter.blocked !== undefined) conditions.texts.push(`r.blocked IS ${filter.blocked ? "NOT NULL" : "NULL"}`)
  add(conditions, "r.created_at>=?", filter.createdFrom)
  add(conditions, "r.created_at<?", filter.createdBefore)
  return conditions
}

/** The conditions on what never changes of a run. */
export const addIdentity = (conditions: Conditions, filter: Log.FeedFilter): void => {
  // The common case by far, and three times as fast.
  if (filter.runIds?.length === 1) add(conditions, "r.run_id=?", filter.runIds[0])
  else add(conditions, "r.run_id IN (SELECT value FROM json_each(?))", listOf(filter.runIds))
  add(conditions, "r.workflow=?", filter.workflow)
  add(conditions, "r.key=?", filter.key)
  add(conditions, "r.parent_run_id=?", filter.parent)
}

export const listOf = (values: ReadonlyArray<string> | undefined): string | undefined =>
  values === undefined ? undefined : JSON.stringify(values)

// A blocked run that is due stays due until its code is mended; left in here, such runs would fill every page.
const DUE = "SELECT run_id FROM runs WHERE wake_at<=? AND blocked IS NULL ORDER BY wake_at,run LIMIT ?"

// After a restart the code may be mended, so blocked runs count. A delayed run's Start message waits for its instant.
const RECOVER = `SELECT run_id FROM runs WHERE run IN (
    SELECT run FROM runs WHERE wake_at<=?
    UNION SELECT run FROM runs WHERE busy=1
    UNION SELECT run FROM runs WHERE blocked IS NOT NULL AND closed_at IS NULL
    UNION SELECT run FROM inbox WHERE delivered=0 AND tag<>'Start'
  ) ORDER BY run LIMIT ?`

const MAIL = `SELECT run_id FROM runs WHERE run IN (
    SELECT run FROM inbox WHERE delivered=0 AND tag<>'Start'
  ) ORDER BY run LIMIT ?`

const NEXT = "SELECT wake_at FROM runs WHERE wake_at>? AND blocked IS NULL ORDER BY wake_at LIMIT 1"

export const runnable = (
  connection: Connection,
  options: { readonly now: number; readonly recover: boolean | "mail"; readonly limit: number }
) =>
  Effect.gen(function*() {
    const rows = options.recover === "mail"
      ? yield* Rows.select(connection, MAIL, [options.limit])
      : yield* Rows.select(connection, options.recover ? RECOVER : DUE, [options.now, options.limit])
    const [next] = yield* Rows.select(connection, NEXT, [options.now])
    return { runIds: rows.map((row) => String(row[0])), nextAt: Rows.instant(next?.[0]) }
  })
