/** What a restart keeps, and whom it fences. */
import { Effect } from "effect"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

const keeps = Case.restarted(
  "all that was acknowledged is there after a restart, and can be continued",
  (log) =>
    Effect.gen(function*() {
      yield* Case.begin(log, "r1", { key: "k" })
      yield* Case.append(log, "r1", 1, [Sample.scheduled("0#0")], { row: Sample.running({ busy: true, wakeAt: 5 }) })
      yield* log.send("r1", Sample.signal("m1"))
      yield* log.note([{ _tag: "Progress", runId: "r1", id: "0#0", details: 7 }])
      yield* Case.start(log, "r2")
      return log.epoch
    }),
  (log, epoch) =>
    Effect.gen(function*() {
      Case.equal(log.epoch > epoch, true)
      Case.equal(yield* Case.history(log, "r1"), Case.numbered([Sample.started(), Sample.scheduled("0#0")]))
      const { messages, notes } = yield* log.inbox("r1")
      Case.equal(messages, [Sample.signal("m1")])
      Case.equal(notes.progress.get("0#0"), 7)
      Case.equal((yield* log.runnable({ now: Sample.NOW, recover: true, limit: 9 })).runIds, ["r1", "r2"])
      Case.equal((yield* Case.start(log, "r3", { key: "k" }))?._tag, "Exists")
      Case.equal(yield* Case.append(log, "r1", 1, [Sample.scheduled("0#1")]), Case.STALE)
      Case.equal(yield* Case.append(log, "r1", 2, [Sample.stepCompleted("0#0")]), Case.COMMITTED)
      Case.equal((yield* Case.history(log, "r1")).length, 3)
    })
)

const fences = Case.restarted(
  "an append of the process before changes nothing",
  (log) => Effect.as(Case.begin(log, "r1"), log.epoch),
  (log, epoch) =>
    Effect.gen(function*() {
      Case.equal(yield* Case.append(log, "r1", 1, [Sample.scheduled("0#0")], { epoch }), Case.FENCED)
      Case.equal(yield* Case.history(log, "r1"), Case.numbered([Sample.started()]))
    })
)

export const cases: ReadonlyArray<Case.Case> = [keeps, fences]
