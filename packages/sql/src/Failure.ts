/** What an error of the driver means: for the opening of a store, and for a transaction that failed. */
import { SqlError } from "@effect/sql/SqlError"
import Database from "better-sqlite3"
import * as StoreErrors from "./Errors.js"

/** The driver's own error, out of its wrappers. */
export const reasonOf = (error: unknown): unknown => (error instanceof SqlError ? reasonOf(error.cause) : error)

/** SQLite's extended result code, such as `SQLITE_IOERR_FSYNC`; empty when the error is not SQLite's. */
const codeOf = (error: unknown): string => {
  const reason = reasonOf(error)
  return reason instanceof Database.SqliteError ? reason.code : ""
}

/** Whether the store, not the operation, is at fault. */
export const isStoreFault = (error: unknown): boolean =>
  error instanceof SqlError || codeOf(error) !== "" || error instanceof StoreErrors.StoreFailed ||
  error instanceof StoreErrors.StoreClosed

/** The disk did not take a flush: what it holds is unknown. */
export const isFsync = (error: unknown): boolean => /^SQLITE_IOERR_(DIR_)?FSYNC$/.test(codeOf(error))

/** The disk is full or fails: trying again at once can only make it worse. */
export const isDisk = (error: unknown): boolean => /^SQLITE_(IOERR|FULL|CORRUPT|READONLY|NOTADB)/.test(codeOf(error))

const detailOf = (error: unknown): string => {
  const reason = reasonOf(error)
  const code = codeOf(error)
  return `${reason instanceof Error ? reason.message : String(reason)}${code === "" ? "" : ` (${code})`}`
}

/** The error that opening `filename` ends with. */
export const whileOpening = (filename: string, error: unknown): StoreErrors.StoreError => {
  if (isNamed(error)) return error
  const code = codeOf(error)
  const detail = detailOf(error)
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return new StoreErrors.StoreLocked({ filename })
  if (code.startsWith("SQLITE_READONLY")) return new StoreErrors.StoreReadOnly({ filename, detail })
  if (/^SQLITE_(CANTOPEN|IOERR(?!_SHORT_READ)|FULL|AUTH|PERM)/.test(code)) {
    return new StoreErrors.StoreUnavailable({ filename, detail })
  }
  return new StoreErrors.StoreDamaged({ filename, detail })
}

const isNamed = (error: unknown): error is StoreErrors.StoreError =>
  error instanceof StoreErrors.StoreLocked || error instanceof StoreErrors.StoreDamaged ||
  error instanceof StoreErrors.StoreNewer || error instanceof StoreErrors.StoreOlder ||
  error instanceof StoreErrors.StoreReadOnly || error instanceof StoreErrors.StoreUnsafe ||
  error instanceof StoreErrors.StoreUnavailable
