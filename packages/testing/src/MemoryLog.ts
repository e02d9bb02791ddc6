/**
 * The Log in plain memory, with the same contract (ports/Log.ts) and the same answers as the SQLite one. Records and
 * RunLogs of the same store come with it.
 *
 * The store is a value apart from the layer: `layer(store)` is one process on it. A second layer on the same store is
 * the process after a crash: it finds all that was committed and takes the next epoch, so that a writer left over from
 * the first changes nothing any more. Every call is one synchronous step, hence atomic and in order.
 *
 * What is written is copied through JSON, as every store on disk does: a value that is not JSON is found in tests, and
 * nothing is shared with the writer.
 */
import { Decide, Errors, Event, type Json, Log, type Message, Records, type Run, RunLogs } from "@reprise/core/engine"
import { Context, Effect, Layer } from "effect"
import * as MemoryRecords from "./MemoryRecords.js"
import * as MemoryRunLogs from "./MemoryRunLogs.js"
import * as Tally from "./Tally.js"

interface Mail {
  readonly message: Message.Message
  delivered: boolean
  error: Json.Json | undefined
}

interface Entry {
  readonly start: Log.StartRequest
  /** Place in the order of creation. */
  readonly order: number
  row: Run.RunRow
  blocked: Json.Json | undefined
  readonly events: Array<Event.Recorded>
  readonly inbox: Map<string, Mail>
  /** Undelivered messages in `inbox`. */
  waiting: number
  readonly progress: Map<string, Json.Json>
  readonly polls: Map<string, { readonly count: number; readonly nextAt: number }>
  /** Who awaits this run: the other run, and the command with which it asked. */
  readonly watchers: Set<Link>
  /** The runs that this one awaits, children among them. */
  readonly awaited: Set<Link>
}

/** One run awaits another. */
interface Link {
  readonly run: Entry
  readonly watcher: Entry
  readonly id: string
  /** What becomes of the awaited run when its watcher ends; `undefined` unless it is its child. */
  readonly parentClose: Event.ParentClose | undefined
}

export interface MemoryStore {
  epoch: number
  readonly runs: Map<string, Entry>
  /** The runs that are not closed, in order of creation. */
  readonly open: Map<string, Entry>
  /** Open runs by workflow and key. */
  readonly keys: Map<string, Entry>
  /** The events of all runs in the order of their commits (L9); the first one has position 1. */
  readonly commits: Array<{ readonly entry: Entry; readonly recorded: Event.Recorded }>
  readonly records: MemoryRecords.Collections
  readonly lines: MemoryRunLogs.Lines
}

/** One process: what ends with it. */
interface Process {
  readonly store: MemoryStore
  readonly epoch: number
  readonly listeners: Set<(change: Log.Change) => void>
}

export const makeStore = (): MemoryStore => ({
  epoch: 0,
  runs: new Map(),
  open: new Map(),
  keys: new Map(),
  commits: [],
  records: new Map(),
  lines: MemoryRunLogs.makeLines()
})

/** A new process on the store; it fences the one before. */
export const layer = (store: MemoryStore): Layer.Layer<Log.Log | Records.Records | RunLogs.RunLogs> =>
  Layer.syncContext(() => {
    store.epoch += 1
    return Context.make(Log.Log, make({ store, epoch: store.epoch, listeners: new Set() })).pipe(
      Context.add(Records.Records, MemoryRecords.make(store.records)),
      Context.add(RunLogs.RunLogs, MemoryRunLogs.make(store.lines, (runId) => store.runs.has(runId)))
    )
  })

const make = (process: Process): Log.LogShape => ({
  epoch: process.epoch,
  watchesAll: true,
  append: (appends) =>
    Effect.sync(() => transact(process, (tell) => copy(appends).map((append) => appendOne(process, append, tell)))),
  send: (runId, message) =>
    Effect.suspend(() => {
      const answer = transact(process, (tell) => send(process.store, runId, copy(message), tell))
      return typeof answer === "string" ? Effect.succeed(answer) : Effect.fail(answer)
    }),
  read: (runId, afterSeq, limit) =>
    Effect.sync(() => process.store.runs.get(runId)?.events.slice(afterSeq, afterSeq + limit) ?? []),
  inbox: (runId) => Effect.sync(() => inbox(process.store.runs.get(runId))),
  runnable: (options) => Effect.sync(() => runnable(process.store, options)),
  find: (filter) => Effect.sync(() => find(process.store, filter)),
  tally: (conditions) => Effect.sync(() => tally(process.store, conditions)),
  feed: (after, limit, filter) => Effect.sync(() => feed(process.store, after, limit, filter)),
  note: (notes) =>
    Effect.sync(() => transact(process, (tell) => copy(notes).forEach((note) => takeNote(process.store, note, tell)))),
  watch: (listener) => watch(process, listener)
})

