/** Messages on their way into inboxes: what anybody sends, and what the store itself has to say. */
import type { SqlError } from "@effect/sql/SqlError"
import { Errors, type Message } from "@reprise/core/engine"
import { Effect } from "effect"
import type * as Known from "./Known.js"
import * as Rows from "./Rows.js"
import * as Transaction from "./Transaction.js"

const PUT = Transaction.rowed(7, (values) =>
  `INSERT INTO inbox(run,message_id,tag,data,sent_at,sum,delivered) ${values} ON CONFLICT DO NOTHING`
)

/** Who gets a message. */
export interface Receiver {
  readonly run: number
  readonly runId: string
}

/** One row of the inbox. */
export const letter = (
  { run, runId }: Receiver,
  message: Message.Message,
  now: number,
  data = Rows.encodeMessage(message)
): ReadonlyArray<Rows.Cell> => {
  const { _tag, messageId } = message
  return [run, messageId, _tag, data, now, Rows.sumOfMessage(runId, messageId, _tag, data), 0]
}

/** Writes letters, cell after cell; one whose id its receiver has seen is dropped. */
export const post = (tx: Transaction.Transaction, letters: ReadonlyArray<Rows.Cell>): Effect.Effect<void, SqlError> =>
  Transaction.writeRows(tx, PUT, letters)

/** Puts a message into the inbox of a run; false when one with its id is there already. */
export const put = (
  tx: Transaction.Transaction,
  known: Known.Known,
  message: Message.Message,
  data: string,
  now: number
): Effect.Effect<boolean, SqlError> => {
  known.plain = false
  return Effect.map(
    Transaction.write(tx, PUT.texts[0] ?? "", letter(known, message, now, data)),
    (written) => written.changes > 0
  )
}

export type Answer = "Sent" | "Duplicate" | Errors.RunNotFound | Errors.RunClosed

/** Sends a message to a run that may be closed, or not exist. That is a value here: others share the transaction. */
export const send = (
  tx: Transaction.Transaction,
  runId: string,
  message: Message.Message,
  data: string,
  now: number
): Effect.Effect<Answer, SqlError> =>
  Effect.flatMap(Transaction.find(tx, runId), (known): Effect.Effect<Answer, SqlError> => {
    if (known === undefined) return Effect.succeed(new Errors.RunNotFound({ runId }))
    if (known.closed) return afterClose(tx, known, message.messageId)
    return Effect.map(put(tx, known, message, data, now), (sent) => {
      if (!sent) return "Duplicate"
      tx.changes.push({ _tag: "Mail", runId })
      return "Sent"
    })
  })

/** A message that was accepted before the run closed is still a duplicate: its sender may ask again. */
const afterClose = (tx: Transaction.Transaction, known: Known.Known, messageId: string) =>
  Effect.gen(function*() {
    const seen = yield* Transaction.rows(tx, "SELECT 1 FROM inbox WHERE run=? AND message_id=?", [known.run, messageId])
    if (seen.length > 0) return "Duplicate" as const
    // A run that this transaction has closed may have its columns in hand still.
    yield* Transaction.writeCollected(tx)
    const [row] = yield* Transaction.rows(tx, "SELECT status FROM runs WHERE run=?", [known.run])
    return new Errors.RunClosed({ runId: known.runId, status: String(row?.[0]) })
  })
