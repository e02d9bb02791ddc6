/** `append` with `outgoing`: what a run asks of other runs (L7). */
import { Decide, type Log, type Message } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

const { ask, begin, equal, mail } = Case
const { request, sendTo, signal, startChild } = Sample

const started = (id: string, runId: string, existed = false): Message.Message =>
  Decide.answerOfStart(id, { _tag: "Started", runId, ...(existed ? { existed } : {}) })

const refused = (id: string, by: "id" | "key", runId: string, status: string): Message.Message =>
  Decide.answerOfStart(id, { _tag: "Refused", by, runId, status })

const delivered = (id: string): Message.Message => Decide.answerOfSend(id, { _tag: "Delivered" })

const notDelivered = (id: string, status?: string): Message.Message =>
  Decide.answerOfSend(id, { _tag: "Refused", ...(status === undefined ? {} : { status }) })

const summary = (log: Log.LogShape, runId: string) =>
  Effect.map(log.find({ runIds: [runId], limit: 1 }), ([found]) => found)

const startsChild = Case.on("L7: a child is a pending run with its Start message, and its parent is told", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    const child = startChild("p", "0#0", "c", {}, { key: "k", version: "3" })
    equal(yield* ask(log, "p", 1, child), Case.COMMITTED)
    const start = request("c", { parent: { runId: "p", id: "0#0" }, key: "k", version: "3" })
    equal(yield* summary(log, "c"), Sample.summaryOf(start))
    equal(yield* mail(log, "c"), [start.message])
    equal(yield* mail(log, "p"), [started("0#0", "c")])
    equal((yield* log.runnable({ now: Sample.NOW, recover: false, limit: 9 })).runIds, ["c"])
    const again = yield* Case.start(log, "other", { key: "k" })
    equal(again?._tag, "Exists")
    equal(yield* Case.append(log, "c", 0, [Sample.started()], { delivered: ["start"] }), Case.COMMITTED)
  }))

const delayed = Case.on("L7: a child's start may be delayed", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    const startAt = Sample.NOW + 60_000
    yield* ask(log, "p", 1, startChild("p", "0#0", "c", {}, { startAt }))
    equal((yield* summary(log, "c"))?.wakeAt, startAt)
    // The answer wants the parent's owner at once, the child waits.
    equal(yield* log.runnable({ now: startAt - 1, recover: true, limit: 9 }), { runIds: ["p"], nextAt: startAt })
    equal(yield* mail(log, "p"), [started("0#0", "c")])
  }))

const taken = Case.on("L7: a child whose id or key is taken is refused, and nothing is written of it", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    yield* begin(log, "x", { key: "k" })
    yield* Case.start(log, "y")
    yield* Case.close(log, "y", 0)
    yield* ask(
      log,
      "p",
      1,
      startChild("p", "0#0", "x"),
      startChild("p", "0#1", "c", {}, { key: "k" }),
      startChild("p", "0#2", "y"),
      startChild("p", "0#3", "p")
    )
    equal(yield* mail(log, "p"), [
      refused("0#0", "id", "x", "running"),
      refused("0#1", "key", "x", "running"),
      refused("0#2", "id", "y", "completed"),
      refused("0#3", "id", "p", "running")
    ])
    equal((yield* log.find({ limit: 9 })).map(({ runId }) => runId), ["y", "x", "p"])
    equal(yield* mail(log, "x"), [])
    yield* Case.close(log, "x", 1)
    equal((yield* mail(log, "p")).length, 4)
    yield* Case.close(log, "p", 2)
    equal(yield* mail(log, "x"), [])
  }))

const usesExisting = Case.on("L7: use_existing awaits the run that has the id or the key", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    yield* begin(log, "x", { key: "k" })
    const use = { onConflict: "use_existing" } as const
    yield* ask(
      log,
      "p",
      1,
      startChild("p", "0#0", "x", use),
      startChild("p", "0#1", "c", use, { key: "k" }),
      startChild("p", "0#2", "d", use)
    )
    const answers = [started("0#0", "x", true), started("0#1", "x", true), started("0#2", "d")]
    equal(yield* mail(log, "p"), answers)
    equal(yield* mail(log, "x"), [])
    equal((yield* summary(log, "x"))?.parent, undefined)
    equal((yield* summary(log, "d"))?.parent, { runId: "p", id: "0#2" })
    yield* Case.close(log, "x", 1)
    const ends = ["0#0", "0#1"].map((id) => Decide.endOf(id, Sample.completed()))
    equal(yield* mail(log, "p"), [...answers, ...ends])
  }))

