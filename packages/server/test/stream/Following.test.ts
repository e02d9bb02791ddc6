import { describe, expect, it } from "@effect/vitest"
import type { RunLogs } from "@reprise/core/engine"
import { MemoryLog } from "@reprise/testing"
import { Effect, Fiber, TestClock } from "effect"
import { connect, leave, remembered, seqs, take, toEnd, types } from "./connection.js"
import * as Process from "./process.js"

const opened = () => Process.open(MemoryLog.layer(MemoryLog.makeStore()))

const sse = { accept: "text/event-stream" }
const nothingLeft = (process: Process.Process) => expect(remembered(process)).toBe(0)

describe("a run's history", () => {
  it.scoped("is told from its begin, and then as it is committed, until it has ended", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      yield* Process.begin(process.log, "a")
      const connection = connect(yield* process.ask("runEvents", { params: { runId: "a" }, ...sse }))
      yield* take(connection)
      yield* take(connection)
      expect(seqs(connection)).toEqual([1])
      const next = yield* Effect.fork(take(connection))
      yield* Effect.yieldNow()
      // No time passes: whoever waits is told at once.
      yield* Process.steps(process.log, "a", 1, ["x", "y"])
      yield* Fiber.join(next)
      expect(seqs(connection)).toEqual([1, 2, 3])
      yield* Process.close(process.log, "a", 3)
      yield* TestClock.adjust(20)
      yield* toEnd(connection)
      expect(types(connection)).toEqual(["message", "message", "message", "message", "end"])
      nothingLeft(process)
      const again = yield* process.ask("runEvents", { params: { runId: "a" }, ...sse, lastId: connection.events.lastId })
      expect(again.status).toBe(204)
    }))

  it.scoped("of one that has ended is told to its end, and nobody waits", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      yield* Process.begin(process.log, "a")
      yield* Process.close(process.log, "a", 1)
      for (const after of [0, 1, 2, 7]) {
        const connection = connect(yield* process.ask("runEvents", { params: { runId: "a" }, query: { after }, ...sse }))
        yield* toEnd(connection)
        expect(seqs(connection)).toEqual([1, 2].slice(after))
        expect(types(connection).at(-1)).toBe("end")
      }
      nothingLeft(process)
    }))

  it.scoped("is told as lines: what is there, so many of them, or also what follows", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      yield* Process.begin(process.log, "a")
      yield* Process.steps(process.log, "a", 1, ["x", "y", "z"])
      const lines = { params: { runId: "a" }, accept: "application/x-ndjson" }
      const there = connect(yield* process.ask("runEvents", lines))
      yield* toEnd(there)
      expect(there.text.trimEnd().split("\n").map((line) => JSON.parse(line).seq)).toEqual([1, 2, 3, 4])
      const two = connect(yield* process.ask("runEvents", { ...lines, query: { limit: 2, after: 1 } }))
      yield* toEnd(two)
      expect(two.text.trimEnd().split("\n").map((line) => JSON.parse(line).seq)).toEqual([2, 3])
      const following = connect(yield* process.ask("runEvents", { ...lines, query: { follow: true, after: 4 } }))
      const end = yield* Effect.fork(toEnd(following))
      yield* Effect.yieldNow()
      yield* Process.close(process.log, "a", 4)
      yield* TestClock.adjust(20)
      yield* Fiber.join(end)
      expect(following.text.trimEnd().split("\n").map((line) => JSON.parse(line).event._tag)).toEqual(["RunCompleted"])
      nothingLeft(process)
    }))

  it.scoped("is told as pages, whose last one does not name a next", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      yield* Process.begin(process.log, "a")
      yield* Process.steps(process.log, "a", 1, ["x", "y"])
      const page = (query: object) => Effect.map(process.ask("runEvents", { params: { runId: "a" }, query }), (reply) =>
        reply._tag === "Value" ? reply.value : reply)
      expect(yield* page({ limit: 2 })).toMatchObject({ items: [{ runId: "a", seq: 1, at: Process.NOW }, { seq: 2 }], nextAfter: 2 })
      expect(yield* page({ limit: 2, after: 2 })).toMatchObject({ items: [{ seq: 3 }] })
      expect(yield* page({ limit: 2, after: 1 })).not.toHaveProperty("nextAfter")
      expect(yield* page({ after: 9 })).toEqual({ items: [] })
    }))

  it.scoped("shows that it is there when nothing happens, in both forms", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      yield* Process.begin(process.log, "a")
      const asked = { params: { runId: "a" }, query: { after: 1 } }
      const live = connect(yield* process.ask("runEvents", { ...asked, ...sse }))
      yield* take(live)
      const followed = { ...asked, query: { after: 1, follow: true }, accept: "application/x-ndjson" }
      const lines = yield* Effect.cached(Effect.map(process.ask("runEvents", followed), (reply) => connect(reply)))
      for (const open of [Effect.succeed(live), lines]) {
        const connection = yield* open
        const heartbeat = yield* Effect.fork(take(connection))
        yield* Effect.yieldNow()
        yield* TestClock.adjust("14 seconds")
        expect(yield* Fiber.poll(heartbeat)).toMatchObject({ _tag: "None" })
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(heartbeat)
      }
      expect(live.text).toBe("retry: 2000\nid: 1\n\n: still here\nid: 1\n\n")
      expect((yield* lines).text).toBe("\n")
      expect(types(live)).toEqual([])
    }))

  it.scoped("has answers for what cannot be", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      yield* Process.begin(process.log, "a")
      const asked = { params: { runId: "a" } }
      const codeOf = (request: object) => Effect.map(Effect.flip(process.ask("runEvents", { ...asked, ...request })), ({ _tag }) => _tag)
      expect(yield* codeOf({ params: { runId: "b" } })).toBe("RunNotFound")
      expect(yield* codeOf({ accept: "text/html" })).toBe("NotAcceptable")
      for (const lastId of ["", "x", "-1", "1.5", "0x1", "1 ", "9".repeat(16), "2"]) {
        expect([lastId, yield* codeOf({ lastId, ...sse })]).toEqual([lastId, "RequestInvalid"])
      }
      expect(yield* codeOf({ query: { follow: true } })).toBe("RequestInvalid")
      expect(yield* codeOf({ query: { limit: 1 }, ...sse })).toBe("RequestInvalid")
      nothingLeft(process)
    }))
})

