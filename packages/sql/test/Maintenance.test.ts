import { expect, it } from "@effect/vitest"
import { type Log, Records, RunLogs } from "@reprise/core/engine"
import { Maintenance } from "@reprise/sql"
import { Effect } from "effect"
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import * as given from "./given.js"

const { NOW } = given

/** Runs in every state that has columns of its own. */
const fill = (log: Log.LogShape) =>
  Effect.gen(function*() {
    yield* given.run(log, "busy", 3, "k")
    yield* given.run(log, "idle", 0)
    yield* given.run(log, "done", 0)
    yield* given.append(log, "done", 1, [given.completed], { row: given.closed })
    yield* log.append([given.start(log, "new")])
    yield* given.run(log, "timed", 0)
    const dueAt = NOW + 60
    yield* given.append(log, "timed", 1, [{ _tag: "TimerStarted", at: NOW, id: "0#0", millis: 60, dueAt }], {
      row: given.running({ wakeAt: dueAt })
    })
    yield* given.run(log, "polled", 0)
    const sensor = { ...given.scheduled("0#0"), kind: "sensor" } as const
    yield* given.append(log, "polled", 1, [sensor], { row: given.running({ busy: true }) })
    yield* log.note([{ _tag: "Poll", runId: "polled", id: "0#0", count: 2, nextAt: NOW + 9, wakeAt: NOW + 9 }])
    yield* given.append(log, "polled", 2, [], { row: given.running({ wakeAt: NOW + 9 }) })
    yield* log.note([
      { _tag: "Blocked", runId: "busy", reason: { _tag: "Divergence" } },
      { _tag: "Progress", runId: "busy", id: "0#1", details: [1] }
    ])
    yield* log.send("idle", given.signal("m1"))
  })

const filled = Effect.gen(function*() {
  const filename = yield* given.file
  yield* given.process(filename, fill)
  return filename
})

const rowsOf = (filename: string) =>
  given.raw(filename, (db) =>
    ["runs", "inbox", "progress", "polls"].map((table) => db.prepare(`SELECT * FROM ${table}`).all()))

it.scoped("a store that is in order verifies", () =>
  Effect.gen(function*() {
    const filename = yield* filled
    expect(yield* given.process(filename, () => Maintenance.verify)).toEqual({ runs: 6, events: 11, problems: [] })
  }))

it.scoped("rebuild gives the rows that were there, and mends those that were not right", () =>
  Effect.gen(function*() {
    const filename = yield* filled
    const before = yield* rowsOf(filename)
    expect(yield* given.process(filename, () => Maintenance.rebuild)).toEqual({ runs: 6, changed: 0, damaged: [] })
    expect(yield* rowsOf(filename)).toEqual(before)
    yield* given.raw(filename, (db) =>
      db.exec("UPDATE runs SET status='pending', started_at=NULL, closed_at=NULL, wake_at=7, busy=1-busy"))
    const broken = yield* given.process(filename, () => Maintenance.verify)
    expect(new Set(broken.problems.map((problem) => problem.runId)).size).toBe(6)
    expect(yield* given.process(filename, () => Maintenance.rebuild)).toEqual({ runs: 6, changed: 6, damaged: [] })
    expect(yield* rowsOf(filename)).toEqual(before)
  }))

it.scoped("rebuild works beside live appends, and corrects what the writer remembers", () =>
  Effect.gen(function*() {
    const filename = yield* filled
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        const rebuilding = yield* Effect.fork(Maintenance.rebuild)
        for (let seq = 1; seq < 20; seq++) {
          const row = given.running({ busy: true })
          expect(yield* given.append(log, "idle", seq, [given.scheduled(`0#${seq}`)], { row })).toBe("Committed")
        }
        expect((yield* rebuilding).runs).toBe(6)
        expect((yield* Maintenance.verify).problems).toEqual([])
      }))
  }))

it.scoped("verify and rebuild name a damaged run and leave it", () =>
  Effect.gen(function*() {
    const filename = yield* filled
    yield* given.raw(filename, (db) =>
      given.withoutTriggers(db, () => {
        db.exec("UPDATE events SET at = at + 1 WHERE type = 'TimerStarted'")
        db.exec("UPDATE inbox SET data = '{}' WHERE message_id = 'm1'")
        db.exec("INSERT INTO events(run, seq, type, at, data, sum) VALUES (99, 1, 'RunStarted', 1, '{}', 1)")
      }))
    yield* given.process(filename, () =>
      Effect.gen(function*() {
        const { problems } = yield* Maintenance.verify
        expect(problems).toMatchObject([
          { runId: undefined, detail: expect.stringContaining("99") },
          { runId: "idle", detail: expect.stringContaining("m1") },
          { runId: "timed", seq: 2, detail: expect.stringContaining("checksum") }
        ])
        const { damaged, runs } = yield* Maintenance.rebuild
        expect([runs, damaged.map((error) => error.runId)]).toEqual([6, ["timed"]])
      }))
  }))