const copy = <A>(value: A): A => JSON.parse(JSON.stringify(value)) as A

type Tell = (change: Log.Change) => void

/** Runs one call; listeners hear of its changes when all of them are made. */
const transact = <A>(process: Process, body: (tell: Tell) => A): A => {
  const changes: Array<Log.Change> = []
  const answer = body((change) => changes.push(change))
  for (const change of changes) for (const listener of process.listeners) listener(change)
  return answer
}

const COMMITTED: Log.Appended = { _tag: "Committed" }
const STALE: Log.Appended = { _tag: "Stale" }
const FENCED: Log.Appended = { _tag: "Stale", fenced: true }
const MAIL_PENDING: Log.Appended = { _tag: "MailPending" }

/** All checks come before the first change. */
const appendOne = (process: Process, append: Log.Append, tell: Tell): Log.Appended => {
  const { store } = process
  if (append.epoch !== store.epoch) return FENCED
  if (append.start !== undefined) return start(store, append, append.start, tell)
  const entry = store.open.get(append.runId)
  if (entry === undefined || entry.events.length !== append.expectedSeq) return STALE
  const closing = closingOf(append)
  if (closing !== undefined && mailPending(entry, append.delivered)) return MAIL_PENDING
  for (const messageId of append.delivered) deliver(entry, messageId, undefined)
  take(store, entry, append, tell)
  return COMMITTED
}

// ---- other runs (L7, L8) ----

/** What the run asked for before the last end of a generation comes first: only that is ended with it. */
const reachOut = (store: MemoryStore, entry: Entry, append: Log.Append, tell: Tell): void => {
  const early = askedBeforeContinuing(append.events)
  for (const outgoing of append.outgoing) if (early.has(outgoing.id)) apply(store, entry, outgoing, tell)
  if (append.events.some(({ _tag }) => _tag === "RunContinuedAsNew")) {
    dropNotes(entry)
    endChildren(store, entry, tell)
  }
  for (const outgoing of append.outgoing) if (!early.has(outgoing.id)) apply(store, entry, outgoing, tell)
}

const askedBeforeContinuing = (events: ReadonlyArray<Event.Event>): ReadonlySet<string> => {
  const before = events.slice(0, events.findLastIndex(({ _tag }) => _tag === "RunContinuedAsNew") + 1)
  return new Set(before.flatMap((event) => ("id" in event ? [event.id] : [])))
}

const apply = (store: MemoryStore, entry: Entry, outgoing: Log.Outgoing, tell: Tell): void =>
  outgoing._tag === "StartChild" ? startChild(store, entry, outgoing, tell) : sendTo(store, entry, outgoing, tell)

const startChild = (
  store: MemoryStore,
  entry: Entry,
  { id, onConflict, parentClose, start: request }: Log.Outgoing & { readonly _tag: "StartChild" },
  tell: Tell
): void => {
  const taken = conflict(store, request)
  if (taken === undefined) {
    const child = create(store, request)
    putMail(child, request.message)
    tell({ _tag: "Started", runId: request.runId, startAt: request.startAt })
    link({ run: child, watcher: entry, id, parentClose })
    return answer(store, entry, Decide.answerOfStart(id, { _tag: "Started", runId: request.runId }), tell)
  }
  const { by, existing } = taken
  const { runId } = existing.start
  if (onConflict === "fail" || existing.start.workflow !== request.workflow) {
    const refused = { _tag: "Refused", by, runId, status: existing.row.status } as const
    return answer(store, entry, Decide.answerOfStart(id, refused), tell)
  }
  answer(store, entry, Decide.answerOfStart(id, { _tag: "Started", runId, existed: true }), tell)
  const closing = existing.events.at(-1)?.event
  if (closing !== undefined && Event.isClosing(closing)) answer(store, entry, Decide.endOf(id, closing), tell)
  else link({ run: existing, watcher: entry, id, parentClose: undefined })
}

const link = (made: Link): void => {
  made.run.watchers.add(made)
  made.watcher.awaited.add(made)
}

