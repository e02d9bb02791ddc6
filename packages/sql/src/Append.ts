/**
 * `Log.append` (ports/Log.ts, L1–L3, L7, L8). Every check of an append comes before its first write, so that an answer other
 * than `Committed` leaves nothing behind in the shared transaction.
 */
import type { SqlError } from "@effect/sql/SqlError"
import { Event, type Log } from "@reprise/core/engine"
import { Effect } from "effect"
import type * as Committer from "./Committer.js"
import * as Create from "./Create.js"
import * as Known from "./Known.js"
import * as Links from "./Links.js"
import * as Mail from "./Mail.js"
import * as Outgoing from "./Outgoing.js"
import * as Rows from "./Rows.js"
import * as Transaction from "./Transaction.js"

/** An append with its events encoded, before it enters the queue: a value that is not JSON fails its writer alone. */
export interface Prepared {
  readonly append: Log.Append
  readonly encoded: ReadonlyArray<Rows.Encoded>
  readonly startData: string
  readonly closing: Event.Closing | undefined
  readonly outgoing: Outgoing.ByGeneration
}

export const prepare = (append: Log.Append): Prepared => {
  const last = append.events[append.events.length - 1]
  const closing = last !== undefined && Event.isClosing(last) ? last : undefined
  if (closing !== undefined && append.row?.closedAt === undefined) {
    throw new TypeError(`${closing._tag} of run ${append.runId} without the columns of a closed run`)
  }
  return {
    append,
    encoded: append.events.map(Rows.encodeEvent),
    startData: append.start === undefined ? "" : Rows.encodeMessage(append.start.message),
    closing,
    outgoing: Outgoing.prepare(append)
  }
}

const COMMITTED: Log.Appended = { _tag: "Committed" }
const STALE: Log.Appended = { _tag: "Stale" }
const FENCED: Log.Appended = { _tag: "Stale", fenced: true }
const MAIL_PENDING: Log.Appended = { _tag: "MailPending" }

export const submission = (
  prepared: ReadonlyArray<Prepared>,
  now: number
): Committer.Submission<ReadonlyArray<Log.Appended>, SqlError> => ({
  name: "append",
  apply: (tx) => applyAll(tx, prepared, now),
  alone: (tx) => {
    const [only] = prepared
    return only !== undefined && prepared.length === 1 ? alone(tx, only) : undefined
  }
})

const applyAll = (tx: Transaction.Transaction, all: ReadonlyArray<Prepared>, now: number) =>
  applyFrom(tx, all, now, [])

/** Goes on as far as it can without the store: a fiber step for each append would cost more than the append. */
const applyFrom = (
  tx: Transaction.Transaction,
  all: ReadonlyArray<Prepared>,
  now: number,
  answers: Array<Log.Appended>
): Effect.Effect<ReadonlyArray<Log.Appended>, SqlError> => {
  for (let next = all[answers.length]; next !== undefined; next = all[answers.length]) {
    const answer = plain(tx, next)
    if (answer === undefined) {
      return Effect.flatMap(apply(tx, next, now), (slow) => {
        answers.push(slow)
        return applyFrom(tx, all, now, answers)
      })
    }
    answers.push(answer)
  }
  return Effect.succeed(answers)
}

/** The common case, without any statement of its own: events and columns for a run whose end is known. */
const plain = (tx: Transaction.Transaction, prepared: Prepared): Log.Appended | undefined => {
  const { append, closing } = prepared
  if (!isPlain(prepared)) return undefined
  const known = Transaction.recall(tx, append.runId)
  if (known === undefined || (closing !== undefined && !known.plain)) return undefined
  if (endsGeneration(prepared) && (known.awaiting || !known.plain)) return undefined
  const stale = staleness(tx, append, known)
  if (stale !== undefined) return stale
  Transaction.collect(tx, known, prepared.encoded)
  if (append.row !== undefined) tx.projections.set(known.run, Rows.projection(append.row))
  Transaction.tellAppended(tx, known, append.events)
  if (closing !== undefined) forget(tx, known, closing)
  return COMMITTED
}

const isPlain = ({ append }: Prepared): boolean =>
  append.start === undefined && append.delivered.length === 0 && append.outgoing.length === 0

const endsGeneration = ({ outgoing }: Prepared): boolean => outgoing.length > 1

const forget = (tx: Transaction.Transaction, known: Known.Known, closing: Event.Closing): void => {
  known.closed = true
  Known.drop(tx.cache, known.runId)
  tx.changes.push({ _tag: "Closed", runId: known.runId, event: closing })
}

/** One INSERT that is its own transaction: a lone append then costs one commit and little else. */
const alone = (tx: Transaction.Transaction, prepared: Prepared) => {
  const { append } = prepared
  const known = Known.get(tx.cache, append.runId)
  const count = append.events.length
  if (known === undefined || count === 0 || count > Transaction.CHUNK) return undefined
  if (append.row !== undefined || !isPlain(prepared) || prepared.closing !== undefined) return undefined
  if (endsGeneration(prepared)) return undefined
  tx.touched.set(append.runId, known)
  const stale = staleness(tx, append, known)
  if (stale !== undefined) return Effect.succeed([stale])
  Transaction.collect(tx, known, prepared.encoded)
  return Effect.map(Transaction.writeAlone(tx, append.epoch), (written) => {
    if (!written) {
      Known.drop(tx.cache, append.runId)
      return [FENCED]
    }
    Transaction.tellAppended(tx, known, append.events)
    return [COMMITTED]
  })
}

