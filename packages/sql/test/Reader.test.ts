/** A store is read while another process has it open, and after that one has died. */
import { it } from "@effect/vitest"
import { Log, Records, RunLogs } from "@reprise/core/engine"
import { Maintenance, Sqlite } from "@reprise/sql"
import Database from "better-sqlite3"
import { Effect, type Layer } from "effect"
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect } from "vitest"
import * as given from "./given.js"

type Read = Layer.Layer.Success<ReturnType<typeof Sqlite.readerLayer>>

const reading = <A, E>(filename: string, body: (log: Log.LogShape) => Effect.Effect<A, E, Read>) =>
  Effect.flatMap(Log.Log, body).pipe(Effect.provide(Sqlite.readerLayer({ filename })))

const failure = (filename: string) => Effect.map(Effect.flip(reading(filename, () => Effect.void)), (error) => error)

it.scoped("who reads sees each commit of the process that has the store open, and nothing of it is in its way", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.process(filename, (owner) =>
      reading(filename, (log) =>
        Effect.gen(function*() {
          for (let i = 0; i < 50; i++) {
            yield* given.run(owner, `run-${i}`)
            expect((yield* log.find({ limit: 100 })).length).toBe(i + 1)
            expect((yield* log.read(`run-${i}`, 0, 100)).length).toBe(4)
          }
          expect(yield* given.contents(log)).toEqual(yield* given.contents(owner))
        })))
  }))

it.scoped("who reads cannot write", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    const line = { runId: "run", stepId: "0#0", stepName: "0#0", attempt: 1, at: 0, level: "info", text: "hi", fields: {} } as const
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        yield* given.run(log, "run")
        yield* Effect.flatMap(Records.Records, (records) => records.put("keys", "a", [7]))
        yield* Effect.flatMap(RunLogs.RunLogs, (lines) => lines.write([line]))
      }))
    yield* reading(filename, (log) =>
      Effect.gen(function*() {
        const [records, lines] = yield* Effect.all([Records.Records, RunLogs.RunLogs])
        expect(yield* records.list("keys", { limit: 9 })).toEqual([{ id: "a", value: [7] }])
        expect(yield* lines.read("run", { after: 0, limit: 9 })).toEqual([{ position: 1, ...line }])
        expect((yield* log.feed(0, 9, {})).events).toHaveLength(4)
        const writes = [
          Effect.flip(log.append([given.start(log, "other")])),
          Effect.flip(log.send("run", given.signal("m"))),
          Effect.flip(log.note([])),
          ...[records.put("keys", "a", 1), records.insert("keys", "a", 1), records.remove("keys", "a")].map(Effect.flip),
          Effect.flip(lines.write([]))
        ]
        for (const write of writes) expect(String((yield* write).message)).toContain("opened only to be read")
      }))
    expect(yield* given.process(filename, (log) => log.find({ limit: 10 }))).toHaveLength(1)
  }))

it.scoped("the store of a process that has died is read as it was left", () =>
  Effect.gen(function*() {
    const folder = yield* given.folder
    const [filename, dead] = [join(folder, "log.db"), join(folder, "dead")]
    mkdirSync(dead)
    // A copy of both files, taken while the store is open, is what a kill leaves behind.
    yield* given.process(filename, (log) =>
      Effect.zipRight(
        given.run(log, "run"),
        Effect.sync(() => ["", "-wal"].forEach((end) => copyFileSync(`${filename}${end}`, join(dead, `log.db${end}`))))
      ))
    const left = join(dead, "log.db")
    const before = readFileSync(`${left}-wal`)
    expect(yield* reading(left, (log) => log.read("run", 0, 10))).toHaveLength(4)
    expect(readFileSync(`${left}-wal`)).toEqual(before)
    expect(yield* given.process(left, (log) => log.read("run", 0, 10))).toHaveLength(4)
  }))

it.scoped("exports and verifies beside the process that has the store open", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.process(filename, (owner) =>
      Effect.zipRight(
        given.run(owner, "run"),
        reading(filename, () =>
          Effect.gen(function*() {
            expect((yield* Maintenance.exportRun("run")).events).toHaveLength(4)
            expect(yield* Maintenance.verify).toEqual({ runs: 1, events: 4, problems: [] })
          }))
      ))
  }))

it.scoped("copies a store beside the process that has it open, whatever that one commits", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    const copy = `${filename}.copy`
    yield* given.process(filename, (owner) =>
      Effect.gen(function*() {
        yield* Effect.forEach(Array.from({ length: 20 }, (_, i) => i), (i) => given.run(owner, `run-${i}`))
        const busy = Effect.forEach(Array.from({ length: 100 }, (_, i) => i), (i) => given.run(owner, `busy-${i}`))
        yield* Effect.zip(busy, Maintenance.copy(filename, copy), { concurrent: true })
        expect(yield* Effect.flip(Maintenance.copy(filename, copy))).toMatchObject({ _tag: "StoreUnavailable" })
        expect(existsSync(`${copy}.partial`)).toBe(false)
      }))
    const verified = yield* given.process(copy, () => Maintenance.verify)
    expect(verified.problems).toEqual([])
    expect(verified.runs).toBeGreaterThanOrEqual(20)
  }))

it.scoped("what is no store of this schema is refused, and left as it was", () =>
  Effect.gen(function*() {
    const folder = yield* given.folder
    const at = (name: string) => join(folder, name)
    expect(yield* failure(at("missing.db"))).toMatchObject({ _tag: "StoreUnavailable" })
    expect(existsSync(at("missing.db"))).toBe(false)
    expect(yield* failure(folder)).toMatchObject({ _tag: "StoreUnavailable" })

    writeFileSync(at("text"), "this is no database, only a text that is long enough to look at".repeat(20))
    expect(yield* failure(at("text"))).toMatchObject({ _tag: "StoreDamaged" })
    writeFileSync(at("empty"), "")
    expect(yield* failure(at("empty"))).toMatchObject({ _tag: "StoreDamaged", detail: "it is empty" })
    yield* given.raw(at("theirs"), (db) => db.exec("CREATE TABLE theirs(a)"))
    expect(yield* failure(at("theirs"))).toMatchObject({ _tag: "StoreDamaged", detail: "it is a database of another program" })

    yield* given.process(at("ours"), (log) => given.run(log, "run"))
    const schema = (sql: string) => given.raw(at("ours"), (db: Database.Database) => db.exec(sql))
    yield* schema("INSERT INTO migrations(migration_id,name) VALUES (99,'later')")
    expect(yield* failure(at("ours"))).toMatchObject({ _tag: "StoreNewer", found: 99 })
    yield* schema("DELETE FROM migrations WHERE migration_id>1")
    expect(yield* failure(at("ours"))).toMatchObject({ _tag: "StoreOlder", found: 1 })
    // A copy of it can be made, to be brought up to date.
    yield* Maintenance.copy(at("ours"), at("copy"))
    expect(existsSync(at("copy"))).toBe(true)
  }))
