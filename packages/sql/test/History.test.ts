import { describe, expect, it } from "@effect/vitest"
import type { Log } from "@reprise/core/engine"
import type Database from "better-sqlite3"
import { Effect } from "effect"
import * as Checksum from "../src/Checksum.js"
import type { Store } from "../src/Store.js"
import * as given from "./given.js"

/** A store with the runs r1 (five events) and r2, after somebody has had a hand in it. */
const meddled = <A, E>(
  sql: ReadonlyArray<string> | ((db: Database.Database) => void),
  look: (log: Log.LogShape) => Effect.Effect<A, E, Store>
) =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        yield* given.run(log, "r1", 4)
        yield* given.run(log, "r2", 4)
        yield* log.send("r1", given.signal("m1"))
        yield* log.send("r2", given.signal("m1"))
        yield* given.run(log, "r3", 1)
        yield* given.append(log, "r3", 2, [given.completed], { row: given.closed })
      }))
    yield* given.raw(filename, (db) =>
      given.withoutTriggers(db, typeof sql === "function" ? sql : () => sql.forEach((statement) => db.exec(statement))))
    return yield* given.process(filename, look)
  })

const R1 = "run = (SELECT run FROM runs WHERE run_id = 'r1')"

const DAMAGE: ReadonlyArray<readonly [name: string, seq: number, sql: ReadonlyArray<string>]> = [
  ["edited data", 3, [`UPDATE events SET data = replace(data, '0#1', '0#7') WHERE ${R1} AND seq = 3`]],
  ["an edited type", 3, [`UPDATE events SET type = 'StepAsked' WHERE ${R1} AND seq = 3`]],
  ["an edited instant", 2, [`UPDATE events SET at = at + 1 WHERE ${R1} AND seq = 2`]],
  ["an edited checksum", 5, [`UPDATE events SET sum = sum + 1 WHERE ${R1} AND seq = 5`]],
  ["data that is not JSON", 4, [`UPDATE events SET data = '{' WHERE ${R1} AND seq = 4`]],
  ["data that is not text", 4, [`UPDATE events SET data = x'00ff' WHERE ${R1} AND seq = 4`]],
  ["a missing first event", 1, [`DELETE FROM events WHERE ${R1} AND seq = 1`]],
  ["a missing event", 3, [`DELETE FROM events WHERE ${R1} AND seq = 3`]],
  ["a missing event with the gap closed", 3, [
    `DELETE FROM events WHERE ${R1} AND seq = 3`,
    `UPDATE events SET seq = 3 WHERE ${R1} AND seq = 4`,
    `UPDATE events SET seq = 4 WHERE ${R1} AND seq = 5`
  ]],
  ["two events swapped", 2, [
    `UPDATE events SET seq = 99 WHERE ${R1} AND seq = 2`,
    `UPDATE events SET seq = 2 WHERE ${R1} AND seq = 3`,
    `UPDATE events SET seq = 3 WHERE ${R1} AND seq = 99`
  ]],
  ["the events of another run", 2, [
    `DELETE FROM events WHERE ${R1} AND seq = 2`,
    `INSERT INTO events(run, seq, type, at, data, sum)
       SELECT (SELECT run FROM runs WHERE run_id = 'r1'), seq, type, at, data, sum FROM events
       WHERE run = (SELECT run FROM runs WHERE run_id = 'r2') AND seq = 2`
  ]],
  ["all events missing", 1, [`DELETE FROM events WHERE ${R1}`]],
  ["an edited row", 0, ["UPDATE runs SET workflow = 'other' WHERE run_id = 'r1'"]],
  ["a parent that it never had", 0, ["UPDATE runs SET parent_run_id = 'r2', parent_id = '0#0' WHERE run_id = 'r1'"]],
  ["a source from which it was never forked", 0, ["UPDATE runs SET forked_run_id = 'r2', forked_seq = 1 WHERE run_id = 'r1'"]],
  ["an unknown status", 0, ["UPDATE runs SET status = 'asleep' WHERE run_id = 'r1'"]]
]

