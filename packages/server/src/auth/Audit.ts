/**
 * The audit log: every request but reads, with who, what, when, and what became of it. Never a payload, a query or a secret.
 *
 * - A1 `write` puts an entry into a queue, and waits only while the queue is full: an answer does not wait for a commit more.
 *   The queue is written out at once, and to the end when the scope closes. A process that is killed loses the entries of its
 *   last milliseconds.
 * - A2 What is told while the store writes becomes one document, so that many requests cost few writes. Ids of documents begin
 *   with the instant, then count: entries are listed as they were told.
 * - A3 At most `entriesMax` and a hundredth more are kept. Refusals of requests without a caller, of which anybody can
 *   make any number, are told at a bounded rate, so that they do not push out all others.
 */
import { Errors, Records } from "@reprise/core/engine"
import { Clock, Deferred, Effect, Queue, type Scope, Schema } from "effect"
import { AuditEntry, Caller } from "../api/Model.js"
import { CursorInvalid } from "../Errors.js"
import * as RateLimit from "./RateLimit.js"
import * as Secret from "./Secret.js"
import * as Stored from "./Stored.js"

export interface Audit {
  readonly write: (entry: AuditEntry) => Effect.Effect<void>
  readonly list: (page: Asked) => Effect.Effect<Page, CursorInvalid | Errors.LogError>
}

export interface Asked {
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
}

export interface Page {
  readonly items: ReadonlyArray<AuditEntry>
  readonly nextCursor?: string
  readonly prevCursor?: string
}

const exact = { exact: true } as const
const StoredEntry = Schema.Struct({
  at: Schema.Number,
  requestId: Schema.String,
  caller: Schema.optionalWith(Caller, exact),
  action: Schema.String,
  method: Schema.String,
  path: Schema.String,
  status: Schema.Number,
  code: Schema.optionalWith(Schema.String, exact),
  runId: Schema.optionalWith(Schema.String, exact)
})
type StoredEntry = typeof StoredEntry.Type

const chunks = Stored.collection("audit", Schema.Array(StoredEntry))

/** Entries that may wait to be written. */
const QUEUE_MAX = 2_000
/** Entries of one document. */
const TOGETHER_MAX = 100
const PATH_CHARS_MAX = 500
const PAGE_DEFAULT = 50
/** Documents that are read at once. */
const DOCUMENTS = 50
/** Entries that are written before all are counted again. */
const RECOUNT_MIN = 1_000
const REFUSALS: RateLimit.Rate = { burst: 100, perSecond: 1 }

/** An entry, or somebody who waits until all before it are written. */
type Item = StoredEntry | Deferred.Deferred<void>

interface State {
  readonly queue: Queue.Queue<Item>
  readonly entriesMax: number
  readonly refusals: RateLimit.Buckets
  /** Of this process; two processes with one store do not tell the same id. */
  readonly process: string
  told: number
  /** The latest instant of an entry: a clock that goes back changes no order. */
  latest: number
  /** How many are in the store, as far as is known; counted when it is not. */
  kept: number | undefined
  writtenSinceCount: number
}

/** Entries are written until the scope closes, and then to the end. */
export const make = (entriesMax: number): Effect.Effect<Audit, never, Records.Records | Scope.Scope> =>
  Effect.gen(function*() {
    const records = yield* Records.Records
    const state: State = {
      queue: yield* Queue.bounded<Item>(QUEUE_MAX),
      entriesMax,
      refusals: RateLimit.make(REFUSALS),
      process: Secret.random(4),
      told: 0,
      latest: 0,
      kept: undefined,
      writtenSinceCount: 0
    }
    const provided = Effect.provideService(Records.Records, records)
    yield* Effect.addFinalizer(() => provided(flushAll(state)))
    yield* Effect.forkScoped(provided(Effect.forever(writeNext(state))))
    return { write: (entry) => write(state, entry), list: (asked) => provided(list(state, asked)) }
  })

// ---- writing ----

