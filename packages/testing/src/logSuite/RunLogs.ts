/** The RunLogs port: what runs log and print (O1, O2; O3 is for a store that deletes). */
import { Log, LogLine, RunLogs } from "@reprise/core/engine"
import { Context, Effect } from "effect"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

const line = (runId: string, text: string, rest: Partial<RunLogs.Line> = {}): RunLogs.Line => ({
  runId,
  stepId: "0#0",
  stepName: "charge",
  attempt: 1,
  at: Sample.NOW,
  level: "info",
  text,
  fields: undefined,
  ...rest
})

const ofBody = { stepId: undefined, stepName: undefined, attempt: undefined }

/** A case on a store with runs `a` and `b`. */
const on = <E>(name: string, body: (logs: RunLogs.RunLogsShape, log: Log.LogShape) => Effect.Effect<void, E, Case.Scoped>): Case.Case =>
  Case.onStore(name, (store) => {
    const log = Context.get(store, Log.Log)
    const begun = Effect.zipRight(Case.begin(log, "a"), Case.begin(log, "b"))
    return Effect.zipRight(begun, body(Context.get(store, RunLogs.RunLogs), log))
  })

const texts = (logs: RunLogs.RunLogsShape, runId: string, page: Partial<Parameters<RunLogs.RunLogsShape["read"]>[1]> = {}) =>
  Effect.map(logs.read(runId, { after: 0, limit: 100, ...page }), (lines) => lines.map(({ text }) => text))

const keeps = on("lines are read as they were written, of one run", (logs) =>
  Effect.gen(function*() {
    const fields = { "order id": 7, spans: { charge: 12.5 }, list: ["ü", null] }
    const written = [
      line("a", "one\n\"💶\"", { fields, level: "warn", attempt: 2 }),
      line("b", "not of this run"),
      line("a", "", { ...ofBody, at: 5, level: "fatal" })
    ]
    yield* logs.write(written)
    const kept = yield* logs.read("a", { after: 0, limit: 9 })
    Case.equal(kept, [0, 2].map((index, nth) => ({ ...written[index]!, position: kept[nth]?.position ?? 0 })))
    Case.equal(yield* texts(logs, "nobody"), [])
  }))

const ordered = on("O1: lines stand in the order of writing, and are read in pages", (logs) =>
  Effect.gen(function*() {
    const all = Array.from({ length: 40 }, (_, n) => `line ${n}`)
    for (let from = 0; from < 40; from += 8) {
      yield* logs.write(all.slice(from, from + 8).flatMap((text) => [line("a", text, { at: Sample.NOW - from }), line("b", text)]))
    }
    const seen: Array<string> = []
    for (let after = 0;;) {
      const page = yield* logs.read("a", { after, limit: 7 })
      if (page.length === 0) break
      Case.equal(page.every(({ position }, i) => position > (page[i - 1]?.position ?? after)), true, "positions rise")
      seen.push(...page.map(({ text }) => text))
      after = page.at(-1)?.position ?? after
    }
    Case.equal(seen, all)
    yield* logs.write([])
    Case.equal(yield* texts(logs, "a", { limit: 0 }), [])
  }))

const selects = on("lines are found by step and attempt", (logs) =>
  Effect.gen(function*() {
    yield* logs.write([
      line("a", "body", ofBody),
      line("a", "first"),
      line("a", "second", { attempt: 2 }),
      line("a", "other", { stepId: "0#1" }),
      line("a", "second again", { attempt: 2 })
    ])
    Case.equal(yield* texts(logs, "a", { stepId: "0#0" }), ["first", "second", "second again"])
    Case.equal(yield* texts(logs, "a", { stepId: "0#0", attempt: 2 }), ["second", "second again"])
    Case.equal(yield* texts(logs, "a", { stepId: "0#0", attempt: 2, limit: 1 }), ["second"])
    const [second] = yield* logs.read("a", { after: 0, limit: 1, attempt: 2 })
    Case.equal(yield* texts(logs, "a", { stepId: "0#0", after: second?.position ?? 0 }), ["second again"])
  }))

