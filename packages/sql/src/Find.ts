/** `Log.find` and `Log.runnable`: the runs, found by their columns. */
import type { Connection } from "@effect/sql/SqlConnection"
import type { Log } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Rows from "./Rows.js"

/** Newest first means last created first: `run` numbers are given in that order. */
export const find = (connection: Connection, filter: Log.RunFilter) => {
  const [conditions, cells] = conditionsOf(filter)
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`
  return Effect.map(
    Rows.select(connection, `${Rows.SUMMARY} ${where} ORDER BY r.run DESC LIMIT ?`, [...cells, filter.limit]),
    (rows) => rows.map(Rows.decodeSummary)
  )
}

const conditionsOf = (filter: Log.RunFilter): readonly [ReadonlyArray<string>, ReadonlyArray<Rows.Cell>] => {
  const conditions: Array<string> = []
  const cells: Array<Rows.Cell> = []
  const add = (condition: string, cell: Rows.Cell | undefined): void => {
    if (cell === undefined) return
    conditions.push(condition)
    cells.push(cell)
  }
  // The common case by far, and three times as fast.
  if (filter.runIds?.length === 1) add("r.run_id=?", filter.runIds[0])
  else add("r.run_id IN (SELECT value FROM json_each(?))", listOf(filter.runIds))
  add("r.workflow=?", filter.workflow)
  add("r.key=?", filter.key)
  add("r.status IN (SELECT value FROM json_each(?))", listOf(filter.status))
  add("r.parent_run_id=?", filter.parent)
  // A literal, so that the index of the paused is used.
  if (filter.paused !== undefined) conditions.push(`r.paused=${filter.paused ? 1 : 0}`)
  add("r.run<(SELECT run FROM runs WHERE run_id=?)", filter.before)
  return [conditions, cells]
}

const listOf = (values: ReadonlyArray<string> | undefined): string | undefined =>
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
