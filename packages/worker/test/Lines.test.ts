/** What steps and bodies log and print is kept, by run, step and attempt, and goes where it went before. */
import { it } from "@effect/vitest"
import {
  Cause,
  Console,
  Deferred,
  Effect,
  Fiber,
  Layer,
  Logger,
  LogLevel,
  Redacted,
  Schedule,
  Schema,
  TestClock
} from "effect"
import { describe, expect, vi } from "vitest"
import { Client, Step, Workflow } from "@reprise/core"
import { Errors, Log, RunLogs } from "@reprise/core/engine"
import { MemoryLog, World } from "@reprise/testing"
import { Worker } from "@reprise/worker"

const texts = (lines: ReadonlyArray<RunLogs.Line>) =>
  lines.map(({ level, stepName, attempt, text }) => `${stepName}/${attempt} ${level} ${text}`)
const ofRun = (world: World.World, runId = "run") => Effect.map(world.lines(runId), texts)

const quiet = Effect.provide(Logger.replace(Logger.defaultLogger, Logger.none))

/** Runs one workflow in a world, and answers its lines. */
const linesOf = <E, R>(body: Effect.Effect<unknown, E, R>, options: Partial<World.Options<never>> = {}) =>
  Effect.gen(function*() {
    const Talks = Workflow.make("talks", {}, () => Effect.asVoid(Step.run("talk", Effect.asVoid(body) as Effect.Effect<void>)))
    const world = yield* World.make({ workflows: [Talks], ...options })
    yield* world.execute(Talks, undefined, { id: "run" })
    return yield* world.lines("run")
  })

describe("a step", () => {
  it.scoped("is kept at every level that is logged, with annotations and spans", () =>
    Effect.gen(function*() {
      const body = Effect.gen(function*() {
        yield* Effect.logTrace("no")
        yield* Effect.logDebug("debug")
        yield* Effect.log("one", { two: [2] }, new Date(0))
        const annotations = { order: 7, secret: Redacted.make("hidden"), big: 1n, none: undefined }
        yield* Effect.annotateLogs(Effect.logWarning("warning"), annotations)
        yield* Effect.logError("error", Cause.fail(new Error("boom")))
        yield* Effect.logFatal("fatal").pipe(Effect.delay("3 seconds"), Effect.withLogSpan("wait"))
      })
      const lines = yield* linesOf(Logger.withMinimumLogLevel(body, LogLevel.Debug)).pipe(quiet)
      expect(lines.map(({ level }) => level)).toEqual(["debug", "info", "warn", "error", "fatal"])
      expect(lines[1]?.text).toBe("one { two: [ 2 ] } 1970-01-01T00:00:00.000Z")
      expect(lines[2]?.fields).toEqual({ order: 7, secret: "<redacted>", big: "1", none: "undefined" })
      expect(lines[3]?.text).toMatch(/^error Error: boom\n/)
      expect(lines[4]?.fields).toEqual({ spans: { wait: 3_000 } })
      const ofStep = { runId: "run", stepId: "0#0", stepName: "talk", attempt: 1 }
      expect(lines[0]).toMatchObject({ ...ofStep, at: 1_735_689_600_000, fields: undefined })
    }))

  it.scoped("is kept when it prints, and what it logs is kept once", () =>
    Effect.gen(function*() {
      const printed: Array<string> = []
      const print = (...args: ReadonlyArray<unknown>) => void printed.push(args.join(" "))
      const outside = yield* Console.consoleWith(Effect.succeed)
      const say = (...args: ReadonlyArray<unknown>) => Effect.sync(() => print(...args))
      const loud = {
        ...outside,
        ...Object.fromEntries(["log", "warn", "error", "assert"].map((method) => [method, say])),
        unsafe: { ...outside.unsafe, log: print }
      }
      const body = Effect.all([
        Console.log("%d items", 3, { of: "five" }),
        Console.warn("careful"),
        Console.error(new Error("boom").message),
        Console.assert(true, "fine"),
        Console.assert(false, "not fine"),
        Effect.log("logged")
      ])
      const lines = linesOf(body).pipe(Effect.withConsole(loud), Effect.provide(Logger.replace(Logger.defaultLogger, Logger.defaultLogger)))
      expect(texts(yield* lines)).toEqual([
        "talk/1 info 3 items { of: 'five' }",
        "talk/1 warn careful",
        "talk/1 error boom",
        "talk/1 error Assertion failed: not fine",
        "talk/1 info logged"
      ])
      expect(printed.filter((line) => line.includes("careful"))).toEqual(["careful"])
      expect(printed.filter((line) => line.includes("logged"))).toHaveLength(1)
    }))

  it.scoped("has lines of its own for each attempt, and those of fibers that it forks", () =>
    Effect.gen(function*() {
      const said = (n: number) => Effect.flatMap(Effect.forkDaemon(Effect.log(`forked ${n}`)), Fiber.join)
      const tried = Effect.flatMap(Step.attempt, ({ attempt }) =>
        Effect.zipRight(said(attempt), attempt < 3 ? Effect.fail("busy") : Effect.void))
      const retry = Schedule.spaced("1 minute")
      const Tries = Workflow.make("tries", { error: Schema.String }, () => Step.run("try", tried, { retry }))
      const world = yield* World.make({ workflows: [Tries] })
      yield* world.execute(Tries, undefined, { id: "run" })
      expect(yield* ofRun(world)).toEqual([1, 2, 3].map((attempt) => `try/${attempt} info forked ${attempt}`))
    }).pipe(quiet))

  it.scoped("keeps its first lines, and lines of a bounded length", () =>
    Effect.gen(function*() {
      const limits = { logLinesMax: 5, logBytesMax: 1_000, logLineBytesMax: 10 }
      const many = Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], (n) => Effect.log(`line ${n}`))
      const lines = yield* linesOf(many, { limits })
      expect(lines.map(({ text }) => text)).toEqual([1, 2, 3, 4, 5].map((n) => `line ${n}`).concat(lines[5]?.text ?? ""))
      expect(lines[5]?.text).toContain("left out")
      const annotated = Effect.annotateLogs(Effect.log("x"), "a", "b".repeat(50))
      const long = yield* linesOf(Effect.zipRight(Effect.log("ü".repeat(50)), annotated), { limits })
      expect(long.map(({ text }) => [text, Buffer.byteLength(text)])).toEqual([["üüü…", 9], ["x [its …", 10]])
      expect(long[1]?.fields).toBeUndefined()
    }).pipe(quiet))

  it.scoped("is not disturbed by what cannot be shown", () =>
    Effect.gen(function*() {
      const toJSON = () => {
        throw new Error("no JSON")
      }
      const odd = { toJSON }
      const lines = yield* linesOf(Effect.zipRight(Effect.annotateLogs(Effect.log("lost"), { odd }), Effect.log("kept")))
      expect(lines.map(({ text }) => text)).toEqual(["kept"])
    }).pipe(quiet))
})

