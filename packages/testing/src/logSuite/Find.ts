/** `find`: listings. */
import type { Log } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

const ids = (log: Log.LogShape, filter: Partial<Log.RunFilter>) =>
  Effect.map(log.find({ limit: 100, ...filter }), (runs) => runs.map((run) => run.runId))

const filters = Case.on("all conditions of a filter hold at once", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "a")
    yield* Case.start(log, "b", { key: "k", version: "2" })
    yield* Case.start(log, "c", { workflow: "other", key: "k" })
    yield* Case.begin(log, "d")
    yield* Case.append(log, "d", 1, [Sample.completed()], { row: Sample.closed() })
    Case.equal(yield* ids(log, {}), ["d", "c", "b", "a"])
    Case.equal(yield* ids(log, { workflow: "checkout" }), ["d", "b", "a"])
    Case.equal(yield* ids(log, { key: "k" }), ["c", "b"])
    Case.equal(yield* ids(log, { key: "k", workflow: "checkout" }), ["b"])
    Case.equal(yield* ids(log, { status: ["pending"] }), ["c", "b"])
    Case.equal(yield* ids(log, { status: ["running", "completed"] }), ["d", "a"])
    Case.equal(yield* ids(log, { status: [] }), [])
    Case.equal(yield* ids(log, { runIds: ["a", "d", "nobody", "a"] }), ["d", "a"])
    Case.equal(yield* ids(log, { runIds: ["a", "d"], status: ["running"] }), ["a"])
    Case.equal(yield* ids(log, { runIds: [] }), [])
  }))

const paged = Case.on("pages end with the id that begins the next", (log) =>
  Effect.gen(function*() {
    const all = Array.from({ length: 25 }, (_, index) => `r${index}`)
    yield* log.append(all.map((runId) => Case.startOf(log, runId)))
    const seen: Array<string> = []
    while (true) {
      const last = seen[seen.length - 1]
      const page = yield* ids(log, { limit: 10, ...(last === undefined ? {} : { before: last }) })
      seen.push(...page)
      if (page.length < 10) break
    }
    Case.equal(seen, all.toReversed())
    Case.equal(yield* ids(log, { before: "nobody" }), [])
    Case.equal(yield* ids(log, { limit: 0 }), [])
  }))

const backwards = Case.on("the page before another one ends where that begins", (log) =>
  Effect.gen(function*() {
    yield* log.append(["a", "b", "c", "d", "e"].map((runId) => Case.startOf(log, runId, runId === "d" ? { key: "k" } : {})))
    Case.equal(yield* ids(log, { after: "b", limit: 2 }), ["d", "c"])
    Case.equal(yield* ids(log, { after: "d", limit: 2 }), ["e"])
    Case.equal(yield* ids(log, { after: "e", limit: 2 }), [])
    Case.equal(yield* ids(log, { after: "a", before: "e", limit: 2 }), ["c", "b"])
    Case.equal(yield* ids(log, { after: "a", key: "k" }), ["d"])
    Case.equal(yield* ids(log, { after: "nobody" }), [])
    Case.equal(yield* ids(log, { after: "a", limit: 0 }), [])
  }))

const instants = Case.on("runs are found by when they were created, from an instant to before another", (log) =>
  Effect.gen(function*() {
    for (const at of [1, 2, 3, 4]) yield* Case.start(log, `at ${at}`, { createdAt: at })
    Case.equal(yield* ids(log, { createdFrom: 3 }), ["at 4", "at 3"])
    Case.equal(yield* ids(log, { createdBefore: 3 }), ["at 2", "at 1"])
    Case.equal(yield* ids(log, { createdFrom: 2, createdBefore: 4 }), ["at 3", "at 2"])
    Case.equal(yield* ids(log, { createdFrom: 4, createdBefore: 4 }), [])
  }))

const blocked = Case.on("runs are found by whether they are blocked", (log) =>
  Effect.gen(function*() {
    for (const runId of ["a", "b", "c"]) yield* Case.begin(log, runId)
    yield* log.note(["a", "b"].map((runId) => ({ _tag: "Blocked", runId, reason: { _tag: "Defect" } })))
    Case.equal(yield* ids(log, { blocked: true }), ["b", "a"])
    Case.equal(yield* ids(log, { blocked: false }), ["c"])
    yield* log.note([{ _tag: "Blocked", runId: "a", reason: undefined }])
    yield* Case.close(log, "b", 1)
    Case.equal(yield* ids(log, { blocked: true }), [])
  }))

const lifecycles = Case.on("runs are found by their parent and by whether they are paused, and say so", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "p")
    const forkedFrom = { runId: "p", seq: 1 }
    yield* Case.begin(log, "f", { forkedFrom })
    yield* Case.ask(log, "p", 1, ...["a", "b"].map((runId, index) => Sample.startChild("p", `0#${index}`, runId)))
    yield* Case.append(log, "a", 0, [Sample.started()], { row: Sample.running({ paused: true }), delivered: ["start"] })
    Case.equal(yield* ids(log, { parent: "p" }), ["b", "a"])
    Case.equal(yield* ids(log, { parent: "a" }), [])
    Case.equal(yield* ids(log, { paused: true }), ["a"])
    Case.equal(yield* ids(log, { paused: false }), ["b", "f", "p"])
    Case.equal(yield* ids(log, { parent: "p", paused: false }), ["b"])
    const [child, fork] = yield* log.find({ runIds: ["a", "f"], limit: 2 })
    Case.equal([child?.parent, child?.forkedFrom], [{ runId: "p", id: "0#0" }, undefined])
    Case.equal([fork?.parent, fork?.forkedFrom], [undefined, forkedFrom])
    yield* Case.append(log, "a", 1, [Sample.completed()], { row: Sample.closed({ paused: true }) })
    Case.equal(yield* ids(log, { paused: true }), [])
  }))

export const cases: ReadonlyArray<Case.Case> = [filters, paged, backwards, instants, blocked, lifecycles]
