import { describe, expect, it } from "@effect/vitest"
import { Errors, type Log } from "@reprise/core/engine"
import { MemoryLog } from "@reprise/testing"
import { Effect, Exit, Fiber, Scope, TestClock } from "effect"
import { connect, leave, remembered, seqs, take, toEnd, types } from "./connection.js"
import { turn } from "./HandClock.js"
import * as Process from "./process.js"

const opened = (bounds: Parameters<typeof Process.open>[1] = {}, worn?: (log: Log.LogShape) => Log.LogShape) =>
  Process.open(MemoryLog.layer(MemoryLog.makeStore()), bounds, worn)

const sse = { accept: "text/event-stream" }
const ofA = { params: { runId: "a" }, ...sse }

describe("streams", () => {
  it.scoped("are forgotten when their reader gives the body back, at any point", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      yield* Process.begin(process.log, "a")
      for (const takeCount of [0, 1, 2]) {
        const connection = connect(yield* process.ask("runEvents", { ...ofA, caller: "ada" }))
        yield* Effect.repeatN(take(connection), takeCount - 1).pipe(Effect.when(() => takeCount > 0))
        expect(remembered(process)).toBeGreaterThan(0)
        yield* leave(connection)
        expect(remembered(process)).toBe(0)
      }
      // While it waits for news.
      const connection = connect(yield* process.ask("followRuns", { query: { after: "end" }, ...sse }))
      yield* take(connection)
      const waiting = yield* Effect.fork(take(connection))
      yield* Effect.yieldNow()
      yield* leave(connection)
      yield* Fiber.join(waiting)
      expect([connection.isOver, remembered(process)]).toEqual([true, 0])
    }))

  it.scoped("are forgotten when their caller goes", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      yield* Process.begin(process.log, "a")
      const caller = new AbortController()
      const connection = connect(yield* process.ask("runEvents", { ...ofA, signal: caller.signal }))
      yield* take(connection)
      caller.abort()
      expect(remembered(process)).toBe(0)
      expect(Exit.isFailure(yield* Effect.exit(take(connection)))).toBe(true)
      const late = yield* process.ask("runEvents", { ...ofA, signal: AbortSignal.abort() })
      expect(remembered(process)).toBe(0)
      expect(Exit.isFailure(yield* Effect.exit(take(connect(late))))).toBe(true)
    }))

  it.scoped("are only so many, in all and for each caller", () =>
    Effect.gen(function*() {
      const process = yield* opened({ streamsMax: 3, streamsPerCallerMax: 2 })
      yield* Process.begin(process.log, "a")
      const ask = (caller: string) => Effect.either(process.ask("runEvents", { ...ofA, caller }))
      const first = yield* ask("ada")
      yield* ask("ada")
      expect(yield* ask("ada")).toMatchObject({ left: { _tag: "TooManyStreams", streamsMax: 2 } })
      expect((yield* ask("bob"))._tag).toBe("Right")
      expect(yield* ask("cyd")).toMatchObject({ left: { _tag: "TooManyStreams", streamsMax: 3 } })
      // A page is no stream.
      expect((yield* process.ask("runEvents", { params: { runId: "a" } }))._tag).toBe("Value")
      if (first._tag === "Right") yield* leave(connect(first.right))
      expect((yield* ask("ada"))._tag).toBe("Right")
    }))

  it.scoped("end with a word when the server stops, and no more are opened", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const process = yield* Scope.extend(opened(), scope)
      yield* Process.begin(process.log, "a")
      const idle = connect(yield* process.ask("runEvents", ofA))
      const waiting = connect(yield* process.ask("followRuns", { query: { after: "end" }, ...sse }))
      const lines = connect(yield* process.ask("runEvents", { ...ofA, query: { follow: true }, accept: "application/x-ndjson" }))
      yield* take(waiting)
      const rest = yield* Effect.fork(toEnd(waiting))
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      expect(remembered(process)).toBe(0)
      yield* Effect.zipRight(Fiber.join(rest), toEnd(idle))
      expect([types(idle), types(waiting)]).toEqual([["stopping"], ["stopping"]])
      expect(JSON.parse(waiting.events.messages[0]!.data)).toMatchObject({ code: "ServerStopping", status: 503 })
      yield* toEnd(lines)
      expect(JSON.parse(lines.text)).toMatchObject({ problem: { code: "ServerStopping" } })
      expect(yield* Effect.flip(process.ask("runEvents", ofA))).toMatchObject({ _tag: "ServerStopping" })
    }))

  it.scoped("read for a slow reader what it asks for, and drop one that takes nothing any more", () =>
    Effect.gen(function*() {
      const limits: Array<number> = []
      const process = yield* opened({ stallMillis: 60_000 }, (log) => ({
        ...log,
        read: (runId, after, limit) => Effect.zipRight(Effect.sync(() => limits.push(limit)), log.read(runId, after, limit))
      }))
      yield* Process.begin(process.log, "a")
      yield* Process.steps(process.log, "a", 1, Array.from({ length: 99 }, () => "x".repeat(20_000)))
      const connection = connect(yield* process.ask("runEvents", ofA))
      yield* take(connection)
      expect(limits).toEqual([])
      yield* take(connection)
      // 65,536 characters are four events of this size, behind a small one.
      expect([seqs(connection), limits.length]).toEqual([[1, 2, 3, 4, 5], 1])
      yield* Effect.repeatN(take(connection), 9)
      expect(seqs(connection)).toEqual(Array.from({ length: 45 }, (_, index) => index + 1))
      expect(limits.slice(1)).toEqual([5, ...Array.from({ length: 9 }, () => 4)])
      yield* TestClock.adjust("59 seconds")
      expect(remembered(process)).toBeGreaterThan(0)
      yield* TestClock.adjust("2 seconds")
      expect([remembered(process), limits.length]).toEqual([0, 11])
      expect(Exit.isFailure(yield* Effect.exit(take(connection)))).toBe(true)
    }))

  it.scoped("look at the store once for many commits in a moment", () =>
    Effect.gen(function*() {
      let readCount = 0
      const process = yield* opened({}, (log) => ({
        ...log,
        feed: (after, limit, filter) => Effect.zipRight(Effect.sync(() => (readCount += 1)), log.feed(after, limit, filter))
      }))
      const connection = connect(yield* process.ask("followRuns", sse))
      yield* take(connection)
      const all = yield* Effect.fork(Effect.repeat(take(connection), { until: () => seqs(connection).length === 101 }))
      yield* Effect.yieldNow()
      const before = readCount
      yield* Process.begin(process.log, "a")
      for (let seq = 1; seq <= 100; seq++) {
        yield* Effect.zipRight(Process.steps(process.log, "a", seq, ["x"]), turn)
        if (seq % 50 === 0) yield* TestClock.adjust(20)
      }
      yield* TestClock.adjust(20)
      yield* Fiber.join(all)
      expect(readCount - before).toBeLessThan(12)
    }))

  it.scoped("look again when something is committed while they look", () =>
    Effect.gen(function*() {
      const gate = yield* Effect.makeLatch(false)
      const process = yield* opened({}, (log) => ({
        ...log,
        read: (runId, after, limit) => Effect.zipLeft(log.read(runId, after, limit), gate.await)
      }))
      yield* Process.begin(process.log, "a")
      const connection = connect(yield* process.ask("runEvents", { ...ofA, query: { after: 1 } }))
      yield* take(connection)
      const news = yield* Effect.fork(take(connection))
      yield* turn
      yield* Process.steps(process.log, "a", 1, ["x"])
      yield* turn
      yield* gate.open
      yield* Fiber.join(news)
      expect(seqs(connection)).toEqual([2])
    }))

  it.scoped("do not go on reading for a reader who has gone", () =>
    Effect.gen(function*() {
      let isInterrupted = false
      const endless = Effect.onInterrupt(Effect.async<never>(() => {}), () => Effect.sync(() => (isInterrupted = true)))
      const process = yield* opened({}, (log) => ({ ...log, read: () => endless }))
      yield* Process.begin(process.log, "a")
      const connection = connect(yield* process.ask("runEvents", ofA))
      yield* take(connection)
      yield* Effect.fork(take(connection))
      yield* turn
      yield* Effect.zipRight(leave(connection), turn)
      expect([isInterrupted, remembered(process)]).toEqual([true, 0])
    }))

  it.scoped("look at the store by themselves where others commit untold", () =>
    Effect.gen(function*() {
      const process = yield* opened({}, (log) => ({ ...log, watchesAll: false, watch: () => Effect.void }))
      yield* Process.begin(process.log, "a")
      const connection = connect(yield* process.ask("runEvents", { ...ofA, query: { after: 1 } }))
      yield* take(connection)
      const news = yield* Effect.fork(take(connection))
      yield* TestClock.adjust(1_000)
      yield* Process.steps(process.log, "a", 1, ["x"])
      yield* TestClock.adjust(250)
      yield* Fiber.join(news)
      expect(seqs(connection)).toEqual([2])
      const heartbeat = yield* Effect.fork(take(connection))
      yield* TestClock.adjust("16 seconds")
      yield* Fiber.join(heartbeat)
      expect(connection.text).toMatch(/: still here\nid: 2\n\n$/)
    }))

  it.scoped("that cannot go on say why", () =>
    Effect.gen(function*() {
      const faults = [
        new Errors.LogError({ operation: "read a history", cause: new Error("the disk is at /secret/place") }),
        new Errors.HistoryDamaged({ runId: "a", seq: 2, detail: "its checksum" }),
        undefined
      ]
      for (const fault of faults) {
        const read: Log.LogShape["read"] = () => fault === undefined ? Effect.dieMessage("a bug") : Effect.fail(fault)
        const process = yield* opened({}, (log) => ({
          ...log,
          read: (runId, after, limit) => after === 0 ? log.read(runId, after, 1) : read(runId, after, limit)
        }))
        yield* Process.begin(process.log, "a")
        yield* Process.steps(process.log, "a", 1, ["x"])
        const connection = connect(yield* process.ask("runEvents", ofA))
        yield* toEnd(connection)
        expect([seqs(connection), types(connection)]).toEqual([[1], ["message", "problem"]])
        const problem = JSON.parse(connection.events.messages[1]!.data)
        expect(problem).toMatchObject({ code: fault?._tag ?? "InternalError", requestId: "request" })
        expect(JSON.stringify(problem)).not.toContain("secret")
        expect(remembered(process)).toBe(0)
      }
    }))
})
