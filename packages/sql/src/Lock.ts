/**
 * The lock of a store: a second SQLite file beside it, held in an exclusive transaction. The operating system lets go
 * of it when the process dies, however it dies, so no stale lock is ever left to clear by hand. The empty lock file
 * stays: removing it would let two processes lock two different files of the same name.
 */
import { Effect, type Scope } from "effect"
import * as Clients from "./Clients.js"
import type { StoreError } from "./Errors.js"

export const hold = (filename: string): Effect.Effect<void, StoreError, Scope.Scope> =>
  Effect.gen(function*() {
    const { connection } = yield* Clients.plain(`${filename}.lock`)
    // Who finds it locked is told at once: the holder keeps it for hours.
    yield* connection.executeRaw("PRAGMA busy_timeout=0", [])
    // Nothing is ever written, and a journal would be left behind by a kill.
    yield* connection.executeRaw("PRAGMA journal_mode=MEMORY", [])
    yield* connection.executeRaw("BEGIN EXCLUSIVE", [])
  }).pipe(Effect.mapError((error) => Clients.whileOpening(filename, error)))