const usesAlike = Case.on("L7: use_existing refuses a run of another workflow", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    yield* begin(log, "x")
    yield* ask(log, "p", 1, startChild("p", "0#0", "x", { onConflict: "use_existing" }, { workflow: "another" }))
    equal(yield* mail(log, "p"), [refused("0#0", "id", "x", "running")])
    yield* Case.close(log, "x", 1)
    equal((yield* mail(log, "p")).length, 1)
  }))

const usesClosed = Case.on("L7: use_existing of a closed run is answered with its end at once", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    yield* begin(log, "x")
    yield* Case.close(log, "x", 1)
    const use = { onConflict: "use_existing" } as const
    yield* ask(log, "p", 1, startChild("p", "0#0", "x", use), startChild("p", "0#1", "c"))
    const end = Decide.endOf("0#0", Sample.completed())
    equal(yield* mail(log, "p"), [started("0#0", "x", true), end, started("0#1", "c")])
  }))

const usesItself = Case.on("L7: a run that awaits itself is told that it exists, and nothing at its end", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    yield* ask(log, "p", 1, startChild("p", "0#0", "p", { onConflict: "use_existing" }))
    equal(yield* mail(log, "p"), [started("0#0", "p", true)])
    equal(yield* Case.close(log, "p", 2), Case.COMMITTED)
    equal(yield* mail(log, "p"), [])
  }))

const sends = Case.on("L7: a message reaches another run's inbox once, and its sender is told when it asks", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    yield* begin(log, "x")
    yield* ask(log, "p", 1, sendTo("x", "0#0", "m1"), sendTo("x", "0#1", "m2", false), sendTo("x", "0#2", "m1"))
    equal(yield* mail(log, "x"), [signal("m1"), signal("m2")])
    equal(yield* mail(log, "p"), [delivered("0#0"), delivered("0#2")])
    equal((yield* log.runnable({ now: Sample.NOW, recover: true, limit: 9 })).runIds, ["p", "x"])
  }))

const sendsNowhere = Case.on("L7: a message to no run, or to a closed one, is refused with the status", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    yield* begin(log, "x")
    yield* log.send("x", signal("m1"))
    yield* Case.close(log, "x", 1)
    const messages = [sendTo("nobody", "0#0", "m"), sendTo("x", "0#1", "m2"), sendTo("x", "0#2", "m1")]
    yield* ask(log, "p", 1, ...messages, sendTo("nobody", "0#3", "m", false))
    // Its receiver had accepted m1 before.
    equal(yield* mail(log, "p"), [notDelivered("0#0"), notDelivered("0#1", "completed"), delivered("0#2")])
  }))

const toItself = Case.on("L7: a run may send to itself, also in the append that creates it", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    yield* ask(log, "p", 1, sendTo("p", "0#0", "m1"))
    equal(yield* mail(log, "p"), [signal("m1"), delivered("0#0")])
    const forkedFrom = { runId: "p", seq: 2 }
    const start = request("f", { forkedFrom })
    const outgoing = [sendTo("f", "", "m2", false), startChild("f", "0#1", "c")]
    const events = [Sample.started(), Sample.scheduled("0#0")]
    equal(yield* Case.append(log, "f", 0, events, { start, row: Sample.running(), outgoing }), Case.COMMITTED)
    equal(yield* mail(log, "f"), [signal("m2"), started("0#1", "c")])
    equal((yield* summary(log, "f"))?.forkedFrom, forkedFrom)
  }))

const inOrder = Case.on("L7: requests are applied in order, each seeing those before it", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    yield* ask(
      log,
      "p",
      1,
      sendTo("c", "0#0", "early"),
      startChild("p", "0#1", "c", {}, { key: "k" }),
      sendTo("c", "0#2", "m1"),
      startChild("p", "0#3", "d", {}, { key: "k" }),
      startChild("p", "0#4", "d", { onConflict: "use_existing" }, { key: "k" }),
      sendTo("c", "0#5", "m2", false)
    )
    equal((yield* mail(log, "c")).map(({ messageId }) => messageId), ["start", "m1", "m2"])
    equal(yield* mail(log, "p"), [
      notDelivered("0#0"),
      started("0#1", "c"),
      delivered("0#2"),
      refused("0#3", "key", "c", "pending"),
      started("0#4", "c", true)
    ])
  }))