describe("the body of a workflow", () => {
  const Talks = Workflow.make("talks", {}, () =>
    Effect.gen(function*() {
      yield* Effect.annotateLogs(Effect.log("begins"), "n", 1)
      yield* Step.run("a", Effect.log("in a"))
      yield* Console.warn("prints", [1])
      yield* Effect.sleep("1 hour")
      yield* Step.run("b", Effect.void)
      yield* Effect.logDebug("not logged")
      yield* Effect.log("ends")
    }))
  const expected = [
    "undefined/undefined info begins",
    "a/1 info in a",
    "undefined/undefined warn prints [ 1 ]",
    "undefined/undefined info ends"
  ]

  for (const alwaysReplay of [false, true]) {
    it.scoped(`is kept once${alwaysReplay ? ", also when it is replayed for each event" : ""}`, () =>
      Effect.gen(function*() {
        vi.spyOn(console, "warn").mockImplementation(() => {})
        const world = yield* World.make({ workflows: [Talks], alwaysReplay })
        yield* world.execute(Talks, undefined, { id: "run" })
        expect(yield* ofRun(world)).toEqual(expected)
        const [first] = yield* world.lines("run")
        expect(first).toMatchObject({ stepId: undefined, fields: { n: 1 }, at: 1_735_689_600_000 })
      }).pipe(quiet, Effect.ensuring(Effect.sync(() => vi.restoreAllMocks()))))
  }

  it.scoped("is not kept twice, wherever the worker crashes", () =>
    Effect.gen(function*() {
      vi.spyOn(console, "warn").mockImplementation(() => {})
      for (let append = 1; append < 8; append++) {
        for (const moment of ["before", "after"] as const) {
          const world = yield* World.make({ workflows: [Talks] })
          yield* world.crashAt({ append, moment })
          yield* world.execute(Talks, undefined, { id: "run" })
          const ofBody = (yield* ofRun(world)).filter((line) => line.startsWith("undefined"))
          expect(new Set(ofBody).size).toBe(ofBody.length)
          expect(expected).toEqual(expect.arrayContaining(ofBody))
        }
      }
    }).pipe(quiet, Effect.ensuring(Effect.sync(() => vi.restoreAllMocks()))))

  it.scoped("is bounded over restarts", () =>
    Effect.gen(function*() {
      vi.spyOn(console, "warn").mockImplementation(() => {})
      const world = yield* World.make({ workflows: [Talks], alwaysReplay: true, limits: { logLinesMax: 1 } })
      yield* world.execute(Talks, undefined, { id: "run" })
      const ofBody = (yield* ofRun(world)).filter((line) => line.startsWith("undefined"))
      expect(ofBody.map((line) => line.includes("left out"))).toEqual([false, true])
    }).pipe(quiet, Effect.ensuring(Effect.sync(() => vi.restoreAllMocks()))))
})

