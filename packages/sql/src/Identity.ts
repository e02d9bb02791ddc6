/**
 * Ties a write-ahead log to the file that it lies beside. SQLite takes any log that is whole, also the one of another store,
 * or of this one before a backup was put back; what it reads then is neither the one nor the other.
 *
 * So the header of the file, on its first page, holds a random number of the store (`application_id`) and the epoch in which
 * its log was begun (`user_version`), and the first transaction of each log holds that page again.
 */
import type { Connection } from "@effect/sql/SqlConnection"
import { randomInt } from "node:crypto"
import { closeSync, fsyncSync, openSync, readSync, writeSync } from "node:fs"
import { Effect } from "effect"

/** Where SQLite keeps them, as big-endian words. */
const USER_VERSION = 60
const APPLICATION_ID = 68

const wordIn = (filename: string, offset: number): number => {
  const file = openSync(filename, "r")
  try {
    const bytes = Buffer.alloc(4)
    readSync(file, bytes, 0, 4, offset)
    return bytes.readInt32BE()
  } finally {
    closeSync(file)
  }
}

const ask = (connection: Connection, pragma: string) =>
  Effect.map(connection.executeValues(`PRAGMA ${pragma}`, []), (rows) => Number(rows[0]?.[0]))

/** Whether the log through which `connection` reads belongs to the file. A file that has no number yet takes any. */
export const fits = (filename: string, connection: Connection) =>
  Effect.gen(function*() {
    const id = wordIn(filename, APPLICATION_ID)
    if (id === 0) return true
    const epoch = wordIn(filename, USER_VERSION)
    const begun = yield* ask(connection, "user_version")
    // One more: the process that was to begin the epoch died before all of it was in the file.
    return (yield* ask(connection, "application_id")) === id && (begun === epoch || begun === epoch + 1)
  })

/** Gives the file a number, unless it has one, and the epoch. */
export const write = (connection: Connection, epoch: number) =>
  Effect.gen(function*() {
    if ((yield* ask(connection, "application_id")) === 0) {
      yield* connection.executeRaw(`PRAGMA application_id=${newId()}`, [])
    }
    yield* connection.executeRaw(`PRAGMA user_version=${epoch}`, [])
  })

/** Another number, for a copy that goes its own way from here on. */
export const renew = (filename: string): void => {
  const file = openSync(filename, "r+")
  try {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(newId())
    writeSync(file, bytes, 0, 4, APPLICATION_ID)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

const newId = (): number => randomInt(1, 2 ** 31)
