import { expect, it } from "@effect/vitest"
import { SqlError } from "@effect/sql/SqlError"
import { Decide, type Event, type Log } from "@reprise/core/engine"
import { Maintenance } from "@reprise/sql"
import Database from "better-sqlite3"
import { Effect } from "effect"
import { mkdirSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Init from "../src/migrations/0001_init.js"
import * as Checksum from "../src/Checksum.js"
import { Store } from "../src/Store.js"
import { child } from "./child.js"
import * as given from "./given.js"

const { NOW } = given

/** Statements of the writer, by first words; `fail` makes one of them fail. */
const listen = Effect.map(Store, ({ writer: { connection } }) => {
  const state = { fail: undefined as string | undefined, statements: [] as Array<string> }
  const { executeRaw, executeValues } = connection
  const hear = (sql: string): boolean => {
    state.statements.push(sql.split(/[ (]/, 3).join(" "))
    return state.fail !== undefined && sql.startsWith(state.fail)
  }
  const failure = Effect.fail(new SqlError({ cause: new Database.SqliteError("injected", "SQLITE_IOERR_WRITE"), message: "" }))
  Object.assign(connection, {
    executeRaw: (sql: string, cells: ReadonlyArray<unknown>) => hear(sql) ? failure : executeRaw(sql, cells),
    executeValues: (sql: string, cells: ReadonlyArray<unknown>) => hear(sql) ? failure : executeValues(sql, cells)
  })
  return state
})

it.scoped("a run that nobody awaits and that awaits nobody costs no statement more", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.process(filename, (log) => given.run(log, "old", 0))
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        yield* log.append([{ ...given.start(log, "new"), events: [given.started()], row: given.running() }])
        yield* given.run(log, "mailed", 0)
        const { statements } = yield* listen
        const cost = (runId: string, events: ReadonlyArray<Event.Event>, row: Log.Append["row"], seq: number) =>
          Effect.gen(function*() {
            statements.length = 0
            expect(yield* given.append(log, runId, seq, events, { row })).toBe("Committed")
            return statements.slice(2, -1)
          })
        const next = [{ _tag: "RunContinuedAsNew", at: NOW }, given.started()] as const
        for (const runId of ["new", "mailed", "old"]) {
          const first = yield* cost(runId, [given.scheduled("0#0")], given.running({ busy: true }), 1)
          // What is not in memory is read once.
          expect(first.slice(runId === "old" ? 1 : 0)).toEqual(["INSERT INTO events", "UPDATE runs SET"])
          const second = yield* cost(runId, next, given.running(), 2)
          // What was noted of a generation goes with it; of a run that nobody came near, nothing is.
          const notes = ["DELETE FROM progress", "DELETE FROM polls"]
          expect(second).toEqual([...(runId === "new" ? [] : notes), "INSERT INTO events", "UPDATE runs SET"])
        }
        expect(yield* cost("new", [given.completed], given.closed, 4)).toEqual(["INSERT INTO events", "UPDATE runs SET"])
        for (const runId of ["mailed", "old"]) {
          expect((yield* cost(runId, [given.completed], given.closed, 4)).filter((sql) => sql.includes("links"))).toEqual([])
        }
      }))
  }))

it.scoped("when the commit that starts children fails, there are none, and the next try starts them", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        yield* given.run(log, "p", 0)
        const state = yield* listen
        const ask = given.ask(log, "p", 1, [["0#0", "a"], ["0#1", "b"]])
        for (const fail of ["COMMIT", "INSERT INTO links", "INSERT INTO inbox", "INSERT INTO runs"]) {
          state.fail = fail
          yield* Effect.flip(ask)
          state.fail = undefined
          expect(yield* log.find({ parent: "p", limit: 9 })).toEqual([])
          expect((yield* log.inbox("p")).messages).toEqual([])
        }
        expect(yield* ask).toBe("Committed")
        state.fail = "COMMIT"
        yield* Effect.flip(given.close(log, "p", 3))
        state.fail = undefined
        expect((yield* log.inbox("a")).messages).toHaveLength(1)
        expect(yield* given.close(log, "p", 3)).toBe("Committed")
        expect((yield* log.inbox("a")).messages).toHaveLength(2)
        expect((yield* Maintenance.verify).problems).toEqual([])
      }))
  }))

