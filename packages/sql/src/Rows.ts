/**
 * How facts stand in columns, and back. What comes back has passed its checksum first, so it is what this code wrote;
 * that is why the casts here, and only here, are sound without running a schema over every event that is read.
 */
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { Event, type Json, type Log, type LogLine, type Message, type Run } from "@reprise/core/engine"
import type { Effect } from "effect"
import * as Checksum from "./Checksum.js"

export type Cell = string | number | null
export type Row = ReadonlyArray<Cell>

/** Rows as arrays of cells: half the cost of rows as objects. The driver's own type says nothing about cells. */
export const select = (
  connection: Connection,
  sql: string,
  cells: ReadonlyArray<Cell> = []
): Effect.Effect<ReadonlyArray<Row>, SqlError> =>
  connection.executeValues(sql, cells) as Effect.Effect<ReadonlyArray<Row>, SqlError>

/** An event on its way into the log: `data` is its JSON without `_tag` and `at`, which have columns of their own. */
export interface Encoded {
  readonly type: string
  readonly at: number
  readonly data: string
}

/** Throws on an event that is not JSON: that is a bug of the writer, and must not reach a transaction of others. */
export const encodeEvent = (event: Event.Event): Encoded => {
  if (!Number.isFinite(event.at)) throw new TypeError(`${event._tag} at ${event.at}: not an instant`)
  return { type: event._tag, at: event.at, data: JSON.stringify({ ...event, _tag: undefined, at: undefined }) }
}

export const decodeEvent = (type: string, at: number, data: string): Event.Event =>
  ({ _tag: type, at, ...JSON.parse(data) }) as Event.Event

export const isClosingType = (type: Cell): boolean => Event.isClosing({ _tag: type } as Event.Event)

export const encodeMessage = (message: Message.Message): string =>
  JSON.stringify({ ...message, _tag: undefined, messageId: undefined })

export const decodeMessage = (tag: string, messageId: string, data: string): Message.Message =>
  ({ _tag: tag, messageId, ...JSON.parse(data) }) as Message.Message

export const sumOfMessage = (runId: string, messageId: string, tag: string, data: string): number =>
  Checksum.ofColumns(runId, messageId, tag, data)

export const decodeJson = (text: string): Json.Json => JSON.parse(text) as Json.Json

export const orNull = (value: string | number | undefined): Cell => value ?? null

export const instant = (cell: Cell | undefined): number | undefined => (typeof cell === "number" ? cell : undefined)

/** The columns of a run that never change, with their checksum, in the order in which `runs` is written. */
export const identity = (start: Log.StartRequest): ReadonlyArray<Cell> => {
  const { forkedFrom, parent } = start
  const columns = [
    start.runId, start.workflow, start.version, orNull(start.key), start.createdAt, orNull(start.startAt),
    orNull(parent?.runId), orNull(parent?.id), orNull(forkedFrom?.runId), orNull(forkedFrom?.seq)
  ]
  return [...columns, sumOfIdentity(columns)]
}

/** A run that nobody asked for or forked has the sum that it had before there were such columns. */
const sumOfIdentity = (columns: Row): number =>
  Checksum.ofColumns(...(columns.slice(6, 10).every((cell) => cell === null) ? columns.slice(0, 6) : columns.slice(0, 10)))

/** The columns that follow the history. A closed run waits for nothing. */
export const projection = (row: Run.RunRow): ReadonlyArray<Cell> => {
  const closed = row.closedAt !== undefined
  return [
    row.status, orNull(row.startedAt), orNull(row.closedAt), closed ? null : orNull(row.wakeAt),
    row.busy && !closed ? 1 : 0, row.generationSeq, row.paused && !closed ? 1 : 0, row.version
  ]
}

/** The same for a run without events: it is due at its start. */
export const pendingProjection = (
  start: Pick<Log.StartRequest, "createdAt" | "startAt" | "version">
): ReadonlyArray<Cell> => ["pending", null, null, start.startAt ?? start.createdAt, 0, 1, 0, start.version]

/** Who a run is, as `damageOf` checks it, and its number. */
export const IDENTITY = `SELECT r.run_id,r.workflow,r.version,r.key,r.created_at,r.start_at,r.parent_run_id,r.parent_id,
  r.forked_run_id,r.forked_seq,r.sum,r.status,r.run`

/** The columns of a summary, in the order that `decodeSummary` reads. */
export const SUMMARY = `${IDENTITY},r.started_at,r.closed_at,r.wake_at,r.generation_seq,r.paused,r.current_version,
  r.blocked,coalesce((SELECT max(seq) FROM events e WHERE e.run=r.run),0) FROM runs r`

export const numberOf = (row: Row): number => Number(row[12])

const STATUSES: ReadonlySet<string> = new Set(["pending", "running", "completed", "failed", "cancelled", "terminated"])

/** Why this row of `runs` cannot be believed, or `undefined`. */
export const damageOf = (row: Row): string | undefined => {
  if (sumOfIdentity(row) !== row[10]) return "the run's row does not match its checksum"
  if (!STATUSES.has(String(row[11]))) return `the run's row has the unknown status "${row[11]}"`
  return undefined
}

/** A damaged row is listed as blocked with that reason: one bad row must not hide the others from a listing. */
export const decodeSummary = (row: Row): Log.RunSummary => {
  const damage = damageOf(row)
  const runId = String(row[0])
  return {
    runId,
    workflow: String(row[1]),
    version: String(row[18] ?? row[2]),
    key: typeof row[3] === "string" ? row[3] : undefined,
    status: decodeStatus(row[11]),
    createdAt: Number(row[4]),
    startAt: instant(row[5]),
    startedAt: instant(row[13]),
    closedAt: instant(row[14]),
    wakeAt: instant(row[15]),
    eventCount: Number(row[20]),
    generationSeq: Number(row[16]),
    paused: row[17] === 1,
    parent: typeof row[6] === "string" ? { runId: row[6], id: String(row[7]) } : undefined,
    forkedFrom: typeof row[8] === "string" ? { runId: row[8], seq: Number(row[9]) } : undefined,
    blocked: damage === undefined ? blockedOf(row[19]) : { _tag: "HistoryDamaged", runId, seq: 0, detail: damage }
  }
}

/** Whatever it says: `damageOf` names one that is none. */
export const decodeStatus = (cell: Cell | undefined): Run.Status => cell as Run.Status

const LEVELS: ReadonlyArray<LogLine.Level> = ["trace", "debug", "info", "warn", "error", "fatal"]

export const decodeLevel = (cell: Cell | undefined): LogLine.Level => LEVELS.find((level) => level === cell) ?? "info"

/** The version with which the run was started; `RunSummary.version` is the one whose code it runs now. */
export const startedVersion = (row: Row): string => String(row[2])

const blockedOf = (cell: Cell | undefined): Json.Json | undefined =>
  typeof cell === "string" ? decodeJson(cell) : undefined
