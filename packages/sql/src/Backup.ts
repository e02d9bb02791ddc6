/** Copies a store to another file while it works on. */
import { Errors } from "@reprise/core/engine"
import Database from "better-sqlite3"
import { Effect } from "effect"
import { existsSync, renameSync, rmSync } from "node:fs"
import { type StoreError, StoreUnavailable } from "./Errors.js"
import * as Failure from "./Failure.js"
import * as Identity from "./Identity.js"
import * as Store from "./Store.js"

/**
 * Writes the whole store, as of one moment, to `destination`, which must not exist. The copy is written beside it and
 * renamed at the end, so that a backup that was cut off is never taken for one. It is a store like any other: open it
 * to check it (`Maintenance.verify`), or put it in the place of the lost one.
 */
export const backup = (
  destination: string
): Effect.Effect<void, Errors.LogError | StoreUnavailable, Store.Store> =>
  Effect.flatMap(Store.Store, ({ writer }) =>
    // On the writing connection: SQLite carries what that connection writes meanwhile into the copy. From another one,
    // every commit would begin the copy anew.
    copied(destination, (partial) => writer.client.backup(partial)))

/**
 * The same for a store that another process may have open, of whichever schema. It copies in one go, which no commit of
 * the other process can begin anew, and keeps this process busy until the copy is written: it is for a command line.
 */
export const copy = (
  filename: string,
  destination: string
): Effect.Effect<void, Errors.LogError | StoreError> =>
  Effect.flatMap(Store.existing(filename), (path) =>
    copied(destination, (partial) => Effect.tryPromise({ try: () => copyInOneGo(path, partial), catch: (cause) => cause })))

const PAGES_MAX = 0x7fffffff

const copyInOneGo = async (filename: string, destination: string): Promise<void> => {
  const source = new Database(filename, { readonly: true, fileMustExist: true })
  try {
    await source.backup(destination, { progress: () => PAGES_MAX })
  } finally {
    source.close()
  }
}

const copied = (destination: string, write: (partial: string) => Effect.Effect<unknown, unknown>) =>
  Effect.gen(function*() {
    if (existsSync(destination)) {
      return yield* new StoreUnavailable({ filename: destination, detail: "a file of that name exists" })
    }
    const partial = `${destination}.partial`
    rmSync(partial, { force: true })
    yield* write(partial).pipe(
      Effect.mapError((error) => new Errors.LogError({ operation: "back up", cause: Failure.reasonOf(error) })),
      Effect.tapError(() => Effect.sync(() => rmSync(partial, { force: true })))
    )
    // The log of the store that it was copied from is none of the copy's, should they come to lie side by side.
    yield* Effect.sync(() => Identity.renew(partial))
    yield* Effect.sync(() => renameSync(partial, destination))
  })