const unlink = (link: Link): void => {
  link.run.watchers.delete(link)
  link.watcher.awaited.delete(link)
}

const sendTo = (
  store: MemoryStore,
  entry: Entry,
  { answered, id, message, runId }: Log.Outgoing & { readonly _tag: "Send" },
  tell: Tell
): void => {
  const outcome = send(store, runId, message, tell)
  if (!answered) return
  const said = typeof outcome === "string"
    ? { _tag: "Delivered" } as const
    : { _tag: "Refused", ...(outcome._tag === "RunClosed" ? { status: outcome.status } : {}) } as const
  answer(store, entry, Decide.answerOfSend(id, said), tell)
}

/** Puts the store's word into a run's inbox, as long as there is somebody to read it. */
const answer = (store: MemoryStore, entry: Entry, message: Message.Message, tell: Tell): void => {
  if (!store.open.has(entry.start.runId)) return
  if (putMail(entry, message)) tell({ _tag: "Mail", runId: entry.start.runId })
}

/** L8: the children of a run, or of a generation of it, that has ended. */
const endChildren = (store: MemoryStore, entry: Entry, tell: Tell): void => {
  for (const made of [...entry.awaited]) {
    unlink(made)
    const { id, parentClose, run } = made
    if (parentClose === "cancel" || parentClose === "terminate") {
      answer(store, run, Decide.parentEnded(parentClose, entry.start.runId, id), tell)
    }
  }
}

const tellWatchers = (store: MemoryStore, entry: Entry, closing: Event.Closing, tell: Tell): void => {
  for (const made of [...entry.watchers]) {
    unlink(made)
    answer(store, made.watcher, Decide.endOf(made.id, closing), tell)
  }
}

// ---- starting ----

const start = (store: MemoryStore, append: Log.Append, request: Log.StartRequest, tell: Tell): Log.Appended => {
  if (append.expectedSeq !== 0) return STALE
  const taken = conflict(store, request)
  if (taken !== undefined) return { _tag: "Exists", by: taken.by, existing: summary(taken.existing) }
  const entry = create(store, request)
  tell({ _tag: "Started", runId: request.runId, startAt: request.startAt })
  // Its Start message counts as delivered when the same append says what followed from it.
  if (append.events.length === 0) putMail(entry, request.message)
  take(store, entry, append, tell)
  return COMMITTED
}

const conflict = (
  store: MemoryStore,
  request: Log.StartRequest
): { readonly by: "id" | "key"; readonly existing: Entry } | undefined => {
  const byId = store.runs.get(request.runId)
  if (byId !== undefined) return { by: "id", existing: byId }
  const byKey = request.key === undefined ? undefined : store.keys.get(keyOf(request.workflow, request.key))
  return byKey === undefined ? undefined : { by: "key", existing: byKey }
}

const create = (store: MemoryStore, request: Log.StartRequest): Entry => {
  const wakeAt = request.startAt ?? request.createdAt
  const entry: Entry = {
    start: request,
    order: store.runs.size,
    row: {
      status: "pending",
      startedAt: undefined,
      closedAt: undefined,
      wakeAt,
      busy: false,
      version: request.version,
      generationSeq: 1,
      paused: false
    },
    blocked: undefined,
    events: [],
    inbox: new Map(),
    waiting: 0,
    progress: new Map(),
    polls: new Map(),
    watchers: new Set(),
    awaited: new Set()
  }
  store.runs.set(request.runId, entry)
  store.open.set(request.runId, entry)
  if (request.key !== undefined) store.keys.set(keyOf(request.workflow, request.key), entry)
  return entry
}

const keyOf = (workflow: string, key: string): string => JSON.stringify([workflow, key])

const closingOf = (append: Log.Append): Event.Closing | undefined => {
  const last = append.events[append.events.length - 1]
  return last !== undefined && Event.isClosing(last) ? last : undefined
}

/** L3. */
const mailPending = (entry: Entry, delivered: ReadonlyArray<string>): boolean => {
  if (entry.waiting === 0) return false
  for (const [messageId, mail] of entry.inbox) {
    if (!mail.delivered && !delivered.includes(messageId)) return true
  }
  return false
}

