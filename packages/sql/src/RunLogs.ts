/** The RunLogs port on SQLite (ports/RunLogs.ts). A batch of lines shares its transaction with whatever else is committed. */
import type { SqlError } from "@effect/sql/SqlError"
import { type Json, LogLine, type RunLogs } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Committer from "./Committer.js"
import * as Rows from "./Rows.js"
import * as Store from "./Store.js"
import * as Transaction from "./Transaction.js"

type Listener = Parameters<RunLogs.RunLogsShape["watch"]>[0]

export const make = (store: Store.StoreShape): RunLogs.RunLogsShape => {
  const listeners = new Set<Listener>()
  return {
    write: (lines, bounds) => write(store, listeners, lines, bounds),
    read: (runId, page) => read(Store.readerOf(store), runId, page),
    watch: (listener) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => {
          // Wrapped, so that a listener that is registered twice is called twice and leaves twice.
          const entry: Listener = (runIds) => listener(runIds)
          listeners.add(entry)
          return entry
        }),
        (entry) => Effect.sync(() => listeners.delete(entry))
      ))
  }
}

export const onlyRead = (reader: Store.ReaderShape): RunLogs.RunLogsShape => ({
  write: () => Store.refused(reader, "write log lines"),
  read: (runId, page) => read(reader, runId, page),
  watch: () => Effect.void
})

/** Whoever is interrupted meanwhile has written all the same, and listeners hear of it. */
const write = (
  { committer }: Store.StoreShape,
  listeners: ReadonlySet<Listener>,
  lines: ReadonlyArray<LogLine.Line>,
  bounds: LogLine.Bounds | undefined
) =>
  Effect.suspend(() => {
    const texts = lines.map(({ fields }) => (fields === undefined ? null : JSON.stringify(fields)))
    return Committer.submit(committer, { name: "write log lines", apply: (tx) => insert(tx, lines, texts, bounds) })
  }).pipe(
    Effect.map((runIds) => {
      if (runIds.size > 0) for (const listener of listeners) listener(runIds)
    }),
    Effect.uninterruptible
  )

const INSERT = Transaction.rowed(10, (values) =>
  `INSERT INTO run_logs(run,step_id,step_name,attempt,at,level,text,fields,line,bytes) ${values}`)

/** Answers the runs that have got lines. */
const insert = (
  tx: Transaction.Transaction,
  lines: ReadonlyArray<LogLine.Line>,
  texts: ReadonlyArray<string | null>,
  bounds: LogLine.Bounds | undefined
) =>
  Effect.gen(function*() {
    const tallies = new Map<string, LogLine.Tally>()
    const runIds = new Set<string>()
    const cells: Array<Rows.Cell> = []
    for (const [index, line] of lines.entries()) {
      const known = yield* Transaction.find(tx, line.runId)
      if (known === undefined) continue
      const key = LogLine.tallyKey(line)
      const tally = tallies.get(key) ?? (yield* tallyOf(tx, known.run, line))
      tallies.set(key, tally)
      const kept = LogLine.admit(tally, line, bounds)
      if (kept === undefined) continue
      runIds.add(line.runId)
      cells.push(known.run, ...cellsOf(kept), kept === line ? texts[index] ?? null : null, kept === line ? tally.lines : 0, tally.bytes)
    }
    yield* Transaction.writeRows(tx, INSERT, cells)
    return runIds
  })

const cellsOf = ({ at, attempt, level, stepId, stepName, text }: LogLine.Line): ReadonlyArray<Rows.Cell> =>
  [stepId ?? "", stepName ?? null, attempt ?? 0, at, level, text]

const LAST = "SELECT line,bytes FROM run_logs WHERE run=? AND step_id=? AND attempt=? ORDER BY position DESC LIMIT 1"

const tallyOf = (tx: Transaction.Transaction, run: number, { attempt, stepId }: LogLine.Line): Effect.Effect<LogLine.Tally, SqlError> =>
  Effect.map(Transaction.rows(tx, LAST, [run, stepId ?? "", attempt ?? 0]), ([last]) =>
    last === undefined ? LogLine.emptyTally() : { lines: Number(last[0]), bytes: Number(last[1]), full: last[0] === 0 })

const read = (reader: Store.ReaderShape, runId: string, page: Parameters<RunLogs.RunLogsShape["read"]>[1]) =>
  Store.reading(reader, "read log lines", select(reader, runId, page))

const select = (
  { connection }: Store.ReaderShape,
  runId: string,
  { after, attempt, limit, stepId }: Parameters<RunLogs.RunLogsShape["read"]>[1]
) => {
  const conditions = [
    "run=(SELECT run FROM runs WHERE run_id=?)",
    "position>?",
    ...(stepId === undefined ? [] : ["step_id=?"]),
    ...(attempt === undefined ? [] : ["attempt=?"])
  ]
  const cells = [runId, after, ...(stepId === undefined ? [] : [stepId]), ...(attempt === undefined ? [] : [attempt]), limit]
  const sql = `SELECT position,step_id,step_name,attempt,at,level,text,fields FROM run_logs
    WHERE ${conditions.join(" AND ")} ORDER BY position LIMIT ?`
  return Effect.map(Rows.select(connection, sql, cells), (rows) => rows.map((row) => decode(runId, row)))
}

const decode = (runId: string, [position, stepId, stepName, attempt, at, level, text, fields]: Rows.Row): RunLogs.Kept => ({
  position: Number(position),
  runId,
  stepId: stepId === "" ? undefined : String(stepId),
  stepName: typeof stepName === "string" ? stepName : undefined,
  attempt: stepId === "" ? undefined : Number(attempt),
  at: Number(at),
  level: Rows.decodeLevel(level),
  text: String(text),
  fields: typeof fields === "string" ? fieldsOf(Rows.decodeJson(fields)) : undefined
})

const fieldsOf = (json: Json.Json): LogLine.Line["fields"] =>
  typeof json === "object" && json !== null && !isArray(json) ? json : undefined

const isArray = (json: Json.Json): json is ReadonlyArray<Json.Json> => Array.isArray(json)