/** A run in each state that a link, or an answer without one, can be in. */
const fill = (log: Log.LogShape) =>
  Effect.gen(function*() {
    const use = { onConflict: "use_existing" } as const
    yield* given.run(log, "x", 0)
    yield* given.run(log, "done", 0)
    yield* given.close(log, "done", 1)
    yield* given.run(log, "p", 0)
    yield* given.ask(log, "p", 1, [
      ["0#0", "a"], ["0#1", "b", { parentClose: "terminate" }], ["0#2", "c", { parentClose: "abandon" }],
      ["0#3", "x", use], ["0#4", "done", use], ["0#5", "x"], ["0#6", "d"], ["0#7", "e"]
    ])
    yield* given.begin(log, "b", "p", "0#1")
    yield* given.begin(log, "d", "p", "0#6")
    yield* given.close(log, "d", 1)
    const answered: ReadonlyArray<Event.Event> = [
      { _tag: "ChildStarted", at: NOW, id: "0#0", messageId: "started/0#0", runId: "a" },
      { _tag: "ChildStarted", at: NOW, id: "0#3", messageId: "started/0#3", runId: "x", existed: true },
      { _tag: "ChildStarted", at: NOW, id: "0#6", messageId: "started/0#6", runId: "d" }
    ]
    yield* given.append(log, "p", 9, answered, { delivered: ["started/0#0", "started/0#3", "started/0#6"] })
    yield* given.begin(log, "a", "p", "0#0")
    yield* given.ask(log, "a", 1, [["0#0", "p", use]])
    const found = { _tag: "ChildStarted", at: NOW, id: "0#0", messageId: "started/0#0", runId: "p", existed: true } as const
    yield* given.append(log, "a", 2, [found], { delivered: ["started/0#0"] })
    // Nothing is left of a family that has ended.
    yield* given.run(log, "q", 0)
    yield* given.ask(log, "q", 1, [["0#0", "f"]])
    yield* given.close(log, "q", 2)
  })

const filled = Effect.gen(function*() {
  const filename = yield* given.file
  yield* given.process(filename, fill)
  return filename
})

const LINKS = `SELECT r.run_id, w.run_id, l.id, l.parent_close FROM links l JOIN runs r ON r.run=l.run
  JOIN runs w ON w.run=l.watcher ORDER BY 2, 3`

const linksOf = (filename: string) => given.raw(filename, (db) => db.prepare(LINKS).raw().all())

const EXPECTED = [
  ["p", "a", "0#0", null],
  ["a", "p", "0#0", "cancel"],
  ["b", "p", "0#1", "terminate"],
  ["c", "p", "0#2", "abandon"],
  ["x", "p", "0#3", null],
  ["e", "p", "0#7", "cancel"]
]

it.scoped("verify and rebuild derive the links from the histories", () =>
  Effect.gen(function*() {
    const filename = yield* filled
    expect(yield* linksOf(filename)).toEqual(EXPECTED)
    const verified = () => given.process(filename, () => Effect.map(Maintenance.verify, ({ problems }) => problems))
    const rebuilt = () => given.process(filename, () => Effect.map(Maintenance.rebuild, ({ changed }) => changed))
    expect([yield* verified(), yield* rebuilt(), yield* linksOf(filename)]).toEqual([[], 0, EXPECTED])
    yield* given.raw(filename, (db) => {
      db.exec("DELETE FROM links WHERE id IN ('0#3', '0#7')")
      db.exec("UPDATE links SET parent_close = 'abandon' WHERE id = '0#1'")
      db.exec("INSERT INTO links(run, watcher, id) SELECT a.run, b.run, '9' FROM runs a, runs b WHERE (a.run_id, b.run_id)=('c', 'x')")
    })
    expect(yield* verified()).toMatchObject([
      { runId: "x", detail: expect.stringContaining("9") },
      ...["0#1", "0#3", "0#7", "0#1"].map((id) => ({ runId: "p", detail: expect.stringContaining(id) }))
    ])
    expect([yield* rebuilt(), yield* verified(), yield* linksOf(filename)]).toEqual([2, [], EXPECTED])
    yield* given.raw(filename, (db) => {
      db.pragma("foreign_keys = OFF")
      db.exec("DELETE FROM links")
      db.exec("INSERT INTO links(run, watcher, id) SELECT run, 99, '9' FROM runs WHERE run_id = 'c'")
      db.exec("UPDATE runs SET status='pending', started_at=NULL, closed_at=NULL, paused=1, generation_seq=7")
    })
    expect((yield* verified())[0]).toMatchObject({ runId: undefined, detail: expect.stringContaining("99") })
    yield* given.raw(filename, (db) => db.exec("DELETE FROM links"))
    expect([yield* rebuilt(), yield* verified(), yield* linksOf(filename)]).toEqual([10, [], EXPECTED])
  }))

