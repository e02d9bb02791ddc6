/**
 * `Log.read`: a page of one run's history, verified. Damage is found by the chain of checksums (a row edited, swapped
 * or missing inside), by the gap in the numbers, and at the end by the run's own row: a run that has started has
 * events, and a run that is closed ends with a closing event.
 */
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { Errors, Event, Run } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Checksum from "./Checksum.js"
import * as Rows from "./Rows.js"

const OF_RUN = `${Rows.IDENTITY} FROM runs r WHERE r.run_id=?`
// Begins with the row before the page, whose checksum the first row of the page continues.
const PAGE = "SELECT seq,type,at,data,sum FROM events WHERE run=? AND seq>=? ORDER BY seq LIMIT ?"

export const read = (
  connection: Connection,
  runId: string,
  afterSeq: number,
  limit: number
): Effect.Effect<ReadonlyArray<Event.Recorded>, SqlError | Errors.HistoryDamaged> =>
  Effect.gen(function*() {
    // The row first: events that are committed in between only make the history longer than the row says.
    const [run] = yield* Rows.select(connection, OF_RUN, [runId])
    if (run === undefined) return []
    const damage = Rows.damageOf(run)
    if (damage !== undefined) return yield* damaged(runId, 0, damage)
    const anchor = afterSeq > 0 ? 1 : 0
    const rows = yield* Rows.select(connection, PAGE, [Rows.numberOf(run), afterSeq, limit + anchor])
    const page = yield* Effect.suspend(() => verified(runId, afterSeq, rows))
    const last = rows[rows.length - 1]
    if (rows.length < limit + anchor && (last !== undefined || afterSeq === 0)) {
      const missing = missingEnd(run[11] as Run.Status, last?.[1])
      if (missing !== undefined) return yield* damaged(runId, afterSeq + page.length + 1, missing)
    }
    return page
  })

/** The event that closed a run; `undefined` when its history does not say. */
export const closing = (
  connection: Connection,
  runId: string,
  eventCount: number
): Effect.Effect<Event.Closing | undefined, SqlError> =>
  Effect.map(
    Effect.catchTag(read(connection, runId, eventCount - 1, 1), "HistoryDamaged", () => Effect.succeed([])),
    ([last]) => (last !== undefined && Event.isClosing(last.event) ? last.event : undefined)
  )

const damaged = (runId: string, seq: number, detail: string) => new Errors.HistoryDamaged({ runId, seq, detail })

const verified = (runId: string, afterSeq: number, rows: ReadonlyArray<Rows.Row>) => {
  const page: Array<Event.Recorded> = []
  let seq = afterSeq
  let sum = 0
  let index = 0
  if (afterSeq > 0) {
    const anchor = rows[0]
    // A page after the end of the history is empty; a page after a row that is missing shows by the gap below.
    if (anchor === undefined) return Effect.succeed(page)
    if (anchor[0] !== afterSeq) return damaged(runId, afterSeq, "the event is missing")
    sum = Number(anchor[4])
    index = 1
  }
  for (; index < rows.length; index++) {
    const [at, problem] = step(runId, seq + 1, sum, rows[index] ?? [], page)
    if (problem !== undefined) return damaged(runId, seq + 1, problem)
    seq += 1
    sum = at
  }
  return Effect.succeed(page)
}

/** Checks one row and adds it to the page; answers its checksum, or what is wrong with it. */
const step = (
  runId: string,
  seq: number,
  previous: number,
  row: Rows.Row,
  page: Array<Event.Recorded>
): readonly [sum: number, problem?: string] => {
  const type = String(row[1])
  const at = Number(row[2])
  const data = String(row[3])
  if (row[0] !== seq) return [0, "the event is missing"]
  const sum = Checksum.ofEvent(previous, runId, seq, type, at, data)
  if (sum !== row[4]) return [0, "the event does not match its checksum"]
  try {
    page.push({ seq, event: Rows.decodeEvent(type, at, data) })
  } catch (cause) {
    return [0, `the event is not JSON: ${String(cause)}`]
  }
  return [sum]
}

/** What is wrong when a history ends with an event of type `last`, given the status of its run. */
const missingEnd = (status: Run.Status, last: Rows.Cell | undefined): string | undefined => {
  if (status !== "pending" && last === undefined) return `the run is ${status} and has no events`
  if (Run.isClosed(status) && last !== undefined && !Rows.isClosingType(last)) {
    return `the run is ${status}, and the event that closed it is missing`
  }
  return undefined
}