const write = (state: State, entry: AuditEntry): Effect.Effect<void> =>
  Effect.gen(function*() {
    const anybody = entry.caller === undefined && entry.status >= 400
    if (anybody && !RateLimit.take(state.refusals, "", yield* Clock.currentTimeMillis).allowed) return
    yield* Queue.offer(state.queue, storedOf(entry))
  })

/** Only what an entry has; a path that holds a secret is told without it. */
const storedOf = ({ action, at, caller, code, method, path, requestId, runId, status }: AuditEntry): StoredEntry => ({
  at,
  requestId,
  action,
  method,
  path: maskedPath(path),
  status,
  ...(caller === undefined ? {} : { caller: { name: caller.name, role: caller.role, via: caller.via } }),
  ...(code === undefined ? {} : { code }),
  ...(runId === undefined ? {} : { runId })
})

const maskedPath = (path: string): string =>
  (path.split(/[?#]/)[0] ?? "")
    // The token of an awakeable lets anybody settle it, and a key may have been pasted anywhere.
    .replace(/(\/awakeables\/)[^/]+/g, "$1***")
    .replace(/rpr_[\w%-]+/gi, "rpr_***")
    .slice(0, PATH_CHARS_MAX)

/** What was taken is written, also when the scope closes meanwhile. */
const writeNext = (state: State) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const first = yield* restore(Queue.take(state.queue))
      const more = yield* Queue.takeUpTo(state.queue, TOGETHER_MAX)
      yield* writeItems(state, [first, ...more])
    })
  ).pipe(Effect.zipRight(trim(state)))

const flushAll = (state: State) => Effect.flatMap(Queue.takeAll(state.queue), (rest) => writeItems(state, [...rest]))

const writeItems = (state: State, items: ReadonlyArray<Item>): Effect.Effect<void, never, Records.Records> =>
  Effect.gen(function*() {
    const told = items.filter((item): item is StoredEntry => "requestId" in item)
    for (let from = 0; from < told.length; from += TOGETHER_MAX) yield* writeChunk(state, told.slice(from, from + TOGETHER_MAX))
    for (const item of items) if (!("requestId" in item)) yield* Deferred.succeed(item, undefined)
  })

/** Entries that the store does not take are told to the operator; the next ones are tried. */
const writeChunk = (state: State, told: ReadonlyArray<StoredEntry>) =>
  Effect.suspend(() => {
    state.told += 1
    state.latest = Math.max(state.latest, ...told.map(({ at }) => at))
    state.writtenSinceCount += told.length
    if (state.kept !== undefined) state.kept += told.length
    const id = `${String(state.latest).padStart(15, "0")}-${String(state.told).padStart(12, "0")}-${state.process}`
    return Effect.catchAllCause(chunks.put(id, told), (cause) =>
      Effect.logError(`the audit log did not take ${JSON.stringify(told)}`, cause))
  })

// ---- the bound ----

/** Removes the oldest when there are too many. They are counted again now and then, because others may write, too. */
const trim = (state: State): Effect.Effect<void, never, Records.Records> =>
  Effect.gen(function*() {
    const { entriesMax } = state
    const slack = Math.ceil(entriesMax / 100)
    if (state.kept === undefined || state.writtenSinceCount >= Math.max(RECOUNT_MIN, entriesMax / 10)) {
      state.kept = yield* count()
      state.writtenSinceCount = 0
    }
    if (state.kept <= entriesMax + slack) return
    state.kept -= yield* removeOldest(state.kept - entriesMax)
  }).pipe(
    Effect.catchAll((error) => Effect.logWarning("the audit log could not be cut to its bound", error)),
    // A damaged entry keeps nobody from writing others.
    Effect.catchAllDefect((defect) => Effect.logError("the audit log is damaged", defect))
  )

const count = () =>
  Effect.gen(function*() {
    let all = 0
    for (let after = "";;) {
      const page = yield* chunks.list({ after, limit: DOCUMENTS })
      for (const { value } of page) all += value.length
      const last = page.at(-1)
      if (last === undefined || page.length < DOCUMENTS) return all
      after = last.id
    }
  })

