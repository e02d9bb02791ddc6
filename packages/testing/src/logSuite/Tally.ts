/** `tally`: how many runs there are. */
import { Effect } from "effect"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

const counts = Case.on("runs are counted by workflow and status, as far as they fit", (log) =>
  Effect.gen(function*() {
    Case.equal(yield* log.tally({}), [])
    yield* Case.start(log, "a", { createdAt: 1 })
    yield* Case.start(log, "b", { workflow: "Zebra", createdAt: 2 })
    for (const runId of ["c", "d", "e"]) yield* Case.begin(log, runId)
    yield* Case.begin(log, "f", { workflow: "Zebra", key: "k", parent: { runId: "c", id: "0#0" } })
    yield* Case.close(log, "d", 1)
    yield* log.note([{ _tag: "Blocked", runId: "e", reason: "broken" }])
    const of = (workflow: string, status: string, count: number) => ({ workflow, status, count })
    Case.equal<unknown>(yield* log.tally({}), [
      of("Zebra", "pending", 1),
      of("Zebra", "running", 1),
      of("checkout", "completed", 1),
      of("checkout", "pending", 1),
      of("checkout", "running", 2)
    ])
    Case.equal<unknown>(yield* log.tally({ workflow: "Zebra", status: ["running"] }), [of("Zebra", "running", 1)])
    Case.equal<unknown>(yield* log.tally({ key: "k" }), [of("Zebra", "running", 1)])
    Case.equal<unknown>(yield* log.tally({ parent: "c" }), [of("Zebra", "running", 1)])
    Case.equal<unknown>(yield* log.tally({ blocked: true }), [of("checkout", "running", 1)])
    Case.equal<unknown>(yield* log.tally({ runIds: ["a", "c", "a"] }), [of("checkout", "pending", 1), of("checkout", "running", 1)])
    Case.equal<unknown>(yield* log.tally({ createdFrom: 1, createdBefore: Sample.NOW }), [
      of("Zebra", "pending", 1),
      of("checkout", "pending", 1)
    ])
    Case.equal(yield* log.tally({ runIds: [] }), [])
  }))

export const cases: ReadonlyArray<Case.Case> = [counts]
