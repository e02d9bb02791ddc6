/** The end of a run, or of a generation of it: who is told, and which children end with it (L8). */
import { Decide, type Event, type Log, type Run } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

const { ask, begin, close, equal, mail, waiting } = Case
const { NOW, startChild } = Sample

const closings: ReadonlyArray<readonly [Event.Closing, Run.Status]> = [
  [{ _tag: "RunCompleted", at: NOW, output: [1, { a: null }] }, "completed"],
  [{ _tag: "RunCompleted", at: NOW }, "completed"],
  [{ _tag: "RunFailed", at: NOW, failure: { _tag: "Interrupted" } }, "failed"],
  [{ _tag: "RunCancelled", at: NOW, reason: "late", by: "ada" }, "cancelled"],
  [{ _tag: "RunTerminated", at: NOW, messageId: "t", by: "ops" }, "terminated"]
]

const tells = Case.on("L8: whoever awaits a run is told how it ended, whichever way it does", (log) =>
  Effect.gen(function*() {
    for (const [index, [closing, status]] of closings.entries()) {
      const [p, c] = [`p${index}`, `c${index}`]
      yield* begin(log, p)
      yield* ask(log, p, 1, startChild(p, "0#0", c))
      const rest = { delivered: ["start"], row: Sample.closed({ status }) }
      yield* Case.append(log, c, 0, [Sample.started(), closing], rest)
      equal((yield* mail(log, p)).slice(1), [Decide.endOf("0#0", closing)])
    }
  }))

const once = Case.on("L8: a child that has ended is not ended again, and its parent hears of it once", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    yield* ask(log, "p", 1, startChild("p", "0#0", "c"))
    yield* close(log, "c", 0)
    equal(yield* waiting(log, "p"), ["started/0#0", "ended/0#0"])
    yield* close(log, "p", 2)
    equal([yield* waiting(log, "p"), yield* waiting(log, "c")], [[], []])
  }))

const byPolicy = Case.on("L8: the end of a run ends its children by their policy", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    yield* begin(log, "x")
    yield* ask(
      log,
      "p",
      1,
      startChild("p", "0#0", "a", { parentClose: "cancel" }),
      startChild("p", "0#1", "b", { parentClose: "terminate" }),
      startChild("p", "0#2", "c", { parentClose: "abandon" }),
      startChild("p", "0#3", "x", { parentClose: "terminate", onConflict: "use_existing" })
    )
    yield* close(log, "p", 2)
    equal((yield* mail(log, "a")).slice(1), [Decide.parentEnded("cancel", "p", "0#0")])
    equal((yield* mail(log, "b")).slice(1), [Decide.parentEnded("terminate", "p", "0#1")])
    equal(yield* waiting(log, "c"), ["start"])
    equal(yield* waiting(log, "x"), [])
    // Nobody awaits them any more.
    for (const runId of ["a", "b", "c"]) yield* close(log, runId, 0)
    yield* close(log, "x", 1)
    equal(yield* waiting(log, "p"), [])
  }))

const together = Case.on("L8: children that the closing append starts are ended with it, and nobody is answered", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p", { key: "k" })
    yield* begin(log, "x")
    const outgoing = [
      startChild("p", "0#0", "a"),
      startChild("p", "0#1", "b", { parentClose: "abandon" }),
      startChild("p", "0#2", "x", { onConflict: "use_existing" }),
      startChild("p", "0#3", "x"),
      Sample.sendTo("x", "0#4", "m1"),
      Sample.sendTo("p", "0#5", "m1")
    ]
    equal(yield* close(log, "p", 1, { outgoing }), Case.COMMITTED)
    equal(yield* waiting(log, "a"), ["start", "parent/p/0#0"])
    equal(yield* waiting(log, "b"), ["start"])
    equal(yield* waiting(log, "x"), ["m1"])
    equal(yield* mail(log, "p"), [])
  }))

const keyFreed = Case.on("L8: a run that closes may hand its key to a child", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p", { key: "k" })
    const outgoing = [startChild("p", "0#0", "c", { parentClose: "abandon" }, { key: "k" })]
    yield* close(log, "p", 1, { outgoing })
    equal((yield* log.find({ key: "k", status: ["pending"], limit: 9 })).map(({ runId }) => runId), ["c"])
  }))

const continues = Case.on("L8: a generation that ends takes its children with it, and whoever awaits the run waits on", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "g")
    yield* ask(log, "g", 1, startChild("g", "0#0", "p"))
    yield* ask(log, "p", 0, startChild("p", "0#0", "a"), startChild("p", "0#1", "b", { parentClose: "abandon" }))
    const row = Sample.running({ generationSeq: 3 })
    const rest = { row, delivered: ["start", "started/0#0", "started/0#1"] }
    yield* Case.append(log, "p", 1, [Sample.continued, Sample.started()], rest)
    equal(yield* waiting(log, "a"), ["start", "parent/p/0#0"])
    equal(yield* waiting(log, "b"), ["start"])
    equal(yield* waiting(log, "g"), ["started/0#0"])
    // The ends of an earlier generation's children are no news.
    yield* close(log, "a", 0)
    yield* close(log, "b", 0)
    equal(yield* waiting(log, "p"), [])
    yield* close(log, "p", 3)
    equal(yield* waiting(log, "g"), ["started/0#0", "ended/0#0"])
  }))

