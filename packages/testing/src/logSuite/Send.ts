/** `send` and `inbox`: L4, and the promise that an acknowledged message reaches the history. */
import { Effect, Either } from "effect"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

const arrives = Case.on("L4: messages are read in order of arrival, exactly as they were sent", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    yield* Case.begin(log, "r2")
    for (const id of ["m3", "m1", "m2"]) Case.equal(yield* log.send("r1", Sample.signal(id)), "Sent")
    Case.equal(yield* log.send("r2", Sample.signal("m1")), "Sent")
    Case.equal((yield* log.inbox("r1")).messages, ["m3", "m1", "m2"].map(Sample.signal))
    Case.equal(yield* Case.waiting(log, "r2"), ["m1"])
    Case.equal(yield* Case.waiting(log, "nobody"), [])
  }))

const allKinds = Case.on("every kind of message comes back as it was sent", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    const messages = [
      { _tag: "Update", messageId: "1", name: "add", input: [1, { deep: null }], by: "ada" },
      { _tag: "Cancel", messageId: "2", reason: "late" },
      { _tag: "Terminate", messageId: "3", by: "ops" },
      { _tag: "SettleAwakeable", messageId: "4", id: "0#1", settlement: { _tag: "Resolved", value: 1 } },
      { _tag: "ResolveStep", messageId: "5", id: "0#2", resolution: { _tag: "Retry" } },
      { _tag: "Signal", messageId: "6", name: "go" }
    ] as const
    for (const message of messages) yield* log.send("r1", message)
    Case.equal<ReadonlyArray<unknown>>((yield* log.inbox("r1")).messages, messages)
  }))

const duplicate = Case.on("a second message with the id is dropped, delivered or not", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    yield* log.send("r1", Sample.signal("m1"))
    const other = { _tag: "Cancel", messageId: "m1" } as const
    Case.equal(yield* log.send("r1", other), "Duplicate")
    Case.equal((yield* log.inbox("r1")).messages, [Sample.signal("m1")])
    yield* Case.append(log, "r1", 1, [Sample.received("m1")], { delivered: ["m1"] })
    Case.equal(yield* log.send("r1", other), "Duplicate")
    Case.equal(yield* Case.waiting(log, "r1"), [])
  }))

const refused = Case.on("a message to no run, or to a closed one, is refused; what it accepted before is not", (log) =>
  Effect.gen(function*() {
    const missing = yield* Effect.either(log.send("nobody", Sample.signal("m1")))
    Case.equal(Either.isLeft(missing) ? missing.left._tag : "sent", "RunNotFound")
    yield* Case.begin(log, "r1")
    yield* log.send("r1", Sample.signal("m1"))
    yield* Case.append(log, "r1", 1, [Sample.received("m1"), Sample.completed()], {
      delivered: ["m1"],
      row: Sample.closed()
    })
    const late = yield* Effect.flip(log.send("r1", Sample.signal("m2")))
    Case.equal(late._tag === "RunClosed" ? late.status : late._tag, "completed")
    Case.equal(yield* log.send("r1", Sample.signal("m1")), "Duplicate")
  }))

const delivers = Case.on("an append delivers what it names and nothing else", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    for (const id of ["m1", "m2", "m3"]) yield* log.send("r1", Sample.signal(id))
    yield* Case.append(log, "r1", 1, [Sample.received("m2")], { delivered: ["m2", "unheard of"] })
    Case.equal(yield* Case.waiting(log, "r1"), ["m1", "m3"])
    // A message may be delivered without an event: a second cancel changes nothing.
    Case.equal(yield* Case.append(log, "r1", 2, [], { delivered: ["m1"] }), Case.COMMITTED)
    Case.equal(yield* Case.waiting(log, "r1"), ["m3"])
    Case.equal((yield* Case.history(log, "r1")).length, 2)
  }))

const beforeStart = Case.on("a pending run takes messages after its Start message", (log) =>
  Effect.gen(function*() {
    yield* Case.start(log, "r1", { startAt: Sample.NOW + 1_000 })
    yield* log.send("r1", Sample.signal("m1"))
    Case.equal(yield* Case.waiting(log, "r1"), ["start", "m1"])
  }))

const together = Case.on("L4: messages sent at once are all kept, each once", (log) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "r1")
    const ids = Array.from({ length: 60 }, (_, index) => `m${index % 40}`)
    const answers = yield* Effect.forEach(ids, (id) => log.send("r1", Sample.signal(id)), { concurrency: "unbounded" })
    Case.equal(answers.filter((answer) => answer === "Sent").length, 40)
    Case.equal((yield* Case.waiting(log, "r1")).toSorted(), [...new Set(ids)].toSorted())
  }))

export const cases: ReadonlyArray<Case.Case> = [
  arrives, allKinds, duplicate, refused, delivers, beforeStart, together
]