/** Adds the events and the columns of an append that has passed all checks. */
const take = (store: MemoryStore, entry: Entry, append: Log.Append, tell: Tell): void => {
  const { runId } = append
  for (const event of append.events) {
    const recorded = { seq: entry.events.length + 1, event }
    entry.events.push(recorded)
    store.commits.push({ entry, recorded })
  }
  // A new run without events is pending, and due at its start.
  if (append.row !== undefined && (append.start === undefined || append.events.length > 0)) entry.row = append.row
  if (append.events.length > 0) tell({ _tag: "Appended", runId, seq: entry.events.length, events: append.events })
  const closing = closingOf(append)
  if (closing !== undefined && append.row?.closedAt === undefined) {
    throw new TypeError(`${closing._tag} of run ${runId} without the columns of a closed run`)
  }
  // A closed run is not answered any more, and its key is free.
  if (closing !== undefined) close(store, entry)
  reachOut(store, entry, append, tell)
  if (closing === undefined) return
  endChildren(store, entry, tell)
  tellWatchers(store, entry, closing, tell)
  tell({ _tag: "Closed", runId, event: closing })
}

/** What was noted of steps that are nobody's any more. */
const dropNotes = (entry: Entry): void => {
  entry.progress.clear()
  entry.polls.clear()
}

const close = (store: MemoryStore, entry: Entry): void => {
  const { key, runId, workflow } = entry.start
  entry.row = { ...entry.row, wakeAt: undefined, busy: false, paused: false }
  entry.blocked = undefined
  dropNotes(entry)
  store.open.delete(runId)
  if (key !== undefined) store.keys.delete(keyOf(workflow, key))
}

const putMail = (entry: Entry, message: Message.Message): boolean => {
  if (entry.inbox.has(message.messageId)) return false
  entry.inbox.set(message.messageId, { message, delivered: false, error: undefined })
  entry.waiting += 1
  return true
}

const deliver = (entry: Entry, messageId: string, error: Json.Json | undefined): boolean => {
  const mail = entry.inbox.get(messageId)
  if (mail === undefined || mail.delivered) return false
  mail.delivered = true
  mail.error = error
  entry.waiting -= 1
  return true
}

const send = (
  store: MemoryStore,
  runId: string,
  message: Message.Message,
  tell: Tell
): "Sent" | "Duplicate" | Errors.RunNotFound | Errors.RunClosed => {
  const entry = store.runs.get(runId)
  if (entry === undefined) return new Errors.RunNotFound({ runId })
  if (entry.inbox.has(message.messageId)) return "Duplicate"
  if (!store.open.has(runId)) return new Errors.RunClosed({ runId, status: entry.row.status })
  putMail(entry, message)
  tell({ _tag: "Mail", runId })
  return "Sent"
}

const inbox = (entry: Entry | undefined) => {
  const mails = entry === undefined ? [] : [...entry.inbox.values()]
  const refused = mails.filter((mail) => mail.error !== undefined)
  return {
    messages: mails.filter((mail) => !mail.delivered).map((mail) => mail.message),
    notes: {
      progress: new Map(entry?.progress),
      polls: new Map(entry?.polls),
      refused: new Map(refused.map((mail) => [mail.message.messageId, mail.error ?? null]))
    }
  }
}

const takeNote = (store: MemoryStore, note: Log.Note, tell: Tell): void => {
  const entry = store.open.get(note.runId)
  if (entry === undefined) return
  switch (note._tag) {
    case "Progress":
      entry.progress.set(note.id, note.details)
      return
    case "Poll":
      entry.polls.set(note.id, { count: note.count, nextAt: note.nextAt })
      if (!entry.row.paused) entry.row = { ...entry.row, wakeAt: note.wakeAt }
      return
    case "Blocked":
      entry.blocked = note.reason
      return
    case "Refused":
      if (deliver(entry, note.messageId, note.error)) tell(note)
  }
}

const runnable = (
  store: MemoryStore,
  options: { readonly now: number; readonly recover: boolean | "mail"; readonly limit: number }
) => {
  const due: Array<Entry> = []
  let nextAt: number | undefined
  for (const entry of store.open.values()) {
    const { wakeAt } = entry.row
    const blocked = entry.blocked !== undefined
    if (isWanted(entry, options)) due.push(entry)
    if (!blocked && wakeAt !== undefined && wakeAt > options.now && wakeAt < (nextAt ?? Infinity)) nextAt = wakeAt
  }
  if (options.recover === false) due.sort((a, b) => (a.row.wakeAt ?? 0) - (b.row.wakeAt ?? 0) || a.order - b.order)
  return { runIds: due.slice(0, options.limit).map((entry) => entry.start.runId), nextAt }
}

