/** The Log, the Records and the RunLogs on SQLite: one file, one process, one writing connection with group commit, one reading connection. */
import { Log, type Message, Records, RunLogs } from "@reprise/core/engine"
import { Context, Effect, Layer } from "effect"
import * as Append from "./Append.js"
import * as Committer from "./Committer.js"
import type { StoreError } from "./Errors.js"
import * as Feed from "./Feed.js"
import * as Find from "./Find.js"
import * as History from "./History.js"
import * as Inbox from "./Inbox.js"
import * as Note from "./Note.js"
import * as RecordsTable from "./Records.js"
import * as RunLogsTable from "./RunLogs.js"
import * as Send from "./Send.js"
import * as Store from "./Store.js"

export { type Options, Reader, Store } from "./Store.js"

type Ports = Log.Log | Records.Records | RunLogs.RunLogs

/** Opens the store for as long as the layer lives. `Store` and `Reader` give Maintenance access to the same open file. */
export const layer = (options: Store.Options): Layer.Layer<Ports | Store.Store | Store.Reader, StoreError> =>
  Layer.scopedContext(
    // Traces are about runs: statements of the store are nobody's step.
    Effect.map(Effect.withTracerEnabled(Store.open(options), false), (store) =>
      Context.make(Store.Store, store).pipe(
        Context.add(Store.Reader, Store.readerOf(store)),
        Context.add(Log.Log, make(store)),
        Context.add(Records.Records, RecordsTable.make(store)),
        Context.add(RunLogs.RunLogs, RunLogsTable.make(store))
      ))
  )

/**
 * Opens a store to read it, beside the process that has it open, if any does: for checks, exports and reports. It takes no
 * lock and changes nothing; whatever would write fails. A store that an older Reprise wrote must be opened by `layer` first.
 */
export const readerLayer = (options: { readonly filename: string }): Layer.Layer<Ports | Store.Reader, StoreError> =>
  Layer.scopedContext(
    Effect.map(Store.openReader(options.filename), (reader) =>
      Context.make(Store.Reader, reader).pipe(
        Context.add(Log.Log, onlyRead(reader)),
        Context.add(Records.Records, RecordsTable.onlyRead(reader)),
        Context.add(RunLogs.RunLogs, RunLogsTable.onlyRead(reader))
      ))
  )

const make = (store: Store.StoreShape): Log.LogShape => ({
  epoch: store.epoch,
  watchesAll: true,
  durability: store.durability,
  ...reads(Store.readerOf(store)),
  append: (appends) => append(store, appends),
  send: (runId, message) => send(store, runId, message),
  note: (notes) => Effect.suspend(() => Committer.submit(store.committer, Note.submission(notes))),
  watch: (listener) => watch(store.committer, listener)
})

/** No epoch: nothing is appended. What others commit is not told. */
const onlyRead = (reader: Store.ReaderShape): Log.LogShape => ({
  epoch: 0,
  watchesAll: false,
  ...reads(reader),
  append: () => Store.refused(reader, "append"),
  send: () => Store.refused(reader, "send"),
  note: () => Store.refused(reader, "note"),
  watch: () => Effect.void
})

const reads = (reader: Store.ReaderShape): Pick<Log.LogShape, "read" | "inbox" | "runnable" | "find" | "tally" | "feed"> => {
  const { connection } = reader
  return {
    read: (runId, afterSeq, limit) =>
      Store.reading(reader, "read a history", History.read(connection, runId, afterSeq, limit)),
    inbox: (runId) => Store.reading(reader, "read an inbox", Inbox.read(connection, runId)),
    runnable: (options) => Store.reading(reader, "find due runs", Find.runnable(connection, options)),
    find: (filter) => Store.reading(reader, "find runs", Find.find(connection, filter)),
    tally: (conditions) => Store.reading(reader, "count runs", Find.tally(connection, conditions)),
    feed: (after, limit, filter) => Store.reading(reader, "follow the log", Feed.feed(connection, after, limit, filter))
  }
}

const append = (store: Store.StoreShape, appends: ReadonlyArray<Log.Append>) =>
  Effect.clockWith((clock) =>
    Committer.submit(store.committer, Append.submission(appends.map(Append.prepare), clock.unsafeCurrentTimeMillis())))

const send = (store: Store.StoreShape, runId: string, message: Message.Message) =>
  Effect.clockWith((clock) =>
    Effect.flatMap(
      Committer.submit(store.committer, Send.submission(runId, message, clock.unsafeCurrentTimeMillis())),
      (answer) => typeof answer === "string" ? Effect.succeed(answer) : Effect.fail(answer)
    ))

const watch = (committer: Committer.Committer, listener: (change: Log.Change) => void) =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.sync(() => {
      // Wrapped, so that a listener that is registered twice is called twice and leaves twice.
      const entry = (change: Log.Change): void => listener(change)
      committer.listeners.add(entry)
      return entry
    }),
    (entry) => Effect.sync(() => committer.listeners.delete(entry))
  ))