describe("the events of all runs", () => {
  it.scoped("are told from the begin, from a position, or from the end; filtered as the feed is", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      yield* Process.begin(process.log, "a", { key: "k" })
      yield* Process.begin(process.log, "b", { workflow: "other" })
      yield* Process.steps(process.log, "a", 1, ["x"])
      const told = (query: object) =>
        Effect.gen(function*() {
          const connection = connect(yield* process.ask("followRuns", { query, accept: "application/x-ndjson" }))
          yield* toEnd(connection)
          return connection.text.trimEnd().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line))
        })
      const all = yield* told({})
      expect(all.map(({ runId, seq }) => `${runId}/${seq}`)).toEqual(["a/1", "b/1", "a/2"])
      const positions = all.map(({ position }) => position)
      expect(positions).toEqual(positions.toSorted((x, y) => x - y))
      expect(yield* told({ after: positions[0] })).toEqual(all.slice(1))
      expect(yield* told({ after: "end" })).toEqual([])
      expect(yield* told({ workflow: "other" })).toEqual(all.filter(({ runId }) => runId === "b"))
      expect(yield* told({ key: "k" })).toEqual(all.filter(({ runId }) => runId === "a"))
      expect(yield* told({ runId: ["b", "c"] })).toEqual(all.filter(({ runId }) => runId === "b"))
      expect(yield* told({ type: ["StepScheduled"] })).toEqual(all.slice(2))
      const page = yield* process.ask("followRuns", { query: { limit: 2 } })
      expect(page).toMatchObject({ value: { items: [{ seq: 1 }, { seq: 1 }], nextAfter: positions[1] } })
    }))

  it.scoped("a caller who was cut off before anything came misses nothing", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      yield* Process.begin(process.log, "a")
      const first = connect(yield* process.ask("followRuns", { query: { after: "end" }, ...sse }))
      yield* take(first)
      yield* leave(first)
      yield* Process.steps(process.log, "a", 1, ["x"])
      const second = connect(yield* process.ask("followRuns", { query: { after: "end" }, ...sse, lastId: first.events.lastId }))
      yield* take(second)
      yield* take(second)
      expect(seqs(second)).toEqual([2])
      const beyond = yield* Effect.flip(process.ask("followRuns", { ...sse, lastId: "3" }))
      expect(beyond._tag).toBe("RequestInvalid")
    }))

  it.scoped("what fits no filter moves the place where a caller goes on", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      yield* Process.begin(process.log, "a")
      const connection = connect(yield* process.ask("followRuns", { query: { workflow: "none" }, ...sse }))
      yield* take(connection)
      expect(connection.events.lastId).toBe("0")
      const heartbeat = yield* Effect.fork(take(connection))
      yield* Effect.yieldNow()
      yield* Process.steps(process.log, "a", 1, ["x", "y"])
      yield* TestClock.adjust("16 seconds")
      yield* Fiber.join(heartbeat)
      expect([connection.events.lastId, types(connection)]).toEqual(["3", []])
    }))
})

