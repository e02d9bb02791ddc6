/** A run of the store, folded from its history, and what its columns ought to be. */
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { Errors, type Event, type Log, Run } from "@reprise/core/engine"
import { Effect } from "effect"
import * as History from "./History.js"
import * as Rows from "./Rows.js"

const PAGE_COUNT = 10_000

export interface Folded {
  readonly summary: Log.RunSummary
  /** With which the run was started. */
  readonly version: string
  readonly run: number
  readonly state: Run.RunState
  /** The last fork in its history: that of the run itself. */
  readonly forked: Event.Of<"RunForked"> | undefined
}

/** Runs in order of creation, after the one with the number `after`. */
export const page = (connection: Connection, after: number, limit: number) =>
  Rows.select(connection, `${Rows.SUMMARY} WHERE r.run>? ORDER BY r.run LIMIT ?`, [after, limit])

/** Reads and folds one run, showing `each` page; damaged when a checksum, a number or the fold says so. */
export const fold = (
  connection: Connection,
  row: Rows.Row,
  each?: (events: ReadonlyArray<Event.Event>) => void
): Effect.Effect<Folded, SqlError | Errors.HistoryDamaged> =>
  Effect.gen(function*() {
    const summary = Rows.decodeSummary(row)
    const version = Rows.startedVersion(row)
    const state = Run.pending(summary.runId, summary.workflow, version)
    let forked: Event.Of<"RunForked"> | undefined
    while (true) {
      const recorded = yield* History.read(connection, summary.runId, state.seq, PAGE_COUNT)
      const events = recorded.map((one) => one.event)
      yield* evolveAll(state, events)
      each?.(events)
      forked = events.findLast((event) => event._tag === "RunForked") ?? forked
      if (events.length < PAGE_COUNT) return { summary, version, run: Rows.numberOf(row), state, forked }
    }
  })

/** Adds events to a fold; an event that cannot stand where it stands is damage. */
export const evolveAll = (state: Run.RunState, events: ReadonlyArray<Event.Event>) => {
  let { seq } = state
  return Effect.try({
    try: () => {
      for (const event of events) {
        seq += 1
        Run.evolve(state, event)
      }
    },
    catch: (cause) => {
      const detail = cause instanceof Error ? cause.message : String(cause)
      return new Errors.HistoryDamaged({ runId: state.runId, seq, detail })
    }
  })
}

/** The columns that follow from the history and the polls. A run without events waits for its start. */
export const columns = (connection: Connection, { run, state, summary, version }: Folded) =>
  Effect.gen(function*() {
    if (state.seq === 0) return Rows.pendingProjection({ ...summary, version })
    const rows = yield* Rows.select(connection, "SELECT id,count,next_at FROM polls WHERE run=?", [run])
    const polls = new Map(rows.map((row) => [String(row[0]), { count: Number(row[1]), nextAt: Number(row[2]) }]))
    return Rows.projection(Run.row(state, polls))
  })

const STORED = `SELECT status,started_at,closed_at,wake_at,busy,generation_seq,paused,coalesce(current_version,version)
  FROM runs WHERE run=?`

/** The columns as they stand. */
export const stored = (connection: Connection, run: number) =>
  Effect.map(Rows.select(connection, STORED, [run]), ([row]) => row ?? [])

export const same = (a: Rows.Row, b: Rows.Row): boolean => a.every((cell, index) => cell === b[index])
