/** `Log.send`: anyone may put a message into an open run's inbox; it is acknowledged once it is committed. */
import type { SqlError } from "@effect/sql/SqlError"
import type { Message } from "@reprise/core/engine"
import type * as Committer from "./Committer.js"
import * as Mail from "./Mail.js"
import * as Rows from "./Rows.js"

export const submission = (
  runId: string,
  message: Message.Message,
  now: number
): Committer.Submission<Mail.Answer, SqlError> => {
  const data = Rows.encodeMessage(message)
  return { name: "send", apply: (tx) => Mail.send(tx, runId, message, data, now) }
}
