import { expect, it } from "@effect/vitest"
import { SqlError } from "@effect/sql/SqlError"
import { Log } from "@reprise/core/engine"
import { Sqlite } from "@reprise/sql"
import Database from "better-sqlite3"
import { Effect, Exit } from "effect"
import { execFileSync } from "node:child_process"
import { mkdirSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { Store } from "../src/Store.js"
import { child } from "./child.js"
import * as given from "./given.js"

/** Makes statements that begin with `prefix` fail with an error of SQLite's, and counts all others by first word. */
const tamper = (prefix: string, code: string | undefined) =>
  Effect.map(Store, ({ writer: { connection } }) => {
    const state = { code, statements: [] as Array<string> }
    const { executeRaw } = connection
    Object.assign(connection, {
      executeRaw: (sql: string, cells: ReadonlyArray<unknown>) => {
        state.statements.push(sql.split(" ", 1)[0] ?? "")
        if (state.code === undefined || !sql.startsWith(prefix)) return executeRaw(sql, cells)
        return Effect.fail(new SqlError({ cause: new Database.SqliteError("injected", state.code), message: "" }))
      }
    })
    return state
  })

it.scoped("calls that are ready together share one transaction; a lone append is one statement", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        const ids = Array.from({ length: 20 }, (_, index) => `r${index}`)
        yield* Effect.forEach(ids, (runId) => given.run(log, runId, 0), { concurrency: "unbounded" })
        const state = yield* tamper("", undefined)
        yield* Effect.forEach(ids, (runId) => given.append(log, runId, 1, [given.scheduled("0#0")]), {
          concurrency: "unbounded"
        })
        expect(state.statements).toEqual(["BEGIN", "INSERT", "INSERT", "COMMIT"])
        state.statements.length = 0
        yield* given.append(log, "r1", 2, [given.scheduled("0#1"), given.scheduled("0#2")])
        expect(state.statements).toEqual(["INSERT"])
      }))
  }))

it.scoped("after a failed commit every run is read again, and goes on", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        yield* given.run(log, "r1", 0)
        yield* given.run(log, "r2", 0)
        const state = yield* tamper("COMMIT", "SQLITE_IOERR_WRITE")
        const both = ["r1", "r2"].map((runId) => given.append(log, runId, 1, [given.scheduled("0#0")]))
        const failed = yield* Effect.all(both.map(Effect.flip), { concurrency: "unbounded" })
        expect(failed).toMatchObject([{ _tag: "LogError" }, { _tag: "LogError" }])
        expect(yield* log.read("r1", 0, 9)).toHaveLength(1)
        state.code = undefined
        expect(yield* Effect.all(both, { concurrency: "unbounded" })).toEqual(["Committed", "Committed"])
        expect(yield* given.append(log, "r1", 2, [given.scheduled("0#1")])).toBe("Committed")
        expect(yield* log.read("r1", 0, 9)).toHaveLength(3)
      }))
  }))

it.scoped("L5: a commit that failed and was applied all the same is found by reading", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        yield* given.run(log, "r1", 0)
        const { writer: { connection } } = yield* Store
        const { executeRaw } = connection
        const lost = new SqlError({ cause: new Database.SqliteError("injected", "SQLITE_IOERR"), message: "" })
        Object.assign(connection, {
          executeRaw: (sql: string, cells: ReadonlyArray<unknown>) =>
            Effect.zipRight(executeRaw(sql, cells), sql.startsWith("INSERT") ? Effect.fail(lost) : Effect.void)
        })
        const error = yield* Effect.flip(given.append(log, "r1", 1, [given.scheduled("0#0")]))
        expect(error).toMatchObject({ _tag: "LogError" })
        Object.assign(connection, { executeRaw })
        expect(yield* log.read("r1", 0, 9)).toHaveLength(2)
        expect(yield* given.append(log, "r1", 1, [given.scheduled("0#0")])).toBe("Stale")
        expect(yield* given.append(log, "r1", 2, [given.scheduled("0#1")])).toBe("Committed")
      }))
  }))

it.scoped("a failed fsync ends all acknowledgement until a restart, and is told once", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    const told: Array<unknown> = []
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        yield* given.run(log, "r1", 0)
        const state = yield* tamper("INSERT", "SQLITE_IOERR_FSYNC")
        const calls: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          given.append(log, "r1", 1, [given.scheduled("0#0")]),
          log.send("r1", given.signal("m1")),
          log.note([{ _tag: "Progress", runId: "r1", id: "0#0", details: 1 }]),
          log.read("r1", 0, 9),
          log.find({ limit: 1 })
        ]
        yield* Effect.flip(given.append(log, "r1", 1, [given.scheduled("0#0")]))
        state.code = undefined
        for (const call of calls) {
          expect(yield* Effect.flip(call)).toMatchObject({ _tag: "LogError", cause: { _tag: "StoreFailed" } })
        }
        yield* Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))
      }), { onFailed: (error) => told.push(error) })
    expect(told).toEqual([expect.objectContaining({ _tag: "StoreFailed" })])
    expect(yield* given.process(filename, (log) => log.read("r1", 0, 9))).toHaveLength(1)
  }))

