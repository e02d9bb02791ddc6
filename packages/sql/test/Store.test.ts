import { expect, it } from "@effect/vitest"
import { Log } from "@reprise/core/engine"
import { Maintenance, Sqlite } from "@reprise/sql"
import { Effect, Logger } from "effect"
import { chmodSync, copyFileSync, mkdirSync, readFileSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { isDeepStrictEqual as equals } from "node:util"
import { Store } from "../src/Store.js"
import { child } from "./child.js"
import * as given from "./given.js"

const open = (filename: string, options: Partial<Sqlite.Options> = {}) =>
  Effect.scoped(Effect.provide(Log.Log, Sqlite.layer({ filename, ...options })))

const refusal = (filename: string) => Effect.map(Effect.flip(open(filename)), (error) => error._tag)

const small = (filename: string) =>
  given.process(filename, (log) =>
    Effect.gen(function*() {
      yield* given.run(log, "r1", 5, "k")
      yield* given.run(log, "r2", 2)
      yield* log.send("r1", given.signal("m1"))
      yield* log.send("r1", given.signal("m2"))
      yield* given.append(log, "r2", 3, [given.completed], { row: given.closed })
      yield* log.append([given.start(log, "r3")])
    }))

it.scoped("the settings that durability rests on are what was asked for", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    const settings = Effect.flatMap(Store, ({ writer }) =>
      Effect.all([
        writer.client`PRAGMA journal_mode`,
        writer.client`PRAGMA synchronous`,
        writer.client`PRAGMA foreign_keys`,
        writer.client`PRAGMA busy_timeout`
      ]).pipe(Effect.map((rows) => rows.map(([row]) => Object.values(row ?? {})[0]))))
    expect(yield* given.process(filename, () => settings)).toEqual(["wal", 2, 1, 5_000])
    const warnings: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void warnings.push(`${logLevel.label} ${String(message)}`))
    const normal = given.process(filename, () => settings, { durability: "normal", busyTimeoutMillis: 7 })
    expect(yield* Effect.provide(normal, Logger.replace(Logger.defaultLogger, logger))).toEqual(["wal", 1, 1, 7])
    expect(warnings.filter((line) => line.startsWith("WARN") && line.includes("power cut"))).toHaveLength(1)
  }))

it.scoped("a missing directory, a directory in the place of the file, and what is no file at all, are unavailable", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    expect(yield* refusal(join(dirname(filename), "missing", "log.db"))).toBe("StoreUnavailable")
    mkdirSync(filename)
    expect(yield* refusal(filename)).toBe("StoreUnavailable")
    expect(yield* refusal(":memory:")).toBe("StoreUnavailable")
    expect(yield* refusal(`${filename}\0.db`)).toBe("StoreUnavailable")
  }))

it.scoped("a file that is not a store is damaged, and is left as it is", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    const texts = ["not a database at all", "x".repeat(100_000), "SQLite format 3\0", "\0".repeat(8_192)]
    for (const text of texts) {
      writeFileSync(filename, text)
      expect(yield* refusal(filename)).toBe("StoreDamaged")
      expect(readFileSync(filename, "latin1")).toBe(text)
    }
  }))

it.scoped("a database of another program is refused and not touched", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.raw(filename, (db) => db.exec("CREATE TABLE theirs(a)"))
    expect(yield* refusal(filename)).toBe("StoreDamaged")
    const tables = yield* given.raw(filename, (db) => db.prepare("SELECT name FROM sqlite_schema").pluck().all())
    expect(tables).toEqual(["theirs"])
  }))

it.scoped("a store of the schema before is brought up to date, with all that is in it", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    const before = yield* given.process(filename, (log) => Effect.zipRight(given.run(log, "run"), given.contents(log)))
    yield* given.raw(filename, (db) =>
      db.exec("DROP TABLE records; DROP TABLE run_logs; DROP INDEX runs_tally; DELETE FROM migrations WHERE migration_id>2"))
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        expect(yield* given.contents(log)).toEqual(before)
        expect(yield* log.tally({})).toEqual([{ workflow: "checkout", status: "running", count: 1 }])
        expect((yield* log.feed(0, 9, {})).events).toHaveLength(4)
      }))
  }))

it.scoped("a store whose making was cut off after the migrator's own table is made to its end", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.raw(filename, (db) =>
      db.exec(`CREATE TABLE migrations(migration_id integer PRIMARY KEY NOT NULL,
        created_at datetime NOT NULL DEFAULT current_timestamp, name VARCHAR(255) NOT NULL)`))
    yield* small(filename)
    expect(yield* given.process(filename, (log) => log.find({ limit: 10 }))).toHaveLength(3)
  }))

it.scoped("a store that was cut short is damaged, wherever it was cut", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* small(filename)
    const whole = readFileSync(filename)
    const cut = join(dirname(filename), "cut.db")
    for (const share of [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999]) {
      copyFileSync(filename, cut)
      truncateSync(cut, Math.floor(whole.length * share))
      expect([share, yield* refusal(cut)]).toEqual([share, "StoreDamaged"])
    }
  }))

