/**
 * `Log.feed`: the events of all runs by their position, `pos` in `events`. One writer gives it out in the order of the commits,
 * and retention keeps the last one from being given out twice.
 */
import type { Connection } from "@effect/sql/SqlConnection"
import type { Log } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Checksum from "./Checksum.js"
import * as Find from "./Find.js"
import * as Rows from "./Rows.js"

/** Events that one call looks at: a filter that fits few of them must not keep the process from everything else. */
const WINDOW_COUNT = 10_000

const LAST = "SELECT max(pos) FROM events"
const WINDOW = `SELECT max(pos) FROM (SELECT pos FROM events WHERE pos>? ORDER BY pos LIMIT ${WINDOW_COUNT})`

// CROSS JOIN: by position, never by run. `before` is the checksum that the event's own continues.
const PAGE = `SELECT e.pos,r.run_id,e.seq,e.type,e.at,e.data,e.sum,
  (SELECT p.sum FROM events p WHERE p.run=e.run AND p.seq=e.seq-1) AS before
  FROM events e CROSS JOIN runs r ON r.run=e.run WHERE `

export const feed = (connection: Connection, after: number | "end", limit: number, filter: Log.FeedFilter) =>
  Effect.gen(function*() {
    if (after === "end") {
      const [last] = yield* Rows.select(connection, LAST)
      return { events: [], position: Number(last?.[0] ?? 0) }
    }
    const [window] = yield* Rows.select(connection, WINDOW, [after])
    const end = Rows.instant(window?.[0])
    if (end === undefined || limit < 1) return { events: [], position: after }
    const rows = yield* page(connection, after, end, limit, filter)
    const last = rows[rows.length - 1]
    return {
      events: rows.flatMap((row) => decode(row) ?? []),
      position: last !== undefined && rows.length === limit ? Number(last[0]) : end
    }
  })

const page = (connection: Connection, after: number, end: number, limit: number, filter: Log.FeedFilter) => {
  const conditions: Find.Conditions = { texts: ["e.pos>?", "e.pos<=?"], cells: [after, end] }
  Find.addIdentity(conditions, filter)
  Find.add(conditions, "e.type IN (SELECT value FROM json_each(?))", Find.listOf(filter.types))
  const sql = `${PAGE}${conditions.texts.join(" AND ")} ORDER BY e.pos LIMIT ?`
  return Rows.select(connection, sql, [...conditions.cells, limit])
}

/** `undefined` for a damaged event. */
const decode = (row: Rows.Row): Log.FeedEvent | undefined => {
  const [position, runId, seq] = [Number(row[0]), String(row[1]), Number(row[2])]
  const [type, at, data] = [String(row[3]), Number(row[4]), String(row[5])]
  if (Checksum.ofEvent(Number(row[7] ?? 0), runId, seq, type, at, data) !== row[6]) return undefined
  try {
    return { position, runId, seq, event: Rows.decodeEvent(type, at, data) }
  } catch {
    return undefined
  }
}
