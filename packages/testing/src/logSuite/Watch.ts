/** `watch`: what listeners are told, and when. */
import { Effect } from "effect"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

const tells = Case.on("each commit is told in order, and nothing that was refused", (log) =>
  Effect.gen(function*() {
    const told = yield* Case.changes(log)
    const startAt = Sample.NOW + 5
    yield* Case.start(log, "r1", { startAt })
    yield* Case.start(log, "r1")
    yield* log.send("r1", Sample.signal("m1"))
    yield* log.send("r1", Sample.signal("m1"))
    const events = [Sample.started(), Sample.received("m1")]
    yield* Case.append(log, "r1", 0, events, { delivered: ["start", "m1"], row: Sample.running() })
    yield* Case.append(log, "r1", 7, [Sample.scheduled("0#0")])
    yield* Case.append(log, "r1", 2, [], { row: Sample.running({ busy: true }) })
    yield* Case.append(log, "r1", 2, [Sample.completed()], { row: Sample.closed() })
    Case.equal(told, [
      { _tag: "Started", runId: "r1", startAt },
      { _tag: "Mail", runId: "r1" },
      { _tag: "Appended", runId: "r1", seq: 2, events },
      { _tag: "Appended", runId: "r1", seq: 3, events: [Sample.completed()] },
      { _tag: "Closed", runId: "r1", event: Sample.completed() }
    ])
  }))

const beforeAnswer = Case.on("listeners hear of a commit before its caller does", (log) =>
  Effect.gen(function*() {
    const told = yield* Case.changes(log)
    yield* Case.start(log, "r1")
    Case.equal(told.length, 1)
    yield* log.send("r1", Sample.signal("m1"))
    Case.equal(told.length, 2)
  }))

const leaves = Case.on("a listener hears nothing after its scope has closed", (log) =>
  Effect.gen(function*() {
    const stays = yield* Case.changes(log)
    const left = yield* Effect.scoped(Effect.zipLeft(Case.changes(log), Case.start(log, "r1")))
    yield* Case.start(log, "r2")
    Case.equal([stays.length, left.length], [2, 1])
  }))

export const cases: ReadonlyArray<Case.Case> = [tells, beforeAnswer, leaves]