const isDue = (entry: Entry, now: number): boolean => entry.row.wakeAt !== undefined && entry.row.wakeAt <= now

const isWanted = (entry: Entry, { now, recover }: { readonly now: number; readonly recover: boolean | "mail" }): boolean => {
  const isBlocked = entry.blocked !== undefined
  if (recover === false) return !isBlocked && isDue(entry, now)
  if (recover === true && (entry.row.busy || isBlocked || isDue(entry, now))) return true
  return hasMail(entry)
}

/** A delayed run's Start message waits for its instant; every other message wants an owner now. */
const hasMail = (entry: Entry): boolean => {
  if (entry.waiting === 0) return false
  for (const mail of entry.inbox.values()) if (!mail.delivered && mail.message._tag !== "Start") return true
  return false
}

const find = (store: MemoryStore, { after, before, limit, ...conditions }: Log.RunFilter): ReadonlyArray<Log.RunSummary> => {
  const below = before === undefined ? Infinity : store.runs.get(before)?.order ?? -1
  const above = after === undefined ? -1 : store.runs.get(after)?.order ?? Infinity
  const found = candidates(store, conditions)
    .filter((entry) => entry.order < below && entry.order > above && fits(entry, conditions))
    .toSorted((a, b) => b.order - a.order)
  // The page before another one ends where that begins.
  const page = after === undefined ? found.slice(0, limit) : found.slice(Math.max(0, found.length - limit))
  return page.map(summary)
}

const candidates = (store: MemoryStore, { runIds }: Log.RunConditions): Array<Entry> =>
  runIds === undefined
    ? [...store.runs.values()]
    : [...new Set(runIds)].flatMap((runId) => store.runs.get(runId) ?? [])

const fits = (entry: Entry, conditions: Log.RunConditions): boolean =>
  isOf(entry, conditions) &&
  (conditions.status === undefined || conditions.status.includes(entry.row.status)) &&
  (conditions.paused === undefined || entry.row.paused === conditions.paused) &&
  (conditions.blocked === undefined || (entry.blocked !== undefined) === conditions.blocked) &&
  entry.start.createdAt >= (conditions.createdFrom ?? -Infinity) &&
  entry.start.createdAt < (conditions.createdBefore ?? Infinity)

/** The conditions on what never changes of a run. */
const isOf = ({ start }: Entry, { key, parent, workflow }: Log.FeedFilter): boolean =>
  (workflow === undefined || start.workflow === workflow) &&
  (key === undefined || start.key === key) &&
  (parent === undefined || start.parent?.runId === parent)

const tally = (store: MemoryStore, conditions: Log.RunConditions): ReadonlyArray<Log.Tally> =>
  Tally.of(candidates(store, conditions).filter((entry) => fits(entry, conditions)).map(summary))

const feed = (store: MemoryStore, after: number | "end", limit: number, filter: Log.FeedFilter): Log.Feed => {
  const { commits } = store
  if (after === "end") return { events: [], position: commits.length }
  const events: Array<Log.FeedEvent> = []
  let position = after
  while (position < commits.length && events.length < limit) {
    const { entry, recorded } = commits[position++]!
    const { runId } = entry.start
    const isWanted = isOf(entry, filter) && (filter.runIds?.includes(runId) ?? true) &&
      (filter.types?.includes(recorded.event._tag) ?? true)
    if (isWanted) events.push({ position, runId, ...recorded })
  }
  return { events, position }
}

const summary = (entry: Entry): Log.RunSummary => ({
  runId: entry.start.runId,
  workflow: entry.start.workflow,
  version: entry.row.version,
  key: entry.start.key,
  status: entry.row.status,
  createdAt: entry.start.createdAt,
  startAt: entry.start.startAt,
  startedAt: entry.row.startedAt,
  closedAt: entry.row.closedAt,
  wakeAt: entry.row.wakeAt,
  eventCount: entry.events.length,
  generationSeq: entry.row.generationSeq,
  paused: entry.row.paused,
  parent: entry.start.parent,
  forkedFrom: entry.start.forkedFrom,
  blocked: entry.blocked
})

const watch = (process: Process, listener: (change: Log.Change) => void) =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.sync(() => {
      // Wrapped, so that a listener that is registered twice is called twice and leaves twice.
      const entry = (change: Log.Change): void => listener(change)
      process.listeners.add(entry)
      return entry
    }),
    (entry) => Effect.sync(() => process.listeners.delete(entry))
  ))
