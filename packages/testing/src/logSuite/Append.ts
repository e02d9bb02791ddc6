/** `append`: L1, L2, L3 and L6. */
import { Effect } from "effect"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

const appends = Case.on("events are stored in order, exactly as they were given", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    const more = [Sample.scheduled("0#0"), Sample.stepCompleted("0#0", Sample.NOW + 0.5), Sample.received("m1")]
    Case.equal(yield* Case.append(log, "r1", 1, more), Case.COMMITTED)
    Case.equal(yield* Case.history(log, "r1"), Case.numbered([Sample.started(), ...more]))
  }))

const absent = Case.on("an absent value comes back absent, not undefined", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    yield* Case.append(log, "r1", 1, [{ _tag: "StepCompleted", at: 1, id: "0#0", attempt: 1, output: undefined }])
    const [, last] = yield* Case.history(log, "r1")
    Case.equal(Object.keys(last?.event ?? {}).toSorted(), ["_tag", "at", "attempt", "id"])
  }))

const staleSeq = Case.on("L2: another expectedSeq than the last is stale and changes nothing", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    for (const expectedSeq of [0, 2, -1, 1.5]) {
      const rest = { row: Sample.running({ busy: true }), delivered: ["start"] }
      Case.equal(yield* Case.append(log, "r1", expectedSeq, [Sample.scheduled("0#0")], rest), Case.STALE)
    }
    Case.equal(yield* Case.history(log, "r1"), Case.numbered([Sample.started()]))
    Case.equal((yield* log.runnable({ now: Sample.NOW, recover: true, limit: 10 })).runIds, [])
  }))

const unknownRun = Case.on("L2: an append to a run that does not exist is stale", (log) =>
  Effect.gen(function*() {
    Case.equal(yield* Case.append(log, "nobody", 0, [Sample.started()]), Case.STALE)
    Case.equal(yield* log.read("nobody", 0, 10), [])
    Case.equal(yield* log.find({ limit: 10 }), [])
  }))

const staleEpoch = Case.on("L2: another epoch than the store's is fenced off, for starts too", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    for (const epoch of [log.epoch - 1, log.epoch + 1]) {
      Case.equal(yield* Case.append(log, "r1", 1, [Sample.scheduled("0#0")], { epoch }), Case.FENCED)
      Case.equal(yield* Case.append(log, "r1", 1, [], { epoch, row: Sample.running({ busy: true }) }), Case.FENCED)
      Case.equal(yield* Case.append(log, "r2", 0, [], { epoch, start: Sample.request("r2") }), Case.FENCED)
    }
    Case.equal((yield* log.find({ limit: 10 })).map((run) => [run.runId, run.eventCount]), [["r1", 1]])
    Case.equal(yield* Case.append(log, "r1", 1, [Sample.scheduled("0#0")]), Case.COMMITTED)
  }))

const closedRun = Case.on("L2: nothing is appended to a closed run", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    yield* Case.append(log, "r1", 1, [Sample.completed()], { row: Sample.closed() })
    Case.equal(yield* Case.append(log, "r1", 2, [Sample.scheduled("0#0")]), Case.STALE)
    Case.equal(yield* Case.append(log, "r1", 2, [], { row: Sample.running() }), Case.STALE)
    Case.equal((yield* log.find({ limit: 1 }))[0]?.status, "completed")
  }))

const batch = Case.on("the answers of a batch stand in its order, and one refusal leaves the others", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    yield* Case.begin(log, "r2")
    const answers = yield* log.append([
      Case.appendOf(log, "r1", 1, [Sample.scheduled("0#0")]),
      Case.appendOf(log, "r2", 7, [Sample.scheduled("0#0")]),
      Case.startOf(log, "r3"),
      Case.appendOf(log, "r1", 2, [Sample.stepCompleted("0#0")]),
      Case.appendOf(log, "r1", 2, [Sample.stepCompleted("0#0")]),
      Case.appendOf(log, "r3", 0, [Sample.started()], { delivered: ["start"], row: Sample.running() })
    ])
    const tags = answers.map((answer) => answer._tag)
    Case.equal(tags, ["Committed", "Stale", "Committed", "Committed", "Stale", "Committed"])
    const runs = yield* log.find({ limit: 9 })
    Case.equal(runs.map((run) => [run.runId, run.eventCount]), [["r3", 1], ["r2", 1], ["r1", 3]])
    Case.equal(yield* log.append([]), [])
  }))

