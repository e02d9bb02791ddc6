/** The row of a new run, and the run that is in its place when its id or key is taken. */
import type { SqlError } from "@effect/sql/SqlError"
import type { Log } from "@reprise/core/engine"
import { Effect } from "effect"
import type * as Known from "./Known.js"
import * as Rows from "./Rows.js"
import * as Transaction from "./Transaction.js"

const CREATE = `INSERT INTO runs(run_id,workflow,version,key,created_at,start_at,parent_run_id,parent_id,forked_run_id,
  forked_seq,sum,status,started_at,closed_at,wake_at,busy,generation_seq,paused,current_version)
  VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`

/** Creates a run with the columns of `projection`; `undefined` when its id or key is taken. */
export const create = (
  tx: Transaction.Transaction,
  request: Log.StartRequest,
  projection: ReadonlyArray<Rows.Cell>
): Effect.Effect<Known.Known | undefined, SqlError> => {
  const version = projection[projection.length - 1]
  const columns = version === request.version ? [...projection.slice(0, -1), null] : projection
  return Effect.map(Transaction.write(tx, CREATE, [...Rows.identity(request), ...columns]), (written) => {
    if (written.changes === 0) return undefined
    tx.changes.push({ _tag: "Started", runId: request.runId, startAt: request.startAt })
    const run = Number(written.lastInsertRowid)
    const plain = request.key === undefined
    return Transaction.adopt(tx, { runId: request.runId, run, seq: 0, sum: 0, closed: false, plain, awaited: false, awaiting: false })
  })
}

type Exists = Extract<Log.Appended, { readonly _tag: "Exists" }>

/** Who has the id or the key of a run that could not be created. */
export const existing = (tx: Transaction.Transaction, request: Log.StartRequest): Effect.Effect<Exists, SqlError> =>
  Effect.gen(function*() {
    yield* Transaction.writeCollected(tx)
    const [byId] = yield* Transaction.rows(tx, `${Rows.SUMMARY} WHERE r.run_id=?`, [request.runId])
    if (byId !== undefined) return { _tag: "Exists", by: "id", existing: Rows.decodeSummary(byId) } as const
    const [byKey] = yield* Transaction.rows(
      tx,
      `${Rows.SUMMARY} WHERE r.workflow=? AND r.key=? AND r.closed_at IS NULL`,
      [request.workflow, Rows.orNull(request.key)]
    )
    if (byKey === undefined) return yield* Effect.dieMessage(`run ${request.runId} conflicts with no run`)
    return { _tag: "Exists", by: "key", existing: Rows.decodeSummary(byKey) } as const
  })
