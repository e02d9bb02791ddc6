/** `note`: working data, written beside the log and gone with the run. */
import type { Json } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

const { NOW } = Sample

const kept = Case.on("the latest progress and polls are read back with the run", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    yield* Case.begin(log, "r2")
    yield* log.note([
      { _tag: "Progress", runId: "r1", id: "0#0", details: { rows: 1 } },
      { _tag: "Progress", runId: "r1", id: "0#1", details: null },
      { _tag: "Progress", runId: "r1", id: "0#0", details: [2, "ü"] },
      { _tag: "Poll", runId: "r1", id: "0#2", count: 1, nextAt: NOW + 1, wakeAt: NOW + 1 },
      { _tag: "Poll", runId: "r1", id: "0#2", count: 2, nextAt: NOW + 9, wakeAt: NOW + 5 }
    ])
    const { notes } = yield* log.inbox("r1")
    Case.equal(notes.progress, new Map<string, Json.Json>([["0#0", [2, "ü"]], ["0#1", null]]))
    Case.equal(notes.polls, new Map([["0#2", { count: 2, nextAt: NOW + 9 }]]))
    Case.equal((yield* log.find({ runIds: ["r1"], limit: 1 }))[0]?.wakeAt, NOW + 5)
    Case.equal((yield* log.inbox("r2")).notes, { progress: new Map(), polls: new Map(), refused: new Map() })
  }))

const paused = Case.on("a poll that ends when its run is paused does not make it due", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    yield* Case.append(log, "r1", 1, [], { row: Sample.running({ paused: true, wakeAt: undefined }) })
    yield* log.note([{ _tag: "Poll", runId: "r1", id: "0#0", count: 1, nextAt: NOW + 1, wakeAt: NOW + 1 }])
    Case.equal((yield* log.find({ limit: 1 }))[0]?.wakeAt, undefined)
    Case.equal((yield* log.inbox("r1")).notes.polls, new Map([["0#0", { count: 1, nextAt: NOW + 1 }]]))
  }))

const blocked = Case.on("why a run is blocked shows in listings until it is cleared", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    const reason = { _tag: "Divergence", seq: 3 }
    yield* log.note([{ _tag: "Blocked", runId: "r1", reason }])
    Case.equal((yield* log.find({ limit: 1 }))[0]?.blocked, reason)
    yield* Case.append(log, "r1", 1, [], { row: Sample.running({ busy: true }) })
    Case.equal((yield* log.find({ limit: 1 }))[0]?.blocked, reason)
    yield* log.note([{ _tag: "Blocked", runId: "r1", reason: undefined }])
    Case.equal((yield* log.find({ limit: 1 }))[0]?.blocked, undefined)
  }))

const refused = Case.on("a refused message counts as delivered, and why is kept", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    const told = yield* Case.changes(log)
    yield* log.send("r1", { _tag: "Update", messageId: "u1", name: "add", input: 1 })
    yield* log.send("r1", Sample.signal("m1"))
    const error = { _tag: "UpdateRejected", reason: "no" }
    const note = { _tag: "Refused", runId: "r1", messageId: "u1", error } as const
    yield* log.note([note, { ...note, error: "a second time" }, { ...note, messageId: "unheard of" }])
    const { messages, notes } = yield* log.inbox("r1")
    Case.equal(messages, [Sample.signal("m1")])
    Case.equal(notes.refused, new Map([["u1", error]]))
    Case.equal(told.filter((change) => change._tag === "Refused"), [note])
    Case.equal(yield* log.send("r1", { _tag: "Update", messageId: "u1", name: "add" }), "Duplicate")
    const rest = { delivered: ["m1"], row: Sample.closed() }
    yield* Case.append(log, "r1", 1, [Sample.received("m1"), Sample.completed()], rest)
    Case.equal((yield* log.inbox("r1")).notes.refused, new Map([["u1", error]]))
  }))

const closed = Case.on("working data goes when the run closes, and later notes are dropped", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    const poll = { _tag: "Poll", runId: "r1", id: "0#1", count: 1, nextAt: NOW, wakeAt: NOW } as const
    const notes = [
      { _tag: "Progress", runId: "r1", id: "0#0", details: 1 },
      poll,
      { _tag: "Blocked", runId: "r1", reason: "why" }
    ] as const
    yield* log.note(notes)
    yield* Case.append(log, "r1", 1, [Sample.completed()], { row: Sample.closed() })
    yield* log.note([...notes, { ...poll, runId: "nobody" }])
    Case.equal((yield* log.inbox("r1")).notes, { progress: new Map(), polls: new Map(), refused: new Map() })
    const [run] = yield* log.find({ limit: 1 })
    Case.equal([run?.wakeAt, run?.blocked], [undefined, undefined])
  }))

const continued = Case.on("working data goes when a generation ends, and nothing else does", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    yield* log.note([
      { _tag: "Progress", runId: "r1", id: "0#0", details: 1 },
      { _tag: "Poll", runId: "r1", id: "0#1", count: 1, nextAt: NOW, wakeAt: NOW },
      { _tag: "Blocked", runId: "r1", reason: "why" }
    ])
    const row = Sample.running({ generationSeq: 3 })
    yield* Case.append(log, "r1", 1, [Sample.continued, Sample.started()], { row })
    Case.equal((yield* log.inbox("r1")).notes, { progress: new Map(), polls: new Map(), refused: new Map() })
    Case.equal((yield* log.find({ limit: 1 }))[0]?.blocked, "why")
  }))

const afterAppend = Case.on("a poll noted with an append of its run sets the later instant", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    const both = [
      Case.append(log, "r1", 1, [Sample.scheduled("0#0")], { row: Sample.running({ wakeAt: NOW + 1, busy: true }) }),
      log.note([{ _tag: "Poll", runId: "r1", id: "0#0", count: 1, nextAt: NOW + 7, wakeAt: NOW + 7 }])
    ]
    yield* Effect.all(both, { concurrency: "unbounded" })
    Case.equal((yield* log.find({ limit: 1 }))[0]?.wakeAt, NOW + 7)
  }))

export const cases: ReadonlyArray<Case.Case> = [kept, paused, blocked, refused, closed, continued, afterAppend]
