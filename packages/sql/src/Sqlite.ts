/** The Log on SQLite: one file, one process, one writing connection with group commit, one reading connection. */
import { Log, type Message } from "@reprise/core/engine"
import { Context, Effect, Layer } from "effect"
import * as Append from "./Append.js"
import * as Committer from "./Committer.js"
import type { StoreError } from "./Errors.js"
import * as Find from "./Find.js"
import * as History from "./History.js"
import * as Inbox from "./Inbox.js"
import * as Note from "./Note.js"
import * as Send from "./Send.js"
import * as Store from "./Store.js"

export { type Options, Store } from "./Store.js"

/** Opens the store for as long as the layer lives. `Store` gives Maintenance access to the same open file. */
export const layer = (options: Store.Options): Layer.Layer<Log.Log | Store.Store, StoreError> =>
  Layer.scopedContext(
    Effect.map(Store.open(options), (store) =>
      Context.make(Store.Store, store).pipe(Context.add(Log.Log, make(store))))
  )

const make = (store: Store.StoreShape): Log.LogShape => ({
  epoch: store.epoch,
  watchesAll: true,
  append: (appends) => append(store, appends),
  send: (runId, message) => send(store, runId, message),
  read: (runId, afterSeq, limit) =>
    Store.reading(store, "read a history", History.read(store.reader, runId, afterSeq, limit)),
  inbox: (runId) => Store.reading(store, "read an inbox", Inbox.read(store.reader, runId)),
  runnable: (options) => Store.reading(store, "find due runs", Find.runnable(store.reader, options)),
  find: (filter) => Store.reading(store, "find runs", Find.find(store.reader, filter)),
  note: (notes) => Effect.suspend(() => Committer.submit(store.committer, Note.submission(notes))),
  watch: (listener) => watch(store.committer, listener)
})

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