it.scoped("a store whose links were mended goes on with them", () =>
  Effect.gen(function*() {
    const filename = yield* filled
    yield* given.raw(filename, (db) => db.exec("DELETE FROM links"))
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        // The writer remembers runs without links.
        yield* given.append(log, "p", 12, [], { row: given.running() })
        yield* given.append(log, "x", 1, [], { row: given.running() })
        yield* Maintenance.rebuild
        yield* given.close(log, "x", 1)
        expect((yield* log.inbox("p")).messages.at(-1)?.messageId).toBe("ended/0#3")
        yield* given.close(log, "p", 12)
        expect((yield* log.inbox("b")).messages).toEqual([Decide.parentEnded("terminate", "p", "0#1")])
        expect((yield* Maintenance.verify).problems).toEqual([])
      }))
  }))

it.scoped("parents and children that are imported, in any order, know each other", () =>
  Effect.gen(function*() {
    const filename = yield* filled
    const ids = ["p", "a", "b", "d", "x"]
    const documents = yield* given.process(filename, () => Effect.forEach(ids, (runId) => Maintenance.exportRun(runId)))
    expect(documents[1]?.run.parent).toEqual({ runId: "p", id: "0#0" })
    for (const order of [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]]) {
      const other = join(dirname(filename), `other${order.join("")}.db`)
      yield* given.process(other, (log) =>
        Effect.gen(function*() {
          for (const index of order) yield* Maintenance.importRun(JSON.parse(JSON.stringify(documents[index])))
          yield* Maintenance.rebuild
          const messages = (yield* log.inbox("p")).messages.map(({ messageId }) => messageId)
          expect(messages.toSorted()).toEqual(["ended/0#6", "started/0#1"])
          const { problems } = yield* Maintenance.verify
          expect(problems.map(({ detail }) => detail)).toEqual(
            ["0#2", "0#4", "0#5", "0#7"].map((id) => `the run that it awaits by command ${id} is not in this store, or is not its child`)
          )
          expect((yield* Maintenance.rebuild).changed).toBe(0)
        }))
      expect(yield* linksOf(other)).toEqual(EXPECTED.filter(([run]) => ids.includes(String(run))))
    }
  }))

it.scoped("retention deletes runs that had links, and links that damage has left", () =>
  Effect.gen(function*() {
    const filename = yield* filled
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        yield* given.close(log, "p", 12)
        expect(yield* Maintenance.retention({ closedBefore: NOW + 9 })).toMatchObject({ runs: 4 })
        expect((yield* log.find({ parent: "p", limit: 9 })).map(({ runId }) => runId)).toEqual(["e", "c", "b", "a"])
        yield* given.close(log, "a", 3)
      }))
    yield* given.raw(filename, (db) =>
      db.exec("INSERT INTO links(run, watcher, id) SELECT a.run, b.run, '9' FROM runs a, runs b WHERE (a.run_id, b.run_id)=('c', 'a')"))
    yield* given.process(filename, () =>
      Effect.gen(function*() {
        expect(yield* Maintenance.retention({ closedBefore: NOW + 9 })).toMatchObject({ runs: 1 })
        expect((yield* Maintenance.verify).problems).toEqual([])
      }))
  }))

