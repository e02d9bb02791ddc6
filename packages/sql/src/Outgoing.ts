/** What a run asks of other runs, applied in the transaction of its append (ports/Log.ts, L7). */
import type { SqlError } from "@effect/sql/SqlError"
import { Decide, type Event, type Log, type Message, Run } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Create from "./Create.js"
import * as History from "./History.js"
import type * as Known from "./Known.js"
import * as Links from "./Links.js"
import * as Mail from "./Mail.js"
import * as Rows from "./Rows.js"
import * as Transaction from "./Transaction.js"

type StartChild = Extract<Log.Outgoing, { readonly _tag: "StartChild" }>
type Send = Extract<Log.Outgoing, { readonly _tag: "Send" }>

/** With the JSON of its message, made before the append enters the queue. */
export interface Prepared {
  readonly outgoing: Log.Outgoing
  readonly data: string
}

/** What each generation asks for. All but the last have ended with the append. */
export type ByGeneration = ReadonlyArray<ReadonlyArray<Prepared>>

const NOTHING: ByGeneration = [[]]

export const prepare = ({ events, outgoing }: Log.Append): ByGeneration => {
  const endedCount = events.reduce((count, event) => (event._tag === "RunContinuedAsNew" ? count + 1 : count), 0)
  if (endedCount === 0 && outgoing.length === 0) return NOTHING
  const generations: ReadonlyArray<Array<Prepared>> = Array.from({ length: endedCount + 1 }, () => [])
  const asked = endedCount === 0 ? undefined : generationsOf(events)
  for (const one of outgoing) {
    const message = one._tag === "Send" ? one.message : one.start.message
    generations[asked?.get(one.id) ?? endedCount]?.push({ outgoing: one, data: Rows.encodeMessage(message) })
  }
  return generations
}

/** In which generation of an append each command asked for something. */
const generationsOf = (events: ReadonlyArray<Event.Event>): ReadonlyMap<string, number> => {
  const generations = new Map<string, number>()
  let current = 0
  for (const event of events) {
    if (event._tag === "RunContinuedAsNew") current += 1
    else if (event._tag === "ChildScheduled" || event._tag === "ChildCancelRequested" || event._tag === "SignalSent") {
      generations.set(event.id, current)
    }
  }
  return generations
}

/** What is in hand while the requests of one generation are applied. */
interface Work {
  readonly tx: Transaction.Transaction
  /** The appender; when it is closed, nobody is there to be answered. */
  readonly asker: Known.Known
  readonly now: number
  /** Rows of `inbox` and `links` to be written, cell after cell. */
  readonly letters: Array<Rows.Cell>
  readonly links: Array<Rows.Cell>
}

export const apply = (
  tx: Transaction.Transaction,
  asker: Known.Known,
  requests: ReadonlyArray<Prepared>,
  now: number
): Effect.Effect<void, SqlError> =>
  Effect.gen(function*() {
    const work: Work = { tx, asker, now, letters: [], links: [] }
    for (const { data, outgoing } of requests) {
      yield* outgoing._tag === "Send" ? send(work, outgoing, data) : startChild(work, outgoing, data)
    }
    yield* Mail.post(tx, work.letters)
    yield* Links.write(tx, work.links)
  })

const answer = ({ asker, letters, now, tx }: Work, message: Message.Message): void => {
  if (asker.closed) return
  asker.plain = false
  letters.push(...Mail.letter(asker, message, now))
  tx.changes.push({ _tag: "Mail", runId: asker.runId })
}

const startChild = (work: Work, { id, onConflict, parentClose, start }: StartChild, data: string) =>
  Effect.gen(function*() {
    const { letters, links, now, tx } = work
    const child = yield* Create.create(tx, start, Rows.pendingProjection(start))
    if (child === undefined) {
      const { by, existing } = yield* Create.existing(tx, start)
      const isUsable = onConflict === "use_existing" && existing.workflow === start.workflow
      if (isUsable && (yield* awaitExisting(work, id, existing))) return
      const { runId, status } = existing
      return answer(work, Decide.answerOfStart(id, { _tag: "Refused", by, runId, status }))
    }
    letters.push(...Mail.letter(child, start.message, now, data))
    links.push(...Links.link(child, work.asker, id, parentClose))
    answer(work, Decide.answerOfStart(id, { _tag: "Started", runId: start.runId }))
  })

/** False when the existing run is closed and its history does not say how. */
const awaitExisting = (work: Work, id: string, { eventCount, runId, status }: Log.RunSummary) =>
  Effect.gen(function*() {
    const started = Decide.answerOfStart(id, { _tag: "Started", runId, existed: true })
    if (!Run.isClosed(status)) {
      const existing = yield* Transaction.find(work.tx, runId)
      if (existing === undefined) return false
      work.links.push(...Links.link(existing, work.asker, id, null))
      answer(work, started)
      return true
    }
    const closing = yield* History.closing(work.tx.connection, runId, eventCount)
    if (closing === undefined) return false
    answer(work, started)
    answer(work, Decide.endOf(id, closing))
    return true
  })

const send = (work: Work, { answered, id, message, runId }: Send, data: string) =>
  Effect.gen(function*() {
    const { letters, now, tx } = work
    // Messages of one inbox stand in the order of the requests.
    yield* Mail.post(tx, letters.splice(0))
    const sent = yield* Mail.send(tx, runId, message, data, now)
    if (answered) answer(work, Decide.answerOfSend(id, answerOf(sent)))
  })

const answerOf = (sent: Mail.Answer): Message.Of<"SignalAnswered">["answer"] => {
  if (typeof sent === "string") return { _tag: "Delivered" }
  return sent._tag === "RunClosed" ? { _tag: "Refused", status: sent.status } : { _tag: "Refused" }
}
