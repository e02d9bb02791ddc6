/** `runnable`: which runs need an owner, and when the next will. */
import { Effect } from "effect"
import type { Log } from "@reprise/core/engine"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

const { NOW } = Sample

const due = (log: Log.LogShape, now: number, recover = false, limit = 10) => log.runnable({ now, recover, limit })

const wakes = (log: Log.LogShape, runId: string, wakeAt: number | undefined, busy = false) =>
  Effect.zipRight(
    Case.begin(log, runId),
    Case.append(log, runId, 1, [], { row: Sample.running({ wakeAt, busy }) })
  )

const earliest = Case.on("due runs come earliest first, and nextAt is the next after them", (log) =>
  Effect.gen(function*() {
    yield* wakes(log, "late", NOW + 30)
    yield* wakes(log, "soon", NOW + 10)
    yield* wakes(log, "never", undefined)
    yield* wakes(log, "mid", NOW + 20)
    Case.equal(yield* due(log, NOW), { runIds: [], nextAt: NOW + 10 })
    Case.equal(yield* due(log, NOW + 20), { runIds: ["soon", "mid"], nextAt: NOW + 30 })
    Case.equal(yield* due(log, NOW + 99), { runIds: ["soon", "mid", "late"], nextAt: undefined })
    Case.equal((yield* due(log, NOW + 99, false, 2)).runIds, ["soon", "mid"])
  }))

const recovers = Case.on("recovery finds the busy, the due and those with mail, in order of creation", (log) =>
  Effect.gen(function*() {
    yield* wakes(log, "busy", undefined, true)
    yield* wakes(log, "mail", undefined)
    yield* log.send("mail", Sample.signal("m1"))
    yield* wakes(log, "due", NOW)
    yield* wakes(log, "idle", NOW + 10)
    yield* Case.start(log, "new")
    Case.equal(yield* due(log, NOW, true), { runIds: ["busy", "mail", "due", "new"], nextAt: NOW + 10 })
    Case.equal((yield* due(log, NOW, false)).runIds, ["due", "new"])
    Case.equal((yield* due(log, NOW, true, 2)).runIds, ["busy", "mail"])
    Case.equal((yield* due(log, NOW, true, Number.MAX_SAFE_INTEGER)).runIds, ["busy", "mail", "due", "new"])
    yield* Case.append(log, "mail", 1, [Sample.received("m1")], { delivered: ["m1"] })
    Case.equal((yield* due(log, NOW, true)).runIds, ["busy", "due", "new"])
  }))

const mailed = Case.on("those with mail can be asked for alone, blocked or not; a Start does not count", (log) =>
  Effect.gen(function*() {
    yield* wakes(log, "busy", NOW, true)
    yield* Case.start(log, "new")
    yield* wakes(log, "mail", NOW + 10)
    yield* wakes(log, "blocked", undefined)
    yield* log.note([{ _tag: "Blocked", runId: "blocked", reason: { why: "diverged" } }])
    for (const runId of ["blocked", "mail"]) yield* log.send(runId, Sample.signal("m1"))
    const wanted = log.runnable({ now: NOW, recover: "mail", limit: 10 })
    Case.equal(yield* wanted, { runIds: ["mail", "blocked"], nextAt: NOW + 10 })
    Case.equal((yield* log.runnable({ now: NOW, recover: "mail", limit: 1 })).runIds, ["mail"])
    yield* Case.append(log, "mail", 1, [Sample.received("m1")], { delivered: ["m1"] })
    Case.equal((yield* wanted).runIds, ["blocked"])
  }))

const delayed = Case.on("a delayed run is recovered early only for other mail than its Start", (log) =>
  Effect.gen(function*() {
    yield* Case.start(log, "r1", { startAt: NOW + 1_000 })
    Case.equal((yield* due(log, NOW, true)).runIds, [])
    yield* log.send("r1", { _tag: "Terminate", messageId: "t" })
    Case.equal((yield* due(log, NOW, true)).runIds, ["r1"])
  }))

const blocked = Case.on("a blocked run waits for a recovery, and does not hide the others", (log) =>
  Effect.gen(function*() {
    yield* wakes(log, "r1", NOW)
    yield* wakes(log, "r2", NOW + 1)
    yield* log.note([{ _tag: "Blocked", runId: "r1", reason: { why: "diverged" } }])
    Case.equal(yield* due(log, NOW + 1, false, 1), { runIds: ["r2"], nextAt: undefined })
    Case.equal((yield* due(log, NOW + 1, true)).runIds, ["r1", "r2"])
    yield* log.note([{ _tag: "Blocked", runId: "r1", reason: undefined }])
    Case.equal((yield* due(log, NOW + 1)).runIds, ["r1", "r2"])
    yield* wakes(log, "r3", NOW + 1_000)
    yield* log.note([{ _tag: "Blocked", runId: "r3", reason: { why: "diverged" } }])
    Case.equal((yield* due(log, NOW + 1, true)).runIds, ["r1", "r2", "r3"])
  }))

const closed = Case.on("a closed run is never due, whatever its columns said", (log) =>
  Effect.gen(function*() {
    yield* wakes(log, "r1", NOW, true)
    yield* Case.append(log, "r1", 1, [Sample.completed()], { row: Sample.closed({ wakeAt: NOW, busy: true }) })
    Case.equal(yield* due(log, NOW + 9, true), { runIds: [], nextAt: undefined })
    Case.equal((yield* log.find({ limit: 1 }))[0]?.wakeAt, undefined)
  }))

export const cases: ReadonlyArray<Case.Case> = [earliest, recovers, mailed, delayed, blocked, closed]