it.scoped("a closed run whose history does not say how it ended is not awaited", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.process(filename, (log) => Effect.zipRight(given.run(log, "x", 0), given.close(log, "x", 1)))
    yield* given.raw(filename, (db) =>
      given.withoutTriggers(db, () => db.exec("UPDATE events SET data = '{}' WHERE type = 'RunCompleted'")))
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        yield* given.run(log, "p", 0)
        expect(yield* given.ask(log, "p", 1, [["0#0", "x", { onConflict: "use_existing" }]])).toBe("Committed")
        const refused = { _tag: "Refused", by: "id", runId: "x", status: "completed" } as const
        expect((yield* log.inbox("p")).messages).toEqual([Decide.answerOfStart("0#0", refused)])
      }))
  }))

/** As the migrator makes it. */
const MIGRATIONS = `CREATE TABLE migrations(migration_id integer PRIMARY KEY NOT NULL,
  created_at datetime NOT NULL DEFAULT current_timestamp, name VARCHAR(255) NOT NULL)`

it.scoped("a store that cannot be migrated is not opened with the schema that it has", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.raw(filename, (db) => {
      db.pragma("journal_mode = WAL")
      db.exec(MIGRATIONS)
      db.exec("INSERT INTO migrations(migration_id, name) VALUES (1, 'init')")
      for (const sql of Init.statements) db.exec(sql)
      db.exec("CREATE TRIGGER no BEFORE INSERT ON migrations BEGIN SELECT RAISE(ABORT, 'no'); END")
    })
    expect(yield* Effect.flip(given.process(filename, () => Effect.void))).toMatchObject({ _tag: "StoreUnavailable" })
  }))

it.scoped("a store of the first schema is migrated, and its runs are what they were", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.raw(filename, (db) => {
      db.pragma("journal_mode = WAL")
      db.exec(MIGRATIONS)
      db.exec("INSERT INTO migrations(migration_id, name) VALUES (1, 'init')")
      for (const sql of Init.statements) db.exec(sql)
      const sum = Checksum.ofColumns("old", "checkout", "1", "k", NOW, null)
      db.prepare("INSERT INTO runs VALUES (1,'old','checkout','1','k',?,NULL,?,'running',?,NULL,NULL,0,NULL)").run(NOW, sum, NOW)
      const { _tag, at, ...rest } = given.started()
      const data = JSON.stringify(rest)
      db.prepare("INSERT INTO events VALUES (1,1,1,?,?,?,?)").run(_tag, at, data, Checksum.ofEvent(0, "old", 1, _tag, at, data))
    })
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        const problems = Effect.map(Maintenance.verify, (verified) => verified.problems)
        expect(yield* problems).toEqual([])
        expect(yield* log.find({ limit: 9 })).toMatchObject([
          { runId: "old", version: "1", generationSeq: 1, paused: false, parent: undefined, forkedFrom: undefined, blocked: undefined }
        ])
        expect((yield* Maintenance.rebuild).changed).toBe(0)
        expect(yield* given.ask(log, "old", 1, [["0#0", "c"]])).toBe("Committed")
        expect(yield* given.close(log, "old", 2)).toBe("Committed")
        expect(yield* problems).toEqual([])
      }))
  }))

it.scoped("whenever a process is killed that starts and ends families, they are whole", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    for (const count of [1, 2, 30, 201]) {
      const writer = yield* child("raise", filename)
      yield* writer.said(count)
      yield* writer.kill
      yield* given.process(filename, (log) =>
        Effect.gen(function*() {
          expect((yield* Maintenance.verify).problems).toEqual([])
          const last = Math.ceil(writer.lines.length / 2) - 1
          expect(yield* log.find({ parent: `p${last}`, limit: 9 })).toHaveLength(2)
          expect((yield* Maintenance.rebuild).changed).toBe(0)
        }))
      rmSync(dirname(filename), { recursive: true })
      mkdirSync(dirname(filename))
    }
  }), 60_000)
