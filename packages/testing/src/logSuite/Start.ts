/** Starting runs through `append`. */
import { Effect } from "effect"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

const creates = Case.on("a start creates a pending run that is due at once, with its Start message", (log) =>
  Effect.gen(function*() {
    Case.equal(yield* Case.start(log, "r1", { key: "order-7" }), Case.COMMITTED)
    const start = Sample.request("r1", { key: "order-7" })
    Case.equal(yield* log.find({ limit: 10 }), [Sample.summaryOf(start)])
    Case.equal((yield* log.inbox("r1")).messages, [start.message])
    Case.equal(yield* log.read("r1", 0, 10), [])
    Case.equal(yield* log.runnable({ now: Sample.NOW, recover: false, limit: 10 }), {
      runIds: ["r1"],
      nextAt: undefined
    })
  }))

const delays = Case.on("a delayed start is due at its instant and not before", (log) =>
  Effect.gen(function*() {
    const startAt = Sample.NOW + 60_000
    yield* Case.start(log, "r1", { startAt })
    Case.equal(yield* log.find({ limit: 10 }), [Sample.summaryOf(Sample.request("r1", { startAt }))])
    for (const recover of [false, true]) {
      Case.equal(yield* log.runnable({ now: startAt - 1, recover, limit: 10 }), { runIds: [], nextAt: startAt })
      Case.equal(yield* log.runnable({ now: startAt, recover, limit: 10 }), { runIds: ["r1"], nextAt: undefined })
    }
  }))

const withRow = Case.on("a start without events is pending and due, whatever columns come with it", (log) =>
  Effect.gen(function*() {
    const start = Sample.request("r1")
    yield* Case.append(log, "r1", 0, [], { start, row: Sample.running() })
    Case.equal(yield* log.find({ limit: 10 }), [Sample.summaryOf(start)])
  }))

const withEvents = Case.on("a start with events counts its message as delivered", (log) =>
  Effect.gen(function*() {
    const start = Sample.request("r1")
    const events = [Sample.started(), Sample.scheduled("0#0")]
    const row = Sample.running({ busy: true })
    Case.equal(yield* Case.append(log, "r1", 0, events, { start, row }), Case.COMMITTED)
    Case.equal(yield* Case.waiting(log, "r1"), [])
    Case.equal(yield* Case.history(log, "r1"), Case.numbered(events))
    Case.equal(yield* Case.append(log, "r1", 2, [Sample.stepCompleted("0#0")]), Case.COMMITTED)
    const [run] = yield* log.find({ runIds: ["r1"], limit: 1 })
    const rest = { startedAt: Sample.NOW, wakeAt: undefined, eventCount: 3 }
    Case.equal(run, Sample.summaryOf(start, { status: "running", ...rest }))
  }))

const endsAtOnce = Case.on("a run may start and close in one append", (log) =>
  Effect.gen(function*() {
    const start = Sample.request("r1", { key: "k" })
    const events = [Sample.started(), Sample.completed()]
    Case.equal(yield* Case.append(log, "r1", 0, events, { start, row: Sample.closed() }), Case.COMMITTED)
    const [run] = yield* log.find({ status: ["completed"], limit: 1 })
    Case.equal(run?.closedAt, Sample.NOW + 5)
    Case.equal(yield* Case.start(log, "r2", { key: "k" }), Case.COMMITTED)
  }))

const sameId = Case.on("a second start with the id is refused and leaves nothing", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    const existing = Sample.summaryOf(Sample.request("r1"), {
      status: "running",
      startedAt: Sample.NOW,
      wakeAt: undefined,
      eventCount: 1
    })
    const again = yield* Case.start(log, "r1", { workflow: "other", version: "2", key: "k" })
    Case.equal(again, { _tag: "Exists", by: "id", existing })
    Case.equal(yield* log.find({ limit: 10 }), [existing])
    Case.equal((yield* log.inbox("r1")).messages, [])
  }))

const sameKey = Case.on("a key belongs to one open run of a workflow", (log) =>
  Effect.gen(function*() {
    yield* Case.start(log, "r1", { key: "k" })
    const existing = Sample.summaryOf(Sample.request("r1", { key: "k" }))
    Case.equal(yield* Case.start(log, "r2", { key: "k" }), { _tag: "Exists", by: "key", existing })
    Case.equal(yield* Case.start(log, "r3", { key: "k", workflow: "other" }), Case.COMMITTED)
    Case.equal(yield* Case.start(log, "r4", { key: "l" }), Case.COMMITTED)
    yield* Case.append(log, "r1", 0, [Sample.started(), Sample.completed()], {
      delivered: ["start"],
      row: Sample.closed()
    })
    Case.equal(yield* Case.start(log, "r5", { key: "k" }), Case.COMMITTED)
    Case.equal((yield* log.find({ key: "k", limit: 10 })).map((run) => run.runId), ["r5", "r3", "r1"])
  }))

const inOneCall = Case.on("starts of one call see one another", (log) =>
  Effect.gen(function*() {
    const answers = yield* log.append([
      Case.startOf(log, "r1", { key: "k" }),
      Case.startOf(log, "r1"),
      Case.startOf(log, "r2", { key: "k" }),
      Case.startOf(log, "r3")
    ])
    Case.equal(answers.map((answer) => answer._tag), ["Committed", "Exists", "Exists", "Committed"])
    Case.equal((yield* log.find({ limit: 10 })).map((run) => run.runId), ["r3", "r1"])
  }))

const keyFreed = Case.on("a key that an append frees may be taken later in the same call", (log) =>
  Effect.gen(function*() {
    yield* Case.start(log, "r1", { key: "k" })
    const rest = { delivered: ["start"], row: Sample.closed() }
    const answers = yield* log.append([
      Case.appendOf(log, "r1", 0, [Sample.started(), Sample.completed()], rest),
      Case.startOf(log, "r2", { key: "k" }),
      Case.startOf(log, "r3", { key: "k" })
    ])
    Case.equal(answers.map((answer) => answer._tag), ["Committed", "Committed", "Exists"])
  }))

const signalled = Case.on("a signal that comes with a start is in the inbox after it, and not without it", (log) =>
  Effect.gen(function*() {
    const start = (runId: string, messageId: string) => {
      const append = Case.startOf(log, runId, { key: "k" })
      return Effect.map(log.append([{ ...append, outgoing: [Sample.sendTo(runId, "", messageId, false)] }]), ([answer]) => answer?._tag)
    }
    Case.equal(yield* start("r1", "m1"), "Committed")
    Case.equal(yield* Case.waiting(log, "r1"), ["start", "m1"])
    Case.equal(yield* start("r1", "m2"), "Exists")
    Case.equal(yield* start("r2", "m3"), "Exists")
    Case.equal(yield* Case.waiting(log, "r1"), ["start", "m1"])
    Case.equal(yield* log.send("r1", Sample.signal("m1")), "Duplicate")
    const ended = Case.append(log, "r1", 0, [Sample.started(), Sample.completed()], { delivered: ["start"], row: Sample.closed() })
    Case.equal(yield* ended, Case.MAIL_PENDING)
  }))

export const cases: ReadonlyArray<Case.Case> = [
  creates, delays, withRow, withEvents, endsAtOnce, sameId, sameKey, inOneCall, keyFreed, signalled
]
