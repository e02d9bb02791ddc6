/**
 * An open store: its lock, its two connections, its settings and its committer. Opening goes from what is cheap to
 * refuse to what is expensive: the path, the lock, the settings, the pages, the schema. Nothing is written before the
 * lock is held.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { Errors as CoreErrors } from "@reprise/core/engine"
import { Context, Effect, type Scope } from "effect"
import { accessSync, constants, existsSync, realpathSync, statSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import * as Clients from "./Clients.js"
import * as Committer from "./Committer.js"
import * as Errors from "./Errors.js"
import * as Failure from "./Failure.js"
import * as Identity from "./Identity.js"
import * as Lock from "./Lock.js"
import * as Migrations from "./Migrations.js"
import * as WriteAheadLog from "./WriteAheadLog.js"

export interface Options {
  /** The database file; it is created when it does not exist, its directory is not. */
  readonly filename: string
  /**
   * `full` (the default) flushes each commit to the disk. `normal` does not: faster, and a power cut loses the last
   * acknowledged events, though it damages nothing.
   */
  readonly durability?: "full" | "normal"
  /** How long a statement waits for a lock of SQLite's own, such as a backup's. */
  readonly busyTimeoutMillis?: number
  /**
   * Called once when the disk fails to make a commit durable, after which the store refuses everything. By default the
   * process ends with the error: what its disk holds is unknown, and only a process that reads it anew can go on.
   */
  readonly onFailed?: (error: Errors.StoreFailed) => void
}

export interface StoreShape {
  readonly filename: string
  readonly epoch: number
  readonly durability: "full" | "normal"
  readonly committer: Committer.Committer
  readonly writer: Clients.Opened
  readonly reader: Connection
}

/** The open store behind a Log, for Maintenance. */
export class Store extends Context.Tag("@reprise/sql/Store")<Store, StoreShape>() {}

/** A store that may be read, whether this process has it open or another one. */
export interface ReaderShape {
  readonly filename: string
  readonly connection: Connection
  /** Why nothing is to be read any more, if so. */
  readonly refusal: () => Refusal | undefined
}

export class Reader extends Context.Tag("@reprise/sql/Reader")<Reader, ReaderShape>() {}

export const readerOf = ({ committer, filename, reader }: StoreShape): ReaderShape => ({
  filename,
  connection: reader,
  refusal: () => committer.refusal
})

/** What the store did wrong becomes a LogError; what is said about one run stays what it is. */
export const reading = <A, E>({ refusal }: ReaderShape, operation: string, effect: Effect.Effect<A, E>) =>
  Effect.suspend((): Effect.Effect<A, E | Refusal> => {
    const refused = refusal()
    return refused === undefined ? effect : Effect.fail(refused)
  }).pipe(
    Effect.mapError((error) =>
      Failure.isStoreFault(error)
        ? new CoreErrors.LogError({ operation, cause: Failure.reasonOf(error) })
        : (error as Exclude<E, Refusal | SqlError>)
    )
  )

/** What a store that was opened only to be read says to whoever writes. */
export const refused = ({ filename }: ReaderShape, operation: string) => {
  const cause = new Errors.StoreReadOnly({ filename, detail: "it was opened only to be read" })
  return Effect.fail(new CoreErrors.LogError({ operation, cause }))
}

type Refusal = Errors.StoreFailed | Errors.StoreClosed

/** SQLite before this version could lose a write when the write-ahead log was reset. */
const VERSION_MIN = [3, 51, 3] as const
/** Up to this size every page is checked when the store is opened; a larger store is checked by Maintenance.verify. */
const CHECKED_BYTES_MAX = 16 * 1024 * 1024
const BUSY_TIMEOUT_MILLIS = 5_000
/** 64 MB: a larger write-ahead log is copied back less often, and pages that many runs share are copied once. */
const CHECKPOINT_PAGES = 16_000
/** The driver's 2 MB spill in the middle of a transaction that touches a thousand runs. */
const CACHE_KIBIBYTES = 64 * 1024