/** Removes whole documents, until at least `many` entries are gone; answers how many went. */
const removeOldest = (many: number) =>
  Effect.gen(function*() {
    let gone = 0
    for (;;) {
      const oldest = yield* chunks.list({ limit: DOCUMENTS })
      for (const { id, value } of oldest) {
        yield* chunks.remove(id)
        gone += value.length
        if (gone >= many) return gone
      }
      if (oldest.length < DOCUMENTS) return gone
    }
  })

// ---- reading ----

/** Waits until what was told before is written. */
const settled = (state: State) =>
  Effect.gen(function*() {
    const done = yield* Deferred.make<void>()
    yield* Queue.offer(state.queue, done)
    yield* Deferred.await(done)
  })

/** Where an entry is. */
interface Place {
  readonly id: string
  readonly index: number
}

interface Found extends Place {
  readonly entry: StoredEntry
}

/** Entries that are `older` or `newer` than one. */
interface Cursor extends Place {
  readonly way: "older" | "newer"
}

const CURSOR = /^(older|newer) (\d{15,}-\d{12,}-[0-9a-f]{8}) (\d{1,3})$/

const cursorOf = (way: Cursor["way"], { id, index }: Place): string => Buffer.from(`${way} ${id} ${index}`).toString("base64url")

const readCursor = (text: string): Effect.Effect<Cursor, CursorInvalid> => {
  const [, way, id = "", index] = CURSOR.exec(Buffer.from(text, "base64url").toString()) ?? []
  const cursor = { way: way === "older" ? "older" as const : "newer" as const, id, index: Number(index) }
  return cursorOf(cursor.way, cursor) === text ? Effect.succeed(cursor) : Effect.fail(new CursorInvalid())
}

const list = (state: State, { cursor, limit = PAGE_DEFAULT }: Asked) =>
  Effect.gen(function*() {
    const from = cursor === undefined ? undefined : yield* readCursor(cursor)
    yield* settled(state)
    // One more than asked for tells whether there are any beyond.
    const found = yield* collect(from, limit + 1)
    const shown = found.slice(0, limit)
    return pageOf(from?.way === "newer" ? shown.toReversed() : shown, from, found.length > limit)
  })

/** Up to `many` entries from a place on, away from it: downwards, unless newer ones are asked for. */
const collect = (from: Cursor | undefined, many: number) =>
  Effect.gen(function*() {
    const up = from?.way === "newer"
    const first = from === undefined ? [] : (yield* chunks.get(from.id)) ?? []
    const beside = placed(from?.id ?? "", first, up)
    const found = from === undefined ? [] : beside.filter(({ index }) => (up ? index > from.index : index < from.index))
    let last = from?.id
    while (found.length < many) {
      const beyond = last === undefined ? {} : up ? { after: last } : { before: last }
      const page = yield* chunks.list({ ...beyond, descending: !up, limit: DOCUMENTS })
      found.push(...page.flatMap(({ id, value }) => placed(id, value, up)))
      last = page.at(-1)?.id
      if (page.length < DOCUMENTS) break
    }
    return found.slice(0, many)
  })

const placed = (id: string, entries: ReadonlyArray<StoredEntry>, up: boolean): Array<Found> => {
  const all = entries.map((entry, index) => ({ id, index, entry }))
  return up ? all : all.toReversed()
}

const pageOf = (shown: ReadonlyArray<Found>, from: Cursor | undefined, more: boolean): Page => {
  const [newest, oldest] = [shown[0], shown.at(-1)]
  const hasOlder = from?.way === "newer" || more
  const hasNewer = from?.way === "older" || (from?.way === "newer" && more)
  return {
    items: shown.map(({ entry }) => entry),
    ...(oldest !== undefined && hasOlder ? { nextCursor: cursorOf("older", oldest) } : {}),
    ...(newest !== undefined && hasNewer ? { prevCursor: cursorOf("newer", newest) } : {})
  }
}