/** L2. */
const staleness = (tx: Transaction.Transaction, append: Log.Append, known: Known.Known): Log.Appended | undefined => {
  if (append.epoch !== tx.epoch) return FENCED
  return known.closed || known.seq !== append.expectedSeq ? STALE : undefined
}

/** Applies one append with all its checks. */
export const apply = (
  tx: Transaction.Transaction,
  prepared: Prepared,
  now: number
): Effect.Effect<Log.Appended, SqlError> => {
  const { append } = prepared
  return append.start === undefined
    ? Effect.flatMap(
      Transaction.find(tx, append.runId),
      (known) => known === undefined ? Effect.succeed(STALE) : toRun(tx, prepared, known, now)
    )
    : start(tx, prepared, append.start, now)
}

const toRun = (tx: Transaction.Transaction, prepared: Prepared, known: Known.Known, now: number) =>
  Effect.gen(function*() {
    const { append, closing } = prepared
    const stale = staleness(tx, append, known)
    if (stale !== undefined) return stale
    if (closing !== undefined && (yield* mailPending(tx, append, known))) return MAIL_PENDING
    Transaction.collect(tx, known, prepared.encoded)
    if (append.delivered.length > 0) yield* deliver(tx, append, known)
    if (append.row !== undefined) tx.projections.set(known.run, Rows.projection(append.row))
    Transaction.tellAppended(tx, known, append.events)
    yield* follow(tx, prepared, known, now)
    return COMMITTED
  })

/** What the events bring about in other runs, generation by generation, and the end of the run. */
const follow = (tx: Transaction.Transaction, { closing, outgoing }: Prepared, known: Known.Known, now: number) =>
  Effect.gen(function*() {
    if (closing !== undefined) {
      known.closed = true
      // What follows in this transaction may start a run with the key that is free now.
      yield* Transaction.writeCollected(tx)
    }
    for (const [index, requests] of outgoing.entries()) {
      if (requests.length > 0) yield* Outgoing.apply(tx, known, requests, now)
      if (index === outgoing.length - 1) break
      yield* dropNotes(tx, known)
      yield* Links.endChildren(tx, known, now)
    }
    if (closing !== undefined) yield* close(tx, known, closing, now)
  })

const DELIVER = "UPDATE inbox SET delivered=1,data=NULL WHERE run=? AND message_id=?"

const deliver = (tx: Transaction.Transaction, append: Log.Append, known: Known.Known) =>
  Effect.forEach(append.delivered, (messageId) => Transaction.write(tx, DELIVER, [known.run, messageId]), {
    discard: true
  })

/** L3. */
const mailPending = (tx: Transaction.Transaction, append: Log.Append, known: Known.Known) =>
  Effect.map(
    Transaction.rows(tx, "SELECT message_id FROM inbox WHERE run=? AND delivered=0", [known.run]),
    (waiting) => {
      const delivered = new Set(append.delivered)
      return waiting.some(([messageId]) => !delivered.has(String(messageId)))
    }
  )

/** What was noted of steps that are nobody's any more. */
const dropNotes = (tx: Transaction.Transaction, known: Known.Known) =>
  Effect.zipRight(
    Transaction.write(tx, "DELETE FROM progress WHERE run=?", [known.run]),
    Transaction.write(tx, "DELETE FROM polls WHERE run=?", [known.run])
  )

/** A closed run keeps its history and its inbox's ids; its working data goes. */
const close = (tx: Transaction.Transaction, known: Known.Known, closing: Event.Closing, now: number) =>
  Effect.gen(function*() {
    yield* dropNotes(tx, known)
    yield* Transaction.write(tx, "UPDATE runs SET blocked=NULL WHERE run=? AND blocked IS NOT NULL", [known.run])
    yield* Links.endChildren(tx, known, now)
    yield* Links.tellWatchers(tx, known, closing, now)
    forget(tx, known, closing)
  })

const start = (tx: Transaction.Transaction, prepared: Prepared, request: Log.StartRequest, now: number) =>
  Effect.gen(function*() {
    const { append } = prepared
    if (append.epoch !== tx.epoch) return FENCED
    if (append.expectedSeq !== 0) return STALE
    // Without events the run is pending, and due at its start.
    const pending = append.row === undefined || append.events.length === 0
    const projection = pending ? Rows.pendingProjection(request) : Rows.projection(append.row)
    const known = yield* Create.create(tx, request, projection)
    if (known === undefined) return yield* Create.existing(tx, request)
    Transaction.collect(tx, known, prepared.encoded)
    if (append.events.length === 0) yield* Mail.put(tx, known, request.message, prepared.startData, now)
    Transaction.tellAppended(tx, known, append.events)
    yield* follow(tx, prepared, known, now)
    return COMMITTED
  })