it.scoped("a history that cannot have happened is found though every checksum fits", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        yield* given.run(log, "r1", 0)
        yield* given.append(log, "r1", 1, [{ _tag: "TimerFired", at: NOW, id: "0#0" }])
        const { problems } = yield* Maintenance.verify
        expect(problems).toMatchObject([{ runId: "r1", seq: 2, detail: expect.stringContaining("not open") }])
      }))
  }))

it.scoped("retention deletes closed runs before the instant, whole, and nothing else", () =>
  Effect.gen(function*() {
    const filename = yield* filled
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        const closedAt = NOW + 5
        expect(yield* Maintenance.retention({ closedBefore: closedAt })).toEqual({ runs: 0, events: 0 })
        for (let index = 0; index < 120; index++) {
          yield* given.run(log, `old${index}`, 1)
          yield* log.send(`old${index}`, given.signal("m1"))
          yield* given.append(log, `old${index}`, 2, [given.completed], { row: given.closed, delivered: ["m1"] })
        }
        expect(yield* Maintenance.retention({ closedBefore: closedAt + 1 })).toEqual({ runs: 121, events: 362 })
        const left = (yield* log.find({ limit: 999 })).map((run) => run.runId)
        expect(left).toEqual(["polled", "timed", "new", "idle", "busy"])
        expect(yield* log.read("old1", 0, 9)).toEqual([])
        expect((yield* Maintenance.verify).problems).toEqual([])
        // The id is free again, with nothing left of the run that had it.
        expect(yield* given.run(log, "old1", 0)).toBe("Committed")
        expect(yield* log.read("old1", 0, 9)).toHaveLength(1)
      }))
    yield* given.raw(filename, (db) => expect(() => db.exec("DELETE FROM events")).toThrow(/retention only/))
  }))

it.scoped("what a run has logged goes with it, and stays in a backup", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    const copy = join(dirname(filename), "copy.db")
    const line = (runId: string) =>
      ({ runId, stepId: undefined, stepName: undefined, attempt: undefined, at: 1, level: "info", text: "hi", fields: undefined }) as const
    const kept = Effect.flatMap(RunLogs.RunLogs, (logs) =>
      Effect.forEach(["a", "b"], (runId) => Effect.map(logs.read(runId, { after: 0, limit: 9 }), ({ length }) => length)))
    const records = Effect.flatMap(Records.Records, ({ list }) => list("keys", { limit: 9 }))
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        for (const runId of ["a", "b"]) yield* given.run(log, runId, 0)
        const logs = yield* RunLogs.RunLogs
        yield* logs.write([line("a"), line("b"), line("a")])
        yield* Effect.flatMap(Records.Records, ({ put }) => put("keys", "k", 1))
        yield* given.close(log, "a", 1)
        yield* Maintenance.backup(copy)
        expect((yield* Maintenance.retention({ closedBefore: NOW + 6 })).runs).toBe(1)
        expect((yield* Maintenance.verify).problems).toEqual([])
        expect((yield* Maintenance.rebuild).changed).toBe(0)
        expect(yield* kept).toEqual([0, 1])
        // Another run with the id has logged nothing.
        yield* given.run(log, "a", 0)
        expect(yield* kept).toEqual([0, 1])
        expect(yield* records).toHaveLength(1)
      }))
    yield* given.raw(filename, (db) => db.exec("PRAGMA foreign_keys=OFF; UPDATE run_logs SET run=77"))
    const orphans = yield* given.process(filename, () => Maintenance.verify)
    expect(orphans.problems.map(({ detail }) => detail)).toEqual(["there are log lines of run number 77, which does not exist"])
    yield* given.process(copy, () => Effect.gen(function*() {
      expect([yield* kept, yield* records]).toEqual([[2, 1], [{ id: "k", value: 1 }]])
    }))
  }))

it.scoped("a position of the log is not used again when retention deletes the last events", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    const end = (log: Log.LogShape) => Effect.map(log.feed("end", 1, {}), ({ position }) => position)
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        yield* given.run(log, "stays", 0)
        for (const runId of ["one", "two"]) {
          yield* given.run(log, runId, 3)
          yield* given.close(log, runId, 4)
          const before = yield* end(log)
          expect((yield* Maintenance.retention({ closedBefore: NOW + 6 })).runs).toBe(1)
          expect(yield* end(log)).toBe(before)
          expect((yield* Maintenance.verify).problems).toEqual([])
        }
      }))
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        const before = yield* end(log)
        expect(before).toBe(11)
        yield* given.run(log, "three", 0)
        const { events } = yield* log.feed(before, 9, {})
        expect(events.map(({ position, runId, seq }) => [position, runId, seq])).toEqual([[12, "three", 1]])
        expect((yield* log.feed(0, 9, {})).events.map(({ runId }) => runId)).toEqual(["stays", "three"])
        expect((yield* Maintenance.rebuild).changed).toBe(0)
      }))
    yield* given.raw(filename, (db) => expect(db.prepare("SELECT pos FROM events WHERE run=0").all()).toEqual([{ pos: 11 }]))
  }))

