/**
 * What a run awaits of other runs, as its history and its mail have it, beside what the table of links has. In a store
 * that was never mended by hand both are the same; they differ after an import, which brings one run without the others.
 */
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { Decide, type Errors, type Message, MessageId, type Run } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Fold from "./Fold.js"
import * as History from "./History.js"
import * as Inbox from "./Inbox.js"
import * as Links from "./Links.js"
import * as Mail from "./Mail.js"
import * as Rows from "./Rows.js"
import * as Transaction from "./Transaction.js"

/** A row of `links`, seen from the run that waits. */
interface Link {
  readonly run: number
  readonly id: string
  readonly parentClose: Rows.Cell
}

export interface Difference {
  readonly missing: ReadonlyArray<Link>
  readonly surplus: ReadonlyArray<Link>
  /** What the store should have told the run, and has not. */
  readonly untold: ReadonlyArray<Message.Message>
  /** Ids of commands that wait for a run that is not in the store. */
  readonly lost: ReadonlyArray<string>
}

interface Found {
  readonly link?: Link
  readonly untold?: ReadonlyArray<Message.Message>
  readonly lost?: boolean
}

/** The connection must show one moment: a live run's history, its mail and its links change together. */
export const difference = (
  connection: Connection,
  { run, state }: Fold.Folded
): Effect.Effect<Difference, SqlError | Errors.HistoryDamaged> =>
  Effect.gen(function*() {
    const children = [...state.children.values()]
    const told = children.length === 0 ? NOTHING : yield* toldTo(connection, run, state.runId)
    const found: ReadonlyArray<Found> = yield* Effect.forEach(children, (child) => look(connection, state.runId, child, told))
    const wanted = found.flatMap(({ link }) => link ?? [])
    const present = yield* linksOf(connection, run)
    const without = (links: ReadonlyArray<Link>, others: ReadonlyArray<Link>) => {
      const keys = new Set(others.map(keyOf))
      return links.filter((link) => !keys.has(keyOf(link)))
    }
    return {
      missing: without(wanted, present),
      surplus: without(present, wanted),
      untold: found.flatMap(({ untold }) => untold ?? []),
      lost: children.flatMap(({ id }, index) => (found[index]?.lost === true ? [id] : []))
    }
  })

const keyOf = ({ id, parentClose, run }: Link): string => JSON.stringify([run, id, parentClose])

const linksOf = (connection: Connection, watcher: number) =>
  Effect.map(
    Rows.select(connection, "SELECT run,id,parent_close FROM links WHERE watcher=?", [watcher]),
    (rows) => rows.map(([run, id, parentClose = null]): Link => ({ run: Number(run), id: String(id), parentClose }))
  )

/** What the store has told a run, by message id: `undefined` for what the run has taken already. */
type Told = ReadonlyMap<string, Message.Message | undefined>

const NOTHING: Told = new Map()

const TAKEN = "SELECT message_id FROM inbox WHERE run=? AND delivered=1 AND tag IN ('ChildAnswered','ChildEnded')"

const toldTo = (connection: Connection, run: number, runId: string) =>
  Effect.gen(function*() {
    const told = new Map<string, Message.Message | undefined>()
    for (const [messageId] of yield* Rows.select(connection, TAKEN, [run])) told.set(String(messageId), undefined)
    for (const message of (yield* Inbox.read(connection, runId)).messages) told.set(message.messageId, message)
    return told
  })

// The message ids are those of Decide.answerOfStart and Decide.endOf.
const answerIn = (told: Told, id: string) => {
  const message = told.get(MessageId.started(id))
  return message?._tag === "ChildAnswered" ? message.answer : undefined
}

const TARGET = `SELECT run,closed_at IS NULL,parent_run_id,parent_id,(SELECT max(seq) FROM events e WHERE e.run=r.run)
  FROM runs r WHERE run_id=?`

const look = (connection: Connection, watcher: string, child: Run.OpenChild, told: Told) =>
  Effect.gen(function*() {
    const { id, parentClose, phase } = child
    const answer = answerIn(told, id)
    if (answer?._tag === "Refused" || told.has(MessageId.ended(id))) return {}
    const existed = phase === "existed" || answer?.existed === true
    const runId = answer?.runId ?? child.runId
    const [target] = yield* Rows.select(connection, TARGET, [runId])
    const isChild = target?.[2] === watcher && target[3] === id
    if (target === undefined || !(existed || isChild)) return { lost: true }
    const started = phase === "scheduled" && !told.has(MessageId.started(id))
      ? [Decide.answerOfStart(id, { _tag: "Started", runId })]
      : []
    if (target[1] === 1) return { link: { run: Number(target[0]), id, parentClose: existed ? null : parentClose }, untold: started }
    const closing = yield* History.closing(connection, runId, Number(target[4]))
    return { untold: closing === undefined ? started : [...started, Decide.endOf(id, closing)] }
  })

/**
 * Makes the links of a run what its history says, and tells it what it should have been told. Whether there was need. The
 * caller clears the cache of run ends, which does not know of these links.
 */
export const mendRun = (tx: Transaction.Transaction, run: number, now: number) =>
  Effect.gen(function*() {
    const [row] = yield* Transaction.rows(tx, `${Rows.SUMMARY} WHERE r.run=?`, [run])
    if (row === undefined) return false
    const folded = yield* Fold.fold(tx.connection, row)
    const { runId } = folded.state
    const { missing, surplus, untold } = yield* difference(tx.connection, folded)
    for (const { id } of surplus) yield* Transaction.write(tx, "DELETE FROM links WHERE watcher=? AND id=?", [run, id])
    yield* Links.write(tx, missing.flatMap((link) => [link.run, run, link.id, link.parentClose]))
    yield* Mail.post(tx, untold.flatMap((message) => Mail.letter({ run, runId }, message, now)))
    if (untold.length > 0) tx.changes.push({ _tag: "Mail", runId })
    return missing.length + surplus.length + untold.length > 0
  })