export const open = (options: Options): Effect.Effect<StoreShape, Errors.StoreError, Scope.Scope> =>
  Effect.gen(function*() {
    const filename = yield* locate(options.filename)
    yield* Lock.hold(filename)
    // What cannot be read here, SQLite cannot open either, and says so by name.
    const index = yield* Effect.orElseSucceed(Effect.try(() => WriteAheadLog.indexOf(filename)), () => undefined)
    const writer = yield* Clients.writer(filename)
    const epoch = yield* prepare(filename, writer, options, index).pipe(
      Effect.catchAllDefect((defect) => Effect.fail(defect)),
      Effect.mapError((error) => Failure.whileOpening(filename, error))
    )
    const reader = yield* Clients.reader(filename)
    const committer = yield* Committer.make(filename, writer.connection, epoch, options.onFailed)
    return { filename, epoch, durability: options.durability ?? "full", committer, writer, reader: reader.connection }
  })

/**
 * Opens a store to read it, beside the process that owns it: without its lock, and without a write. SQLite shows each
 * statement what was committed before it began, and keeps nobody waiting for it. Only a store of the current schema can be
 * read: bringing it up to date is its owner's.
 */
export const openReader = (filename: string): Effect.Effect<ReaderShape, Errors.StoreError, Scope.Scope> =>
  Effect.gen(function*() {
    const path = yield* existing(filename)
    const { client, connection } = yield* Clients.reader(path)
    yield* checkReadable(path, connection).pipe(
      Effect.provideService(SqlClient, client),
      Effect.catchAllDefect((defect) => Effect.fail(defect)),
      Effect.mapError((error) => Failure.whileOpening(path, error))
    )
    return { filename: path, connection, refusal: () => undefined }
  })

const checkReadable = (filename: string, connection: Connection) =>
  Effect.gen(function*() {
    yield* checkVersion(filename, connection)
    yield* connection.executeRaw(`PRAGMA busy_timeout=${BUSY_TIMEOUT_MILLIS}`, [])
    yield* connection.executeRaw(`PRAGMA cache_size=-${CACHE_KIBIBYTES}`, [])
    yield* Migrations.check(filename)
  })

/** The real path of a store that must be there. */
export const existing = (filename: string): Effect.Effect<string, Errors.StoreUnavailable> =>
  Effect.try({
    try: () => {
      const path = realpathSync(filename)
      if (!statSync(path).isFile()) throw new Error("it is not a file")
      return path
    },
    catch: (cause) => new Errors.StoreUnavailable({ filename, detail: cause instanceof Error ? cause.message : String(cause) })
  })

/** The file's real path, so that two paths to one file share one lock. */
const locate = (filename: string): Effect.Effect<string, Errors.StoreUnavailable | Errors.StoreReadOnly> =>
  Effect.try({
    try: () => {
      // To SQLite these mean something else than a file of that name.
      if (filename === ":memory:" || filename.includes("\0")) throw new Error("a store is a file; for tests there is MemoryLog")
      const exists = existsSync(filename)
      const path = exists ? realpathSync(filename) : join(realpathSync(dirname(filename)), basename(filename))
      if (exists && !statSync(path).isFile()) throw new Error("it is not a file")
      accessSync(dirname(path), constants.W_OK)
      return path
    },
    catch: (cause) => {
      const detail = cause instanceof Error ? cause.message : String(cause)
      const code = cause instanceof Error && "code" in cause ? cause.code : undefined
      const refused = code === "EACCES" || code === "EROFS" || code === "EPERM"
      return new (refused ? Errors.StoreReadOnly : Errors.StoreUnavailable)({ filename, detail })
    }
  })

/** Sets and checks everything, brings the schema up to date, and takes the next epoch. */
const prepare = (
  filename: string,
  { client, connection }: Clients.Opened,
  options: Options,
  index: WriteAheadLog.Index | undefined
) =>
  Effect.gen(function*() {
    yield* checkVersion(filename, connection)
    yield* connection.executeRaw(`PRAGMA busy_timeout=${options.busyTimeoutMillis ?? BUSY_TIMEOUT_MILLIS}`, [])
    yield* connection.executeRaw("PRAGMA foreign_keys=ON", [])
    yield* connection.executeRaw(`PRAGMA wal_autocheckpoint=${CHECKPOINT_PAGES}`, [])
    yield* connection.executeRaw(`PRAGMA cache_size=-${CACHE_KIBIBYTES}`, [])
    yield* setDurability(filename, connection, options.durability ?? "full")
    yield* checkPages(filename, connection, index)
    yield* Migrations.migrate(filename).pipe(Effect.provideService(SqlClient, client))
    const flushed = options.durability === "normal" ? 0 : 1
    yield* connection.executeRaw("UPDATE store SET epoch=epoch+1,retaining=0,flushed=?", [flushed])
    const epoch = yield* ask(connection, "SELECT epoch FROM store")
    yield* Identity.write(connection, epoch)
    // Into the main file, where the next opening finds it whatever becomes of the log.
    yield* connection.executeRaw("PRAGMA wal_checkpoint(TRUNCATE)", [])
    // Begins the new log.
    yield* Identity.write(connection, epoch)
    return epoch
  })