/** A worker on real loops and a clock of the test, with a store that is told what to say to lines. */
const worker = (workflow: Workflow.Any, write: RunLogs.RunLogsShape["write"]) => {
  const runLogs = Layer.succeed(RunLogs.RunLogs, { write, read: () => Effect.succeed([]), watch: () => Effect.void })
  const store = Layer.merge(MemoryLog.layer(MemoryLog.makeStore()), runLogs)
  return Layer.provide(Worker.layer({ workflows: [workflow] }), store)
}

describe("the store", () => {
  const Talks = Workflow.make("talks", {}, () =>
    Step.run("talk", Effect.forEach([1, 2, 3], (n) => Effect.log(`line ${n}`), { discard: true })))
  const Shouts = Workflow.make("shouts", {}, () =>
    Step.run("shout", Effect.forEach(Array.from({ length: 700 }), () => Effect.log("x"), { discard: true })))

  it.scoped("gets lines together, a tenth of a second after the first", () =>
    Effect.gen(function*() {
      const batches: Array<number> = []
      yield* Effect.gen(function*() {
        yield* Client.execute(Talks, undefined)
        yield* Client.execute(Talks, undefined)
        expect(batches).toEqual([])
        yield* TestClock.adjust("99 millis")
        expect(batches).toEqual([])
        yield* TestClock.adjust("1 millis")
        expect(batches).toEqual([6])
      }).pipe(Effect.provide(worker(Talks, (lines) => Effect.sync(() => void batches.push(lines.length)))))
      expect(batches).toEqual([6])
    }).pipe(quiet))

  it.scoped("gets five hundred at once, and the rest when the worker stops", () =>
    Effect.gen(function*() {
      const batches: Array<number> = []
      const first = yield* Deferred.make<void>()
      const write = (lines: ReadonlyArray<unknown>) => Effect.suspend(() => {
        batches.push(lines.length)
        return Deferred.succeed(first, undefined)
      })
      // The clock stands still.
      yield* Effect.provide(Effect.zipRight(Client.execute(Shouts, undefined), Deferred.await(first)), worker(Shouts, write))
      expect(batches).toEqual([500, 200])
    }).pipe(quiet))

  it.scoped("that fails loses lines, says so once, and stops no run", () =>
    Effect.gen(function*() {
      const logged: Array<string> = []
      const logger = Logger.make(({ message }) => void logged.push(String(message)))
      let fails = true
      const write = Effect.suspend(() =>
        fails ? Effect.fail(new Errors.LogError({ operation: "write", cause: new Error("full") })) : Effect.void)
      yield* Effect.gen(function*() {
        for (const mended of [false, false, true, false]) {
          fails = !mended
          expect(yield* Client.execute(Talks, undefined)).toBeUndefined()
          yield* TestClock.adjust("1 second")
        }
      }).pipe(Effect.provide(worker(Talks, () => write)), Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      expect(logged.filter((line) => line.includes("does not take log lines"))).toHaveLength(2)
      expect(logged.filter((line) => line.includes("line 1"))).toHaveLength(4)
    }))

  it.scoped("need not keep them", () =>
    Effect.gen(function*() {
      const onlyLog = Layer.project(MemoryLog.layer(MemoryLog.makeStore()), Log.Log, Log.Log, (log) => log)
      const logged: Array<string> = []
      const logger = Logger.make(({ message }) => void logged.push(String(message)))
      yield* Client.execute(Talks, undefined).pipe(
        Effect.provide(Layer.provide(Worker.layer({ workflows: [Talks] }), onlyLog)),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      expect(logged).toEqual(["line 1", "line 2", "line 3"])
    }))
})
