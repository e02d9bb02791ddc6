/** `Log.send`: anyone may put a message into an open run's inbox; it is acknowledged once it is committed. */
import type { SqlError } from "@effect/sql/SqlError"
import { Errors, type Message } from "@reprise/core/engine"
import { Effect } from "effect"
import { putMessage } from "./Append.js"
import type * as Committer from "./Committer.js"
import type * as Known from "./Known.js"
import * as Rows from "./Rows.js"
import * as Transaction from "./Transaction.js"

type Refused = Errors.RunNotFound | Errors.RunClosed
type Answer = "Sent" | "Duplicate" | Refused

/** The answer may be an error of this message alone, so it is a value here: others share the transaction. */
export const submission = (
  runId: string,
  message: Message.Message,
  now: number
): Committer.Submission<Answer, SqlError> => {
  const data = Rows.encodeMessage(message)
  return {
    name: "send",
    apply: (tx): Effect.Effect<Answer, SqlError> =>
      Effect.flatMap(Transaction.find(tx, runId), (known): Effect.Effect<Answer, SqlError> => {
        if (known === undefined) return Effect.succeed(new Errors.RunNotFound({ runId }))
        if (known.closed) return afterClose(tx, known, message.messageId)
        return Effect.map(putMessage(tx, known, message.messageId, message._tag, data, now), (sent) => {
          if (!sent) return "Duplicate"
          tx.changes.push({ _tag: "Mail", runId })
          return "Sent"
        })
      })
  }
}

/** A message that was accepted before the run closed is still a duplicate: its sender may ask again. */
const afterClose = (tx: Transaction.Transaction, known: Known.Known, messageId: string) =>
  Effect.gen(function*() {
    const seen = yield* Transaction.rows(tx, "SELECT 1 FROM inbox WHERE run=? AND message_id=?", [known.run, messageId])
    if (seen.length > 0) return "Duplicate" as const
    const [row] = yield* Transaction.rows(tx, "SELECT status FROM runs WHERE run=?", [known.run])
    return new Errors.RunClosed({ runId: known.runId, status: String(row?.[0]) })
  })