const unknown = on("lines of runs that are not there are dropped; a closed run keeps and takes them", (logs, log) =>
  Effect.gen(function*() {
    yield* Case.close(log, "a", 1)
    yield* logs.write([line("nobody", "lost"), line("a", "late"), line("b", "kept")])
    Case.equal([yield* texts(logs, "nobody"), yield* texts(logs, "a"), yield* texts(logs, "b")], [[], ["late"], ["kept"]])
    yield* Case.start(log, "nobody")
    Case.equal(yield* texts(logs, "nobody"), [])
  }))

const bounded = on("O2: the first lines of each attempt are kept, and one that says that more were left out", (logs) =>
  Effect.gen(function*() {
    const bounds = { logLinesMax: 3, logBytesMax: 1_000 }
    yield* logs.write(["1", "2"].map((text) => line("a", text)), bounds)
    yield* logs.write(["3", "4", "5"].map((text) => line("a", text, { fields: { n: 1 } })), bounds)
    yield* logs.write([line("a", "6"), line("a", "next attempt", { attempt: 2 }), line("a", "body", ofBody)], bounds)
    Case.equal(yield* texts(logs, "a", { stepId: "0#0", attempt: 1 }), ["1", "2", "3", LogLine.LEFT_OUT])
    Case.equal((yield* logs.read("a", { after: 0, limit: 9 }))[3]?.level, "warn")
    Case.equal((yield* texts(logs, "a")).slice(4), ["next attempt", "body"])
    yield* logs.write(["1", "2", "3", "4"].map((text) => line("b", text, ofBody)), bounds)
    Case.equal(yield* texts(logs, "b"), ["1", "2", "3", LogLine.LEFT_OUT])
  }))

const bytes = on("O2: bytes are bounded, too, with those of the fields", (logs) =>
  Effect.gen(function*() {
    const bounds = { logLinesMax: 100, logBytesMax: 20 }
    yield* logs.write([line("a", "üüüüü"), line("a", "", { fields: { a: 1 } }), line("a", "123")], bounds)
    yield* logs.write([line("a", "4")], bounds)
    Case.equal(yield* texts(logs, "a"), ["üüüüü", "", "123", LogLine.LEFT_OUT])
    yield* logs.write([line("b", "x".repeat(21)), line("b", "y")], bounds)
    Case.equal(yield* texts(logs, "b"), [LogLine.LEFT_OUT])
  }))

const watches = on("listeners hear of the runs that a write has added to, once it is done", (logs) =>
  Effect.gen(function*() {
    const told: Array<ReadonlyArray<string>> = []
    const listen = logs.watch((runIds) => told.push([...runIds].toSorted()))
    yield* Effect.scoped(Effect.zipRight(listen, logs.write([line("b", "1"), line("nobody", "2"), line("a", "3"), line("a", "4")])))
    Case.equal(told, [["a", "b"]])
    yield* listen
    yield* logs.write([line("nobody", "5")])
    yield* logs.write([line("a", "6")])
    Case.equal(told, [["a", "b"], ["a"]])
  }))

const stays: Case.Case = Case.restartedStore(
  "lines and their bounds are there after a restart",
  (store) =>
    Effect.gen(function*() {
      yield* Case.begin(Context.get(store, Log.Log), "a")
      yield* Context.get(store, RunLogs.RunLogs).write([line("a", "1"), line("a", "2")])
    }),
  (store) =>
    Effect.gen(function*() {
      const logs = Context.get(store, RunLogs.RunLogs)
      const [, second] = yield* logs.read("a", { after: 0, limit: 9 })
      yield* logs.write([line("a", "3"), line("a", "4")], { logLinesMax: 3, logBytesMax: 99 })
      Case.equal(yield* texts(logs, "a", { after: second?.position ?? 0 }), ["3", LogLine.LEFT_OUT])
    })
)

export const cases: ReadonlyArray<Case.Case> = [keeps, ordered, selects, unknown, bounded, bytes, watches, stays]