it.scoped("a damaged event is left out of what is told of all runs, and the others are told", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.process(filename, (log) => Effect.forEach(["a", "b"], (runId) => given.run(log, runId, 3), { discard: true }))
    yield* given.raw(filename, (db) =>
      given.withoutTriggers(db, (open) => open.exec("UPDATE events SET data=replace(data,'0#1','0#7') WHERE pos=3")))
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        const { events, position } = yield* log.feed(0, 3, { types: ["StepScheduled"] })
        expect(events.map(({ runId, seq }) => `${runId}/${seq}`)).toEqual(["a/2", "a/4"])
        expect((yield* log.feed(position, 9, {})).events.map(({ runId, seq }) => `${runId}/${seq}`)).toEqual(["b/1", "b/2", "b/3", "b/4"])
      }))
  }))

it.scoped("a backup taken while the store works opens, verifies and holds what was acknowledged before", () =>
  Effect.gen(function*() {
    const filename = yield* filled
    const copy = join(dirname(filename), "copy.db")
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        const name = "x".repeat(4_000)
        const many = Array.from({ length: 1_000 }, (_, index) => ({ ...given.scheduled(`1#${index}`), name }))
        yield* given.append(log, "idle", 1, many, { row: given.running({ busy: true }) })
        const copying = yield* Effect.fork(Maintenance.backup(copy))
        for (let seq = 4; seq < 60; seq++) yield* given.append(log, "busy", seq, [given.scheduled(`0#${seq}`)])
        yield* copying
        expect(yield* Effect.flip(Maintenance.backup(copy))).toMatchObject({ _tag: "StoreUnavailable" })
        expect(existsSync(`${copy}.partial`)).toBe(false)
      }))
    yield* given.process(copy, (log) =>
      Effect.gen(function*() {
        const report = yield* Maintenance.verify
        expect(report.problems).toEqual([])
        expect(report.events).toBeGreaterThanOrEqual(1_011)
        expect(yield* log.read("idle", 0, 9_999)).toHaveLength(1_001)
        expect((yield* log.inbox("idle")).messages).toEqual([given.signal("m1")])
      }))
  }))

it.scoped("a run that was exported and imported is the same run", () =>
  Effect.gen(function*() {
    const filename = yield* filled
    const other = join(dirname(filename), "other.db")
    const documents = yield* given.process(filename, () =>
      Effect.forEach(["busy", "done", "timed"], (runId) => Maintenance.exportRun(runId)))
    const texts = documents.map((document) => JSON.stringify(document))
    yield* given.process(other, (log) =>
      Effect.gen(function*() {
        for (const text of texts) yield* Maintenance.importRun(JSON.parse(text))
        expect((yield* Maintenance.verify).problems).toEqual([])
        const again = yield* Effect.forEach(["busy", "done", "timed"], (runId) => Maintenance.exportRun(runId))
        expect(again).toEqual(documents)
        const runs = yield* log.find({ limit: 9 })
        expect(runs.map((run) => [run.runId, run.status, run.key, run.wakeAt])).toEqual([
          ["timed", "running", undefined, NOW + 60],
          ["done", "completed", undefined, undefined],
          ["busy", "running", "k", undefined]
        ])
        expect(yield* given.append(log, "timed", 2, [given.scheduled("0#1")])).toBe("Committed")
      }))
  }))

it.scoped("what is not an export, or does not fit the store, is not imported", () =>
  Effect.gen(function*() {
    const filename = yield* filled
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        const good = yield* Maintenance.exportRun("busy")
        const run = { ...good.run, runId: "copy", key: undefined }
        const bad: ReadonlyArray<unknown> = [
          undefined,
          {},
          good,
          { ...good, run: { ...good.run, runId: "copy" } },
          { ...good, run, format: 2 },
          { ...good, run, more: 1 },
          { ...good, run, events: [] },
          { ...good, run, events: good.events.slice(1) },
          { ...good, run, events: [{ ...good.events[0], at: "now" }] },
          { ...good, run, events: [{ ...good.events[0], _tag: "RunDreamt" }] },
          { ...good, run, events: [given.started(), given.completed, given.completed] }
        ]
        for (const document of bad) {
          expect(yield* Effect.flip(Maintenance.importRun(document))).toMatchObject({ _tag: "ImportRefused" })
        }
        expect(yield* log.find({ limit: 99 })).toHaveLength(6)
        expect(yield* Maintenance.importRun({ ...good, run })).toEqual({ runId: "copy", events: 4 })
        expect(yield* Effect.flip(Maintenance.exportRun("nobody"))).toMatchObject({ _tag: "RunNotFound" })
        expect(yield* Effect.flip(Maintenance.exportRun("new"))).toMatchObject({ _tag: "RunNotFound" })
      }))
  }))