describe("what a run logs", () => {
  const line = (text: string, rest: Partial<RunLogs.Line> = {}): RunLogs.Line => ({
    runId: "a",
    stepId: undefined,
    stepName: undefined,
    attempt: undefined,
    at: Process.NOW,
    level: "info",
    text,
    fields: undefined,
    ...rest
  })

  it.scoped("is told as it comes, and soon after the end of the run the stream ends", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Process.NOW)
      const process = yield* opened()
      yield* Process.begin(process.log, "a")
      yield* process.runLogs.write([line("one"), line("two", { stepId: "0#1", stepName: "charge", attempt: 2, fields: { order: 7 } })])
      const connection = connect(yield* process.ask("runLogs", { params: { runId: "a" }, ...sse }))
      yield* take(connection)
      yield* take(connection)
      const end = yield* Effect.fork(toEnd(connection))
      yield* Effect.yieldNow()
      yield* Process.close(process.log, "a", 1)
      yield* TestClock.adjust(600)
      yield* process.runLogs.write([line("three"), line("not of this run", { runId: "b" })])
      yield* TestClock.adjust(300)
      expect(yield* Fiber.poll(end)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust(1_000)
      yield* Fiber.join(end)
      const told = connection.events.messages.filter(({ type }) => type === "message").map(({ data }) => JSON.parse(data))
      expect(told.map(({ text }) => text)).toEqual(["one", "two", "three"])
      expect(told[1]).toMatchObject({ stepId: "0#1", stepName: "charge", attempt: 2, fields: { order: 7 }, at: "2023-11-14T22:13:20.000Z" })
      expect(types(connection).at(-1)).toBe("end")
      const again = yield* process.ask("runLogs", { params: { runId: "a" }, ...sse, lastId: connection.events.lastId })
      expect(again.status).toBe(204)
      nothingLeft(process)
    }))

  it.scoped("is told as pages, of one step or attempt if that is asked", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      yield* Process.begin(process.log, "a")
      yield* process.runLogs.write([line("one"), line("two", { stepId: "s", attempt: 1 }), line("three", { stepId: "s", attempt: 2 })])
      const page = (query: object) => Effect.map(process.ask("runLogs", { params: { runId: "a" }, query }), (reply) =>
        reply._tag === "Value" ? reply.value : reply)
      expect(yield* page({ limit: 2 })).toMatchObject({ items: [{ text: "one" }, { text: "two" }], nextAfter: 2 })
      expect(yield* page({ after: 2 })).toMatchObject({ items: [{ text: "three" }] })
      expect(yield* page({ limit: 1, after: 2 })).not.toHaveProperty("nextAfter")
      expect(yield* page({ stepId: "s", attempt: 2 })).toMatchObject({ items: [{ text: "three" }] })
    }))
})