it.scoped("a value that cannot be stored fails its own call and no other", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        yield* given.run(log, "r1", 0)
        yield* given.run(log, "r2", 0)
        const good = given.append(log, "r1", 1, [given.scheduled("0#0")])
        const bad = log.note([{ _tag: "Poll", runId: "r2", id: "0#0", count: Number.NaN, nextAt: 1, wakeAt: 1 }])
        const unwritable = given.append(log, "r2", 1, [{ ...given.scheduled("0#0"), at: Number.NaN }])
        const exits = yield* Effect.all([bad, good, unwritable].map((call) => Effect.exit(call)), {
          concurrency: "unbounded"
        })
        expect(exits.map(Exit.isSuccess)).toEqual([false, true, false])
        expect(yield* log.read("r1", 0, 9)).toHaveLength(2)
        expect((yield* log.find({ runIds: ["r2"], limit: 1 }))[0]?.wakeAt).toBeUndefined()
      }))
  }))

it.scoped("a listener that throws stops nobody", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        const told: Array<string> = []
        yield* log.watch(() => {
          throw new Error("a listener's own")
        })
        yield* log.watch((change) => told.push(change._tag))
        expect(yield* given.run(log, "r1", 0)).toBe("Committed")
        expect(told).toEqual(["Started", "Appended"])
      }))
  }))

it.scoped("what was accepted before the store closes is committed; what comes after is refused", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    const [kept, pending] = yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        yield* given.run(log, "r1", 0)
        const pending = yield* Effect.forkDaemon(given.append(log, "r1", 1, [given.scheduled("0#0")]))
        yield* Effect.yieldNow()
        return [log, pending] as const
      }))
    expect(yield* pending).toBe("Committed")
    const late = yield* Effect.flip(given.append(kept, "r1", 2, [given.scheduled("0#1")]))
    expect(late).toMatchObject({ _tag: "LogError", cause: { _tag: "StoreClosed" } })
    expect(yield* given.process(filename, (log) => log.read("r1", 0, 9))).toHaveLength(2)
  }))

/** A disk of 2 MB where this user may mount one; elsewhere SQLite's own bound, which fails with the same code. */
const smallDisk = Effect.gen(function*() {
  const folder = yield* given.folder
  const path = join(folder, "disk")
  mkdirSync(path)
  const mounted = yield* Effect.acquireRelease(
    Effect.sync(() => attempt("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", path])),
    (mounted) => Effect.sync(() => mounted && attempt("umount", [path]))
  )
  return { path, mounted }
})

const attempt = (command: string, parameters: ReadonlyArray<string>): boolean => {
  try {
    execFileSync(command, parameters, { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

it.scoped("a full disk refuses, loses nothing, and goes on when there is space", () =>
  Effect.gen(function*() {
    const { mounted, path } = yield* smallDisk
    const filename = join(path, "log.db")
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        const { writer: { client } } = yield* Store
        if (!mounted) yield* client`PRAGMA max_page_count = 200`
        yield* given.run(log, "r1", 0)
        const value = "x".repeat(50_000)
        const big = (seq: number) =>
          given.append(log, "r1", seq, [{ _tag: "ValueRecorded", at: given.NOW, id: `0#${seq}`, name: "v", value }])
        let seq = 1
        let refused: unknown
        while (refused === undefined && seq < 100) {
          const answer = yield* Effect.either(big(seq))
          if (answer._tag === "Left") refused = answer.left
          else seq += 1
        }
        expect(refused).toMatchObject({ _tag: "LogError", cause: { code: "SQLITE_FULL" } })
        expect(yield* log.read("r1", 0, 200)).toHaveLength(seq)
        if (mounted) attempt("mount", ["-o", "remount,size=20m", path])
        else yield* client`PRAGMA max_page_count = 20000`
        expect(yield* big(seq)).toBe("Committed")
        expect(yield* log.read("r1", 0, 200)).toHaveLength(seq + 1)
      }))
  }))

it.scoped("a process that is killed while it writes loses nothing that it has acknowledged", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    for (const count of [1, 40, 300]) {
      const writer = yield* child("write", filename)
      yield* writer.said(count)
      yield* writer.kill
      expect(writer.lines.length).toBeGreaterThanOrEqual(count)
      const acknowledged = Number(writer.lines[writer.lines.length - 1]?.split(" ")[1])
      const history = yield* given.process(filename, (log) => log.read("killed", 0, 1_000_000))
      // The last event may be committed and not yet acknowledged; never the other way round.
      expect(history.length - acknowledged).toBeGreaterThanOrEqual(0)
      expect(history.length - acknowledged).toBeLessThanOrEqual(1)
      rmSync(dirname(filename), { recursive: true })
      mkdirSync(dirname(filename))
    }
  }), 60_000)

it.scoped("an epoch that was raised behind this process's back fences it", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* Effect.scoped(
      Effect.gen(function*() {
        const log = yield* Log.Log
        yield* given.run(log, "r1", 0)
        yield* given.raw(filename, (db) => db.exec("UPDATE store SET epoch = epoch + 1"))
        expect(yield* given.append(log, "r1", 1, [given.scheduled("0#0")])).toBe("Stale")
        expect(yield* given.append(log, "r1", 1, [given.scheduled("0#0")], { row: given.running() })).toBe("Stale")
        expect(yield* log.read("r1", 0, 9)).toHaveLength(1)
      }).pipe(Effect.provide(Sqlite.layer({ filename })))
    )
  }))
