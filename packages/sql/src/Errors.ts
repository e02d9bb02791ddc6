/**
 * Why a store cannot be opened, or cannot be trusted any longer. Each says what happened in `message` and what the
 * operator can do in `hint`; docs/errors.md has a heading for each. What fails later, while the store is open, is
 * core's `LogError`, with one of these or the driver's error as its cause.
 */
import { Data } from "effect"

const told = (tag: string, what: string, hint: string): string =>
  `${what}\n  hint: ${hint}\n  see: docs/errors.md#${tag.toLowerCase()}`

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Somebody else, in this process or another, has the store open. */
export class StoreLocked extends Data.TaggedError("StoreLocked")<{ readonly filename: string }> {
  get hint() {
    return "Stop the process that has it open; its lock ends with it. Only one process may own a SQLite store."
  }
  override get message() {
    return told("StoreLocked", `The store ${this.filename} is open elsewhere.`, this.hint)
  }
}

/** The file is not a SQLite database, or is cut short, or its pages contradict one another. */
export class StoreDamaged extends Data.TaggedError("StoreDamaged")<{
  readonly filename: string
  readonly detail: string
}> {
  get hint() {
    return "Keep the file for examination and restore the last backup."
  }
  override get message() {
    return told("StoreDamaged", `The store ${this.filename} is damaged: ${this.detail}`, this.hint)
  }
}

/** The file was written by a newer Reprise than this one. */
export class StoreNewer extends Data.TaggedError("StoreNewer")<{
  readonly filename: string
  readonly found: number
  readonly known: number
}> {
  get hint() {
    return "Run the newer version of Reprise again; a store is never migrated backwards."
  }
  override get message() {
    return told(
      "StoreNewer",
      `The store ${this.filename} has schema ${this.found}; this version knows ${this.known}.`,
      this.hint
    )
  }
}

/** The file was written by an older Reprise, and was opened only to be read. */
export class StoreOlder extends Data.TaggedError("StoreOlder")<{
  readonly filename: string
  readonly found: number
  readonly known: number
}> {
  get hint() {
    return "Make a copy with `reprise db backup`, bring it up to date with `reprise db rebuild --store COPY`, and read that."
  }
  override get message() {
    return told(
      "StoreOlder",
      `The store ${this.filename} has schema ${this.found}; this version reads ${this.known}, and reading does not change it.`,
      this.hint
    )
  }
}

/** The file or its directory does not take writes. */
export class StoreReadOnly extends Data.TaggedError("StoreReadOnly")<{
  readonly filename: string
  readonly detail: string
}> {
  get hint() {
    return "Give this process write permission for the file and its directory, or move them off the read-only mount."
  }
  override get message() {
    return told("StoreReadOnly", `The store ${this.filename} cannot be written: ${this.detail}`, this.hint)
  }
}

/** SQLite would run with settings under which acknowledged events can be lost. */
export class StoreUnsafe extends Data.TaggedError("StoreUnsafe")<{
  readonly filename: string
  readonly setting: string
  readonly wanted: string
  readonly found: string
}> {
  get hint() {
    return "Keep the store on a local disk and use the SQLite that comes with better-sqlite3."
  }
  override get message() {
    return told(
      "StoreUnsafe",
      `The store ${this.filename} has ${this.setting} ${this.found}; ${this.wanted} is needed.`,
      this.hint
    )
  }
}

/** The file cannot be reached: its directory is missing, it is a directory itself, or the disk does not answer. */
export class StoreUnavailable extends Data.TaggedError("StoreUnavailable")<{
  readonly filename: string
  readonly detail: string
}> {
  get hint() {
    return "Create the directory first, and check the path, its permissions and the disk."
  }
  override get message() {
    return told("StoreUnavailable", `The store ${this.filename} cannot be opened: ${this.detail}`, this.hint)
  }
}

/** The disk failed to make a write durable: what it holds is unknown, so nothing more is acknowledged. */
export class StoreFailed extends Data.TaggedError("StoreFailed")<{
  readonly filename: string
  readonly cause: unknown
}> {
  get hint() {
    return "Check the disk, then restart the process: it reads what was really stored."
  }
  override get message() {
    return told("StoreFailed", `The disk under ${this.filename} failed: ${textOf(this.cause)}`, this.hint)
  }
}

/** The store was closed while, or before, the call was made. */
export class StoreClosed extends Data.TaggedError("StoreClosed")<{ readonly filename: string }> {
  get hint() {
    return "The process is shutting down; the call was not applied."
  }
  override get message() {
    return told("StoreClosed", `The store ${this.filename} is closed.`, this.hint)
  }
}

/** A document is not an exported run, or cannot become a run of this store. */
export class ImportRefused extends Data.TaggedError("ImportRefused")<{ readonly detail: string }> {
  get hint() {
    return "Import the unchanged result of an export, into a store that has no run with its id."
  }
  override get message() {
    return told("ImportRefused", `The run was not imported: ${this.detail}`, this.hint)
  }
}

/** What can go wrong when a store is opened. */
export type StoreError =
  | StoreLocked
  | StoreDamaged
  | StoreNewer
  | StoreOlder
  | StoreReadOnly
  | StoreUnsafe
  | StoreUnavailable