const nextGeneration = Case.on("L8: what the next generation asks for in the same append is its own", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "p")
    const asked = (id: string, runId: string) => Sample.childScheduled(id, runId)
    const events = [
      asked("0#0", "a"), Sample.continued, Sample.started(),
      asked("1#0", "b"), asked("um#0", "u"), Sample.continued, Sample.started(),
      asked("2#0", "c")
    ]
    const outgoing = [["0#0", "a"], ["1#0", "b"], ["um#0", "u"], ["2#0", "c"]] as const
    yield* Case.append(log, "p", 1, events, { outgoing: outgoing.map(([id, runId]) => startChild("p", id, runId)) })
    const mails = yield* Effect.forEach(["a", "b", "u", "c"], (runId) => waiting(log, runId))
    equal(mails.map((ids) => ids.length), [2, 2, 2, 1])
    equal((yield* waiting(log, "p")).length, 4)
    yield* close(log, "c", 0)
    equal((yield* waiting(log, "p")).slice(4), ["ended/2#0"])
  }))

const cycle = Case.on("L8: runs that await one another in a circle all end", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "a")
    yield* ask(log, "a", 1, startChild("a", "0#0", "b"))
    yield* ask(log, "b", 0, startChild("b", "0#0", "c"))
    yield* ask(log, "c", 0, startChild("c", "0#0", "a", { onConflict: "use_existing" }))
    yield* close(log, "a", 2)
    equal((yield* mail(log, "b")).slice(2), [Decide.parentEnded("cancel", "a", "0#0")])
    equal((yield* mail(log, "c")).slice(1), [
      Decide.answerOfStart("0#0", { _tag: "Started", runId: "a", existed: true }),
      Decide.endOf("0#0", Sample.completed())
    ])
    yield* close(log, "c", 1)
    equal((yield* mail(log, "b")).slice(3), [Decide.endOf("0#0", Sample.completed())])
    equal(yield* close(log, "b", 1), Case.COMMITTED)
    equal(yield* Effect.forEach(["a", "b", "c"], (runId) => waiting(log, runId)), [[], [], []])
  }))

const pair = Case.on("L8: parent and child may close in one call", (log) =>
  Effect.gen(function*() {
    const rest = { delivered: ["start", "started/0#0"], row: Sample.closed() }
    const answers = (order: ReadonlyArray<string>) =>
      Effect.map(
        log.append(order.map((runId) => Case.appendOf(log, runId, runId.startsWith("p") ? 2 : 0, [Sample.completed()], rest))),
        (all) => all.map(({ _tag }) => _tag)
      )
    for (const runId of ["p", "p2"]) {
      yield* begin(log, runId)
      yield* ask(log, runId, 1, startChild(runId, "0#0", runId.replace("p", "c")))
    }
    // Whoever comes second has mail from the first by then.
    equal(yield* answers(["p", "c"]), ["Committed", "MailPending"])
    equal(yield* answers(["c2", "p2"]), ["Committed", "MailPending"])
    equal(yield* waiting(log, "c"), ["start", "parent/p/0#0"])
    equal(yield* waiting(log, "p2"), ["started/0#0", "ended/0#0"])
  }))

const told = Case.on("those whom an end concerns are told of", (log) =>
  Effect.gen(function*() {
    yield* begin(log, "g")
    yield* ask(log, "g", 1, startChild("g", "0#0", "p"))
    yield* ask(log, "p", 0, startChild("p", "0#0", "c"), startChild("p", "0#1", "d", { parentClose: "abandon" }))
    const changes = yield* Case.changes(log)
    yield* close(log, "p", 1)
    const mails = changes.filter(({ _tag }) => _tag === "Mail").map(({ runId }) => runId)
    equal(mails.toSorted(), ["c", "g"])
    equal(changes.filter(({ _tag }) => _tag === "Closed").map(({ runId }) => runId), ["p"])
    equal(changes.length, 4)
  }))

const atStart = Case.on("L8: a run that starts and closes at once ends the child that it asked for", (log) =>
  Effect.gen(function*() {
    const start = Sample.request("p")
    const events = [Sample.started(), Sample.childScheduled("0#0", "c"), Sample.completed()]
    yield* Case.append(log, "p", 0, events, { start, row: Sample.closed(), outgoing: [startChild("p", "0#0", "c")] })
    equal(yield* waiting(log, "c"), ["start", "parent/p/0#0"])
    equal(yield* waiting(log, "p"), [])
  }))

const afterRestart = Case.restarted(
  "L8: who awaits whom survives a restart",
  (log) =>
    Effect.gen(function*() {
      yield* begin(log, "p")
      yield* begin(log, "x")
      const use = { onConflict: "use_existing" } as const
      yield* ask(log, "p", 1, startChild("p", "0#0", "c"), startChild("p", "0#1", "d"), startChild("p", "0#2", "x", use))
    }),
  (log: Log.LogShape) =>
    Effect.gen(function*() {
      yield* close(log, "c", 0)
      yield* close(log, "x", 1)
      equal((yield* waiting(log, "p")).slice(3), ["ended/0#0", "ended/0#2"])
      yield* close(log, "p", 2)
      equal(yield* waiting(log, "d"), ["start", "parent/p/0#1"])
    })
)

export const cases: ReadonlyArray<Case.Case> = [
  tells, once, byPolicy, together, keyFreed, continues, nextGeneration, cycle, pair, told, atStart, afterRestart
]
