/** Checks a whole store, and names everything that is wrong with it. */
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { Errors } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Awaited from "./Awaited.js"
import * as Clients from "./Clients.js"
import * as Failure from "./Failure.js"
import * as Fold from "./Fold.js"
import * as Inbox from "./Inbox.js"
import * as Rows from "./Rows.js"
import * as Store from "./Store.js"

/** Something that is wrong, with the run and the event where it is, when it is in one. */
export interface Problem {
  readonly runId: string | undefined
  readonly seq: number | undefined
  readonly detail: string
}

export interface Verified {
  readonly runs: number
  readonly events: number
  readonly problems: ReadonlyArray<Problem>
}

const SLICE_COUNT = 500

/**
 * Checks the pages of the file, and of every run its row, its history (checksums, numbers, and that it folds), its
 * mail, and that its columns and its links are what its history says. Reads on a connection of its own, one run at a time, each as
 * of one moment, beside whoever has the store open. The check of the pages holds the process up for about a second for each gigabyte.
 */
export const verify: Effect.Effect<Verified, Errors.LogError, Store.Reader> = Effect.scoped(
  Effect.gen(function*() {
    const { filename } = yield* Store.Reader
    const { connection } = yield* Clients.reader(filename)
    const problems: Array<Problem> = [...yield* pages(connection), ...yield* orphans(connection)]
    let runs = 0
    let events = 0
    for (let after = 0;;) {
      const rows = yield* Fold.page(connection, after, SLICE_COUNT)
      for (const row of rows) {
        const found = yield* verifyRun(connection, Rows.numberOf(row))
        runs += 1
        events += found.events
        problems.push(...found.problems)
      }
      const last = rows[rows.length - 1]
      if (last === undefined || rows.length < SLICE_COUNT) return { runs, events, problems }
      after = Rows.numberOf(last)
    }
  })
).pipe(
  Effect.mapError((error) => new Errors.LogError({ operation: "verify the store", cause: Failure.reasonOf(error) }))
)

const problem = (detail: string, runId?: string, seq?: number): Problem => ({ runId, seq, detail })

const pages = (connection: Connection) =>
  Effect.map(Rows.select(connection, "PRAGMA integrity_check"), (rows) =>
    rows.filter(([text]) => text !== "ok").map(([text]) => problem(String(text))))

const ORPHANS = [
  // Run number 0 is none: retention keeps a place with it.
  ["events", "SELECT DISTINCT run FROM events WHERE run<>0 AND run NOT IN (SELECT run FROM runs)"],
  ["links", `SELECT run FROM (SELECT run FROM links UNION SELECT watcher FROM links)
    WHERE run NOT IN (SELECT run FROM runs)`],
  ["log lines", "SELECT DISTINCT run FROM run_logs WHERE run NOT IN (SELECT run FROM runs)"]
] as const

const orphans = (connection: Connection) =>
  Effect.map(
    Effect.forEach(ORPHANS, ([what, sql]) =>
      Effect.map(Rows.select(connection, sql), (rows) =>
        rows.map(([run]) => problem(`there are ${what} of run number ${run}, which does not exist`)))),
    (found) => found.flat()
  )

interface RunVerified {
  readonly events: number
  readonly problems: ReadonlyArray<Problem>
}

/** In one read transaction: the row and the history of a live run change together. */
const verifyRun = (connection: Connection, run: number): Effect.Effect<RunVerified, SqlError> =>
  Effect.acquireUseRelease(
    connection.executeRaw("BEGIN", []),
    () => checkRun(connection, run),
    () => Effect.ignore(connection.executeRaw("COMMIT", []))
  )

const checkRun = (connection: Connection, run: number) =>
  Effect.gen(function*() {
    const [row] = yield* Rows.select(connection, `${Rows.SUMMARY} WHERE r.run=?`, [run])
    // Retention may have come in between.
    if (row === undefined) return { events: 0, problems: [] }
    const problems: Array<Problem> = []
    const note = (error: Errors.HistoryDamaged) =>
      Effect.sync(() => void problems.push(problem(error.detail, error.runId, error.seq)))
    const events = yield* Fold.fold(connection, row).pipe(
      Effect.tap((folded) => Effect.map(compare(connection, folded), (found) => problems.push(...found))),
      Effect.map((folded) => folded.state.seq),
      Effect.catchTag("HistoryDamaged", (error) => Effect.as(note(error), 0))
    )
    yield* Inbox.read(connection, String(row[0])).pipe(Effect.catchTag("HistoryDamaged", note))
    return { events, problems }
  })

const NAMES = [
  "status", "started_at", "closed_at", "wake_at", "busy", "generation_seq", "paused", "current_version"
]

const compare = (connection: Connection, folded: Fold.Folded) =>
  Effect.gen(function*() {
    const wanted = yield* Fold.columns(connection, folded)
    const found = yield* Fold.stored(connection, folded.run)
    const columns = NAMES.flatMap((name, index) =>
      found[index] === wanted[index] ? [] : [`column ${name} is ${found[index]}, its history says ${wanted[index]}`]
    )
    const details = [...columns, ...origin(folded), ...yield* links(connection, folded)]
    return details.map((detail) => problem(detail, folded.summary.runId))
  })

/** Who asked for it, and from which run it was forked: the row and the history must agree. */
const origin = ({ forked, state: { started }, summary }: Fold.Folded): ReadonlyArray<string> => {
  if (started === undefined) return []
  const { forkedFrom, parent } = summary
  const isOwn = parent?.runId === started.parent?.runId && parent?.id === started.parent?.id
  // A fork that has taken over nothing has no event that says so.
  const isFork = forked === undefined || (forkedFrom?.runId === forked.runId && forkedFrom.seq === forked.seq)
  return [
    ...(isOwn ? [] : ["its row and its history name different parents"]),
    ...(isFork ? [] : ["its row and its history name different runs from which it was forked"])
  ]
}

const links = (connection: Connection, folded: Fold.Folded) =>
  Effect.map(Awaited.difference(connection, folded), ({ lost, missing, surplus, untold }) => [
    ...missing.map(({ id }) => `it awaits a run by command ${id}, and the table of links does not say so`),
    ...surplus.map(({ id }) => `the table of links says that it awaits a run by command ${id}, its history does not`),
    ...untold.map(({ messageId }) => `it was not told ${messageId}`),
    ...lost.map((id) => `the run that it awaits by command ${id} is not in this store, or is not its child`)
  ])
