/** `Log.note`: working data beside the history. A note for a run that is closed or unknown is dropped. */
import type { SqlError } from "@effect/sql/SqlError"
import type { Log } from "@reprise/core/engine"
import { Effect } from "effect"
import type * as Committer from "./Committer.js"
import type * as Known from "./Known.js"
import * as Rows from "./Rows.js"
import * as Transaction from "./Transaction.js"

export const submission = (notes: ReadonlyArray<Log.Note>): Committer.Submission<void, SqlError> => {
  const texts = notes.map(textOf)
  return {
    name: "note",
    apply: (tx) =>
      Effect.zipRight(
        // A note sets columns of its run: those that an append before it has set must not come after.
        Transaction.writeCollected(tx),
        Effect.forEach(notes, (note, index) => apply(tx, note, texts[index] ?? null), { discard: true })
      )
  }
}

/** The JSON of a note, made before it enters the queue. */
const textOf = (note: Log.Note): string | null => {
  switch (note._tag) {
    case "Progress":
      return JSON.stringify(note.details)
    case "Poll":
      return null
    case "Blocked":
      return note.reason === undefined ? null : JSON.stringify(note.reason)
    case "Refused":
      return JSON.stringify(note.error)
  }
}

const apply = (tx: Transaction.Transaction, note: Log.Note, text: string | null): Effect.Effect<void, SqlError> =>
  Effect.flatMap(
    Transaction.find(tx, note.runId),
    (known) => {
      if (known === undefined || known.closed) return Effect.void
      known.plain = false
      return write(tx, known, note, text)
    }
  )

const PROGRESS = `INSERT INTO progress(run,id,details) VALUES (?,?,?)
  ON CONFLICT(run,id) DO UPDATE SET details=excluded.details`
const POLL = `INSERT INTO polls(run,id,count,next_at) VALUES (?,?,?,?)
  ON CONFLICT(run,id) DO UPDATE SET count=excluded.count,next_at=excluded.next_at`
const REFUSE = `UPDATE inbox SET delivered=1,data=NULL,error=?,sum=? WHERE run=? AND message_id=? AND delivered=0`

const write = (tx: Transaction.Transaction, known: Known.Known, note: Log.Note, text: string | null) =>
  Effect.gen(function*() {
    switch (note._tag) {
      case "Progress":
        return void (yield* Transaction.write(tx, PROGRESS, [known.run, note.id, text]))
      case "Poll":
        yield* Transaction.write(tx, POLL, [known.run, note.id, note.count, note.nextAt])
        // Nothing is due of a paused run; its sensors may have been polled shortly before.
        return void (yield* Transaction.write(tx, "UPDATE runs SET wake_at=? WHERE run=? AND paused=0", [
          Rows.orNull(note.wakeAt),
          known.run
        ]))
      case "Blocked":
        return void (yield* Transaction.write(tx, "UPDATE runs SET blocked=? WHERE run=?", [text, known.run]))
      case "Refused":
        return yield* refuse(tx, known, note, text ?? "null")
    }
  })

const refuse = (
  tx: Transaction.Transaction,
  known: Known.Known,
  note: Extract<Log.Note, { readonly _tag: "Refused" }>,
  text: string
) =>
  Effect.gen(function*() {
    const { error, messageId, runId } = note
    const sum = Rows.sumOfMessage(runId, messageId, "Refused", text)
    const written = yield* Transaction.write(tx, REFUSE, [text, sum, known.run, messageId])
    if (written.changes > 0) tx.changes.push({ _tag: "Refused", runId, messageId, error })
  })
