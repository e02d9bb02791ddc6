/** `Log.inbox`: what waits for a run, with its notes, in one statement so that both show the same moment. */
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { Errors, type Json, type Log, type Message } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Rows from "./Rows.js"

const ALL = `WITH one(run) AS (SELECT run FROM runs WHERE run_id=?)
  SELECT 'message',position,message_id,tag,data,sum FROM one JOIN inbox USING (run) WHERE delivered=0
  UNION ALL SELECT 'refused',0,message_id,'Refused',error,sum FROM one JOIN inbox USING (run) WHERE error IS NOT NULL
  UNION ALL SELECT 'progress',0,id,NULL,details,NULL FROM one JOIN progress USING (run)
  UNION ALL SELECT 'poll',0,id,NULL,count,next_at FROM one JOIN polls USING (run)
  ORDER BY 2`

export interface Inbox {
  readonly messages: ReadonlyArray<Message.Message>
  readonly notes: Log.RunNotes
}

export const read = (
  connection: Connection,
  runId: string
): Effect.Effect<Inbox, SqlError | Errors.HistoryDamaged> =>
  Effect.flatMap(
    Rows.select(connection, ALL, [runId]),
    (rows) =>
      Effect.try({
        try: () => collect(runId, rows),
        catch: (cause) => new Errors.HistoryDamaged({ runId, seq: 0, detail: `its inbox: ${String(cause)}` })
      })
  )

const collect = (runId: string, rows: ReadonlyArray<Rows.Row>): Inbox => {
  const messages: Array<Message.Message> = []
  const progress = new Map<string, Json.Json>()
  const polls = new Map<string, { readonly count: number; readonly nextAt: number }>()
  const refused = new Map<string, Json.Json>()
  for (const row of rows) {
    const id = String(row[2])
    switch (row[0]) {
      case "message":
        messages.push(Rows.decodeMessage(String(row[3]), id, checked(runId, row)))
        break
      case "refused":
        refused.set(id, Rows.decodeJson(checked(runId, row)))
        break
      case "progress":
        progress.set(id, Rows.decodeJson(String(row[4])))
        break
      default:
        polls.set(id, { count: Number(row[4]), nextAt: Number(row[5]) })
    }
  }
  return { messages, notes: { progress, polls, refused } }
}

/** The text of a message, or of its refusal, when it is what was written. */
const checked = (runId: string, row: Rows.Row): string => {
  const data = String(row[4])
  if (Rows.sumOfMessage(runId, String(row[2]), String(row[3]), data) === row[5]) return data
  throw new Error(`message ${row[2]} does not match its checksum`)
}