const columns = Case.on("the columns are those of the last append that gave any", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    const wakeAt = Sample.NOW + 10
    yield* Case.append(log, "r1", 1, [], { row: Sample.running({ wakeAt, busy: true }) })
    yield* Case.append(log, "r1", 1, [Sample.scheduled("0#0")])
    const [run] = yield* log.find({ limit: 1 })
    const start = Sample.request("r1")
    Case.equal(run, Sample.summaryOf(start, { status: "running", startedAt: Sample.NOW, wakeAt, eventCount: 2 }))
  }))

const lifecycle = Case.on("a run's version, generation and pause are those of its columns", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    const row = Sample.running({ version: "2", generationSeq: 3, paused: true })
    yield* Case.append(log, "r1", 1, [Sample.continued, Sample.started()], { row })
    const rest = { status: "running", startedAt: Sample.NOW, wakeAt: undefined } as const
    const changed = { version: "2", generationSeq: 3, paused: true, eventCount: 3 }
    Case.equal(yield* log.find({ limit: 1 }), [Sample.summaryOf(Sample.request("r1"), { ...rest, ...changed })])
    yield* Case.append(log, "r1", 3, [], { row: Sample.running({ generationSeq: 3 }) })
    const back = { generationSeq: 3, eventCount: 3 }
    Case.equal(yield* log.find({ limit: 1 }), [Sample.summaryOf(Sample.request("r1"), { ...rest, ...back })])
    // A run may begin with another version than it was started with.
    const events = [Sample.started()]
    yield* Case.append(log, "r2", 0, events, { start: Sample.request("r2"), row: Sample.running({ version: "2" }) })
    Case.equal((yield* log.find({ limit: 1 }))[0]?.version, "2")
  }))

const mailPending = Case.on("L3: a run does not close over mail that the append does not deliver", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    yield* log.send("r1", Sample.signal("m1"))
    yield* log.send("r1", Sample.signal("m2"))
    const close = [Sample.completed()]
    Case.equal(yield* Case.append(log, "r1", 1, close, { row: Sample.closed() }), Case.MAIL_PENDING)
    Case.equal(yield* Case.append(log, "r1", 1, close, { row: Sample.closed(), delivered: ["m1"] }), Case.MAIL_PENDING)
    Case.equal(yield* Case.waiting(log, "r1"), ["m1", "m2"])
    Case.equal(yield* Case.history(log, "r1"), Case.numbered([Sample.started()]))
    const all = [Sample.received("m1"), Sample.received("m2"), Sample.completed()]
    Case.equal(yield* Case.append(log, "r1", 1, all, { row: Sample.closed(), delivered: ["m1", "m2"] }), Case.COMMITTED)
    Case.equal((yield* log.find({ limit: 1 }))[0]?.status, "completed")
  }))

const together = Case.on("L6: calls made at once are each answered for themselves", (log) =>
  Effect.gen(function*() {
    const ids = Array.from({ length: 50 }, (_, index) => `r${index}`)
    yield* Effect.forEach(ids, (runId) => Case.begin(log, runId), { concurrency: "unbounded" })
    const answers = yield* Effect.forEach(
      ids,
      (runId, index) => Case.append(log, runId, index % 5 === 0 ? 9 : 1, [Sample.scheduled("0#0")]),
      { concurrency: "unbounded" }
    )
    Case.equal(answers.map((answer) => answer?._tag), ids.map((_, index) => (index % 5 === 0 ? "Stale" : "Committed")))
    const counts = (yield* log.find({ limit: 99 })).map((run) => [run.runId, run.eventCount])
    Case.equal(counts, ids.map((runId, index) => [runId, index % 5 === 0 ? 1 : 2]).toReversed())
  }))

const large = Case.on("an append of many events, and a large one, come back whole", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    const many = Array.from({ length: 1_237 }, (_, index) => Sample.scheduled(`0#${index}`))
    const name = "x".repeat(300_000)
    yield* Case.append(log, "r1", 1, [...many, { _tag: "ValueRecorded", at: 1, id: "0#z", name, value: name }])
    const all = yield* Case.history(log, "r1", 100)
    Case.equal(all.length, 1_239)
    Case.equal(all[1_000]?.event, Sample.scheduled("0#999"))
    Case.equal(all[1_238]?.event, { _tag: "ValueRecorded", at: 1, id: "0#z", name, value: name })
  }))

export const cases: ReadonlyArray<Case.Case> = [
  appends, absent, staleSeq, unknownRun, staleEpoch, closedRun, batch, columns, lifecycle, mailPending, together, large
]