const ask = (connection: Connection, sql: string) =>
  Effect.map(connection.executeValues(sql, []), (rows) => Number(rows[0]?.[0]))

const askText = (connection: Connection, sql: string) =>
  Effect.map(connection.executeValues(sql, []), (rows) => String(rows[0]?.[0]))

const checkVersion = (filename: string, connection: Connection) =>
  Effect.gen(function*() {
    const found = yield* askText(connection, "SELECT sqlite_version()")
    const parts = found.split(".").map(Number)
    const difference = VERSION_MIN.map((min, index) => (parts[index] ?? 0) - min).find((d) => d !== 0) ?? 0
    if (difference >= 0) return
    return yield* new Errors.StoreUnsafe({ filename, setting: "SQLite", wanted: VERSION_MIN.join("."), found })
  })

/** Sets what durability rests on and reads it back: the driver's own default loses acknowledged events. */
const setDurability = (filename: string, connection: Connection, durability: "full" | "normal") =>
  Effect.gen(function*() {
    const journal = yield* askText(connection, "PRAGMA journal_mode=WAL")
    if (journal !== "wal") {
      return yield* new Errors.StoreUnsafe({ filename, setting: "journal_mode", wanted: "wal", found: journal })
    }
    yield* connection.executeRaw(`PRAGMA synchronous=${durability.toUpperCase()}`, [])
    const wanted = durability === "full" ? 2 : 1
    const found = yield* ask(connection, "PRAGMA synchronous")
    if (found !== wanted) {
      const setting = { setting: "synchronous", wanted: String(wanted), found: String(found) }
      return yield* new Errors.StoreUnsafe({ filename, ...setting })
    }
    if (durability === "normal") {
      yield* Effect.logWarning(`${filename}: durability "normal": a power cut may lose the last acknowledged events`)
    }
  })

const checkLog = (filename: string, connection: Connection, index: WriteAheadLog.Index | undefined) =>
  Effect.gen(function*() {
    const [log] = yield* connection.executeValues("PRAGMA wal_checkpoint(NOOP)", [])
    const frameCount = Math.max(0, Number(log?.[1]))
    if (frameCount > 0 && !(yield* Identity.fits(filename, connection))) {
      return yield* new Errors.StoreDamaged({ filename, detail: "its write-ahead log belongs to another file" })
    }
    const detail = WriteAheadLog.damageOf(filename, frameCount, index)
    if (detail === undefined) return
    // Without a flush for each commit, a power cut leaves such a log too.
    const flushed = yield* Effect.orElseSucceed(ask(connection, "SELECT flushed FROM store"), () => 1)
    if (flushed === 1) return yield* new Errors.StoreDamaged({ filename, detail })
    yield* Effect.logWarning(`${filename}: ${detail}; it was written with durability "normal"`)
  })

/** A file that was cut short or overwritten, or whose log was, is refused before anything is read from it. */
const checkPages = (filename: string, connection: Connection, index: WriteAheadLog.Index | undefined) =>
  Effect.gen(function*() {
    yield* checkLog(filename, connection, index)
    // Everything into the main file, so that its length can be compared with what its header says.
    yield* connection.executeRaw("PRAGMA wal_checkpoint(TRUNCATE)", [])
    const wanted = (yield* ask(connection, "PRAGMA page_count")) * (yield* ask(connection, "PRAGMA page_size"))
    const found = statSync(filename).size
    if (found < wanted) {
      return yield* new Errors.StoreDamaged({ filename, detail: `it has ${found} bytes of ${wanted}` })
    }
    if (found > CHECKED_BYTES_MAX) return
    const detail = yield* askText(connection, "PRAGMA integrity_check(1)")
    if (detail !== "ok") return yield* new Errors.StoreDamaged({ filename, detail })
  })