it.scoped("a store whose schema says something else is damaged, though its pages are sound", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* small(filename)
    const changes = [["polls", "count INTEGER", "count INTEGEX"], ["events_keep", "BEFORE UPDATE", "BEFORE INSERT"]]
    const changed = join(dirname(filename), "changed.db")
    for (const [name, from, to] of changes) {
      copyFileSync(filename, changed)
      yield* given.raw(changed, (db) => {
        db.unsafeMode()
        db.pragma("writable_schema=ON")
        db.prepare("UPDATE sqlite_schema SET sql=replace(sql,?,?) WHERE name=?").run(from, to, name)
      })
      const error = yield* Effect.flip(open(changed))
      expect(error).toMatchObject({ _tag: "StoreDamaged", detail: expect.stringContaining(`schema was changed: ${name}`) })
    }
  }))

it.scoped("a store of a newer version is refused and not touched", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* small(filename)
    yield* given.raw(filename, (db) => db.exec("INSERT INTO migrations(migration_id, name) VALUES (99, 'later')"))
    const error = yield* Effect.flip(open(filename))
    expect(error).toMatchObject({ _tag: "StoreNewer", found: 99, known: 3 })
    expect(yield* given.raw(filename, (db) => db.prepare("SELECT epoch FROM store").pluck().get())).toBe(1)
  }))

it.scoped("a second opening of the store is refused at once, by any path to it", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    const link = join(dirname(filename), "link.db")
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        yield* given.run(log, "r1")
        symlinkSync(filename, link)
        const before = performance.now()
        expect(yield* refusal(filename)).toBe("StoreLocked")
        expect(yield* refusal(link)).toBe("StoreLocked")
        expect(performance.now() - before).toBeLessThan(4_000)
        expect(yield* given.append(log, "r1", 4, [given.scheduled("0#9")])).toBe("Committed")
      }))
    expect(yield* given.process(link, (log) => log.read("r1", 4, 9))).toHaveLength(1)
  }))

it.scoped("a second process is refused; the lock ends with the first, however it ends", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    const first = yield* child("hold", filename)
    yield* first.said(1)
    expect(first.lines).toEqual(["held"])
    expect(yield* refusal(filename)).toBe("StoreLocked")
    yield* first.kill
    expect(readdirSync(dirname(filename)).filter((name) => name.includes(".lock"))).toEqual([basename(`${filename}.lock`)])
    yield* small(filename)
  }), 30_000)

it.scoped("a file that this user may not write is read-only", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* small(filename)
    const path = dirname(filename)
    const told = Effect.scoped(Effect.gen(function*() {
      const other = yield* child("powerless", filename)
      yield* other.said(1)
      return other.lines
    }))
    // The folder takes new files, the store takes no writes; then neither does.
    chmodSync(filename, 0o444)
    chmodSync(`${filename}.lock`, 0o666)
    chmodSync(path, 0o777)
    expect(yield* told).toEqual(["StoreReadOnly"])
    chmodSync(path, 0o555)
    expect(yield* told).toEqual(["StoreReadOnly"])
    chmodSync(path, 0o777)
  }), 30_000)

it.scoped("a store with any byte changed is refused, names the damage, or is the same", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* small(filename)
    const whole = readFileSync(filename)
    const expected = yield* given.process(filename, given.contents)
    const changed = join(dirname(filename), "changed.db")
    const counts = { refused: 0, named: 0, same: 0 }
    // Most of a small store is the empty rest of its pages; what is not zero says something.
    const written = [...whole.keys()].filter((offset) => whole[offset] !== 0)
    for (const offset of written.filter((_, index) => index % STEP === 0)) {
      const bytes = Buffer.from(whole)
      bytes[offset] = (bytes[offset] ?? 0) ^ (1 + (offset % 255))
      writeFileSync(changed, bytes)
      counts[yield* outcome(changed, expected)] += 1
    }
    expect(counts.refused).toBeGreaterThan(100)
    expect(counts.named).toBeGreaterThan(50)
    expect(counts.same).toBeGreaterThan(5)
  }), 60_000)

/** Every so many bytes. With 1 it takes half a minute, and holds. */
const STEP = 13

type Contents = Effect.Effect.Success<ReturnType<typeof given.contents>>

const outcome = (filename: string, expected: Contents) =>
  Effect.gen(function*() {
    const found = yield* Effect.either(given.process(filename, given.contents))
    if (found._tag === "Left") return "refused" as const
    const isNamed = found.right.some(({ history, inbox }) => history._tag === "Left" || inbox._tag === "Left")
    if (isNamed) return "named" as const
    expect(found.right.map(lasting)).toEqual(expected.map(lasting))
    if (equals(found.right, expected)) return "same" as const
    const { problems } = yield* given.process(filename, () => Maintenance.verify)
    expect(problems).not.toEqual([])
    return "named" as const
  })

/** Without the columns that follow from the history: `verify` says when they do not. */
const lasting = ({ history, inbox, summary }: Contents[number]) => {
  const { closedAt: _closedAt, startedAt: _startedAt, status: _status, wakeAt: _wakeAt, ...rest } = summary
  return { history, inbox, summary: rest }
}