const neither = Case.on("L7: nothing is asked of anybody when the append is refused", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    yield* begin(log, "x")
    const outgoing = [startChild("p", "0#0", "c"), sendTo("x", "0#1", "m1")]
    const told = yield* Case.changes(log)
    equal(yield* ask(log, "p", 7, ...outgoing), Case.STALE)
    equal(yield* Case.append(log, "p", 1, [], { outgoing, epoch: log.epoch - 1 }), Case.FENCED)
    equal(yield* Case.append(log, "nobody", 0, [Sample.started()], { outgoing }), Case.STALE)
    equal((yield* Case.append(log, "x", 0, [], { outgoing, start: request("x") }))?._tag, "Exists")
    equal(told, [])
    yield* log.send("p", signal("m2"))
    equal(yield* Case.close(log, "p", 1, { outgoing, delivered: [] }), Case.MAIL_PENDING)
    equal([yield* Case.waiting(log, "p"), yield* Case.waiting(log, "x")], [["m2"], []])
    equal(yield* summary(log, "c"), undefined)
  }))

const pending = Case.on("L3: the answer is mail like any other", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    yield* ask(log, "p", 1, startChild("p", "0#0", "c"))
    equal(yield* Case.close(log, "p", 2, { delivered: [] }), Case.MAIL_PENDING)
    equal(yield* Case.close(log, "p", 2, { delivered: ["started/0#0"] }), Case.COMMITTED)
  }))

const told = Case.on("every run concerned is told of", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    yield* begin(log, "x")
    const changes = yield* Case.changes(log)
    const startAt = Sample.NOW + 5
    const child = startChild("p", "0#0", "c", {}, { startAt })
    yield* ask(log, "p", 1, child, sendTo("x", "0#1", "m1"), sendTo("x", "0#1", "m1", false))
    equal(changes, [
      { _tag: "Appended", runId: "p", seq: 2, events: [Sample.scheduled("0#1")] },
      { _tag: "Started", runId: "c", startAt },
      { _tag: "Mail", runId: "p" },
      { _tag: "Mail", runId: "x" },
      { _tag: "Mail", runId: "p" }
    ])
  }))

const inOneCall = Case.on("L7: the appends of one call see one another", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    yield* begin(log, "x", { key: "k" })
    yield* log.append([
      Case.appendOf(log, "p", 1, [Sample.scheduled("0#0")], { outgoing: [startChild("p", "0#0", "c", {}, { key: "k" })] }),
      Case.appendOf(log, "x", 1, [Sample.completed()], { row: Sample.closed() }),
      Case.appendOf(log, "p", 2, [Sample.scheduled("0#1")], {
        outgoing: [startChild("p", "0#1", "c", {}, { key: "k" }), sendTo("x", "0#2", "m1")]
      }),
      Case.appendOf(log, "c", 0, [Sample.started(), Sample.completed()], { delivered: ["start"], row: Sample.closed() })
    ])
    equal(yield* mail(log, "p"), [
      refused("0#0", "key", "x", "running"),
      started("0#1", "c"),
      notDelivered("0#2", "completed"),
      Decide.endOf("0#1", Sample.completed())
    ])
  }))

const many = Case.on("L7: an append may start a thousand children", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    const ids = Array.from({ length: 1_000 }, (_, index) => index)
    yield* ask(log, "p", 1, ...ids.map((index) => startChild("p", `0#${index}`, `c${index}`)))
    equal(yield* mail(log, "p"), ids.map((index) => started(`0#${index}`, `c${index}`)))
    equal((yield* log.find({ parent: "p", limit: 2_000 })).length, 1_000)
    yield* Case.close(log, "p", 2)
    equal((yield* mail(log, "c999")).length, 2)
    equal((yield* log.runnable({ now: 0, recover: true, limit: 2_000 })).runIds.length, 1_000)
  }))

export const cases: ReadonlyArray<Case.Case> = [
  startsChild, delayed, taken, usesExisting, usesAlike, usesClosed, usesItself, sends, sendsNowhere, toItself, inOrder, neither,
  pending, told, inOneCall, many
]