describe("a damaged history is found when it is read, and others go on", () => {
  for (const [name, seq, sql] of DAMAGE) {
    it.scoped(name, () =>
      meddled(sql, (log) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(log.read("r1", 0, 100))
          expect(error).toMatchObject({ _tag: "HistoryDamaged", runId: "r1", seq })
          const other = yield* log.read("r2", 0, 100)
          const steps = ["0#0", "0#1", "0#2", "0#3"].map(given.scheduled)
          expect(other.map((recorded) => recorded.event)).toEqual([given.started(), ...steps])
          expect(yield* given.append(log, "r2", 5, [given.scheduled("0#9")])).toBe("Committed")
        })))
  }
})

it.scoped("an event that was edited together with its checksum breaks the chain after it", () =>
  meddled((db) => {
    const sums = db.prepare<[], number>(`SELECT sum FROM events WHERE ${R1} ORDER BY seq`).pluck().all()
    const data = JSON.stringify({ id: "0#7", name: "0#7" })
    const sum = Checksum.ofEvent(sums[1] ?? 0, "r1", 3, "StepScheduled", given.NOW, data)
    db.prepare(`UPDATE events SET data = ?, sum = ? WHERE ${R1} AND seq = 3`).run(data, sum)
  }, (log) =>
    Effect.gen(function*() {
      expect(yield* log.read("r1", 0, 3)).toHaveLength(3)
      expect(yield* Effect.flip(log.read("r1", 0, 9))).toMatchObject({ _tag: "HistoryDamaged", seq: 4 })
    })))

it.scoped("a page that begins after the damage still continues the chain before it", () =>
  meddled([`UPDATE events SET data = replace(data, '0#1', '0#7') WHERE ${R1} AND seq = 3`], (log) =>
    Effect.gen(function*() {
      expect(yield* log.read("r1", 0, 2)).toHaveLength(2)
      expect(yield* Effect.flip(log.read("r1", 2, 2))).toMatchObject({ seq: 3 })
      // The events behind it are what was written; only a reader from the start knows that one before them is not.
      expect(yield* log.read("r1", 3, 2)).toHaveLength(2)
    })))

it.scoped("a closed run without its end is damaged", () =>
  meddled(["DELETE FROM events WHERE type = 'RunCompleted'"], (log) =>
    Effect.gen(function*() {
      expect(yield* Effect.flip(log.read("r3", 0, 100))).toMatchObject({ _tag: "HistoryDamaged", runId: "r3", seq: 3 })
    })))

it.scoped("a damaged message stops its run, not the others", () =>
  meddled([`UPDATE inbox SET data = replace(data, 'ada', 'eve') WHERE ${R1}`], (log) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(log.inbox("r1"))
      expect(error).toMatchObject({ _tag: "HistoryDamaged", runId: "r1" })
      expect((yield* log.inbox("r2")).messages).toEqual([given.signal("m1")])
    })))

it.scoped("a damaged row is listed as blocked with that reason", () =>
  meddled(["UPDATE runs SET key = 'mine' WHERE run_id = 'r2'"], (log) =>
    Effect.gen(function*() {
      const runs = yield* log.find({ limit: 10 })
      expect(runs.map((run) => [run.runId, run.blocked])).toMatchObject([
        ["r3", undefined],
        ["r2", { _tag: "HistoryDamaged", runId: "r2" }],
        ["r1", undefined]
      ])
    })))

it.scoped("the database itself refuses to change or delete an event", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    yield* given.process(filename, (log) => given.run(log, "r1", 2))
    const attempts = [
      "UPDATE events SET data = '{}'",
      "UPDATE events SET seq = seq + 1 WHERE seq = 3",
      "DELETE FROM events",
      "DELETE FROM events WHERE seq = 3"
    ]
    for (const sql of attempts) {
      yield* given.raw(filename, (db) => expect(() => db.exec(sql)).toThrow(/append-only|retention only/))
    }
    expect(yield* given.process(filename, (log) => log.read("r1", 0, 9))).toHaveLength(3)
  }))
