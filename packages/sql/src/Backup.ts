/** Copies an open store to another file while it works on. */
import { Errors } from "@reprise/core/engine"
import { Effect } from "effect"
import { existsSync, renameSync, rmSync } from "node:fs"
import { StoreUnavailable } from "./Errors.js"
import * as Failure from "./Failure.js"
import * as Store from "./Store.js"

/**
 * Writes the whole store, as of one moment, to `destination`, which must not exist. The copy is written beside it and
 * renamed at the end, so that a backup that was cut off is never taken for one. It is a store like any other: open it
 * to check it (`Maintenance.verify`), or put it in the place of the lost one.
 */
export const backup = (
  destination: string
): Effect.Effect<void, Errors.LogError | StoreUnavailable, Store.Store> =>
  Effect.gen(function*() {
    const { writer } = yield* Store.Store
    if (existsSync(destination)) {
      return yield* new StoreUnavailable({ filename: destination, detail: "a file of that name exists" })
    }
    const partial = `${destination}.partial`
    rmSync(partial, { force: true })
    // On the writing connection: SQLite carries what that connection writes meanwhile into the copy. From another one,
    // every commit would begin the copy anew.
    yield* writer.client.backup(partial).pipe(
      Effect.mapError((error) => new Errors.LogError({ operation: "back up", cause: Failure.reasonOf(error) })),
      Effect.tapError(() => Effect.sync(() => rmSync(partial, { force: true })))
    )
    yield* Effect.sync(() => renameSync(partial, destination))
  })
