import { describe, expect, it } from "@effect/vitest"
import { Errors, type Log, type Message, type Records } from "@reprise/core/engine"
import { MemoryLog } from "@reprise/testing"
import { Effect, Exit, Fiber, Scope, TestClock } from "effect"
import fc from "fast-check"
import { turn } from "../stream/HandClock.js"
import * as Runs from "../stream/process.js"
import * as Jobs from "./jobs.js"

const opened = (worn: Jobs.Worn = {}) =>
  Effect.gen(function*() {
    yield* TestClock.setTime(Runs.NOW + 1_000)
    return yield* Jobs.open(MemoryLog.layer(MemoryLog.makeStore()), worn)
  })

const beginAll = (log: Log.LogShape, runIds: ReadonlyArray<string>, rest: Partial<Log.StartRequest> = {}) =>
  Effect.forEach(runIds, (runId) => Runs.begin(log, runId, rest), { discard: true })

const named = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`)

/** The messages that a run has not read. */
const mail = (log: Log.LogShape, runId: string): Effect.Effect<ReadonlyArray<Message.Message>> =>
  Effect.orDie(Effect.map(log.inbox(runId), ({ messages }) => messages.filter(({ _tag }) => _tag !== "Start")))

const mailCounts = (log: Log.LogShape, runIds: ReadonlyArray<string>) =>
  Effect.forEach(runIds, (runId) => Effect.map(mail(log, runId), (messages) => messages.length))

describe("a bulk job", () => {
  it.scoped("asks the runs that are named, each once, and tells which refused", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      yield* beginAll(process.log, ["a", "b", "c"])
      yield* Runs.close(process.log, "c", 1)
      const { status, value } = yield* process.start({ action: "cancel", runIds: ["a", "b", "a", "c", "none"], reason: "a sale" })
      expect([status, value]).toMatchObject([undefined, { state: "running", selectedCount: 4, doneCount: 0, createdBy: "ada" }])
      expect(yield* process.ended(value.jobId)).toMatchObject({
        action: "cancel",
        closedAt: Runs.NOW + 1_000,
        doneCount: 2,
        refusedCount: 2,
        refused: [{ runId: "c", code: "RunClosed" }, { runId: "none", code: "RunNotFound" }]
      })
      const message = { _tag: "Cancel", messageId: `bulk:${value.jobId}`, by: "ada", reason: "a sale" }
      expect([yield* mail(process.log, "a"), yield* mail(process.log, "b")]).toEqual([[message], [message]])
    }))

  it.scoped("does what its action says", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      yield* Runs.begin(process.log, "a")
      const bodies = [
        { action: "pause" },
        { action: "resume" },
        { action: "terminate" },
        { action: "signal", signal: { name: "approve", payload: { by: "ada" } } }
      ]
      for (const body of bodies) yield* process.ended((yield* process.start({ ...body, runIds: ["a"] })).value.jobId)
      expect(yield* mail(process.log, "a")).toMatchObject([
        { _tag: "Pause" },
        { _tag: "Resume" },
        { _tag: "Terminate" },
        { _tag: "Signal", name: "approve", payload: { by: "ada" } }
      ])
    }))

  it.scoped("asks what its filter selects when it begins, a page at a time, and nothing that is started later", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      const mine = named("mine", 1_100)
      yield* beginAll(process.log, mine, { workflow: "mine" })
      yield* beginAll(process.log, ["other"], { workflow: "other" })
      yield* Runs.close(process.log, "mine7", 1)
      const { value } = yield* process.start({ action: "cancel", filter: { workflow: "mine" } })
      yield* beginAll(process.log, ["late"], { workflow: "mine", createdAt: Runs.NOW + 1_001 })
      expect(value.selectedCount).toBe(1_099)
      expect(yield* process.ended(value.jobId)).toMatchObject({ doneCount: 1_099, refusedCount: 0, selectedCount: 1_099 })
      const counts = yield* mailCounts(process.log, mine)
      expect(counts.filter((count) => count !== 1)).toEqual([0])
      expect(yield* mailCounts(process.log, ["mine7", "other", "late"])).toEqual([0, 0, 0])
      const all = yield* process.start({ action: "terminate", filter: {} })
      expect(all.value.selectedCount).toBe(1_100)
    }))

  it.scoped("goes on when the run at which it stood has been removed", () =>
    Effect.gen(function*() {
      const gone = new Set<string>()
      const process = yield* opened({
        log: (log) => ({
          ...log,
          find: (filter) => {
            if (gone.has(filter.before ?? "")) return Effect.succeed([])
            const found = log.find({ ...filter, limit: filter.limit + gone.size })
            return Effect.map(found, (runs) => runs.filter(({ runId }) => !gone.has(runId)).slice(0, filter.limit))
          },
          // Newest first: this is the last of the first page.
          send: (runId, message) => Effect.zipLeft(log.send(runId, message), Effect.sync(() => runId === "run700" && gone.add(runId)))
        })
      })
      const all = named("run", 1_200)
      for (const [index, runId] of all.entries()) yield* Runs.begin(process.log, runId, { createdAt: Runs.NOW + (index >> 1) })
      const { value } = yield* process.start({ action: "cancel", filter: {} })
      yield* process.ended(value.jobId)
      expect(new Set(yield* mailCounts(process.log, all))).toEqual(new Set([1]))
    }))

  it.scoped("tried dry only says which runs it would ask", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      const all = named("run", 30)
      yield* beginAll(process.log, all)
      const dry = yield* process.start({ action: "terminate", filter: {}, dryRun: true }, { key: "k" })
      expect(dry).toMatchObject({ status: 200, value: { selectedCount: 30 } })
      expect(dry.value).toHaveProperty("sample.0.runId", "run29")
      expect(yield* process.start({ action: "terminate", runIds: ["run1", "none"], dryRun: true }))
        .toMatchObject({ value: { selectedCount: 1, sample: [{ runId: "run1" }] } })
      yield* turn
      expect(new Set(yield* mailCounts(process.log, all))).toEqual(new Set([0]))
      expect(yield* process.records.list("bulk-jobs", { limit: 10 })).toEqual([])
    }))

  it.scoped("is begun once for one idempotency key of one caller", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      yield* beginAll(process.log, ["a", "b"])
      const body = { action: "cancel", runIds: ["a", "b"] }
      const answers = yield* Effect.all(Array.from({ length: 20 }, () => process.start(body, { key: "k" })), { concurrency: "unbounded" })
      const jobIds = new Set(answers.map(({ value }) => value.jobId))
      expect([jobIds.size, [...jobIds][0]]).toEqual([1, expect.stringMatching(/^bulk_[0-9a-f]{32}$/)])
      yield* process.ended([...jobIds][0]!)
      expect(yield* process.start(body, { key: "k" })).toMatchObject({ status: 200, value: { state: "completed", doneCount: 2 } })
      expect(yield* mailCounts(process.log, ["a", "b"])).toEqual([1, 1])
      const other = yield* Effect.flip(process.start({ ...body, runIds: ["a"] }, { key: "k" }))
      expect(other._tag).toBe("IdempotencyKeyReused")
      expect((yield* process.start(body, { key: "k", caller: "bob" })).value.state).toBe("running")
      expect((yield* process.start(body)).value.jobId).not.toBe((yield* process.start(body)).value.jobId)
    }))

  it.scoped("that would be refused everywhere is refused at once", () =>
    Effect.gen(function*() {
      const process = yield* opened()
      const codeOf = (body: object) => Effect.map(Effect.flip(process.start(body)), ({ _tag }) => _tag)
      const runIds = ["a"]
      expect(yield* codeOf({ action: "cancel" })).toBe("BodyInvalid")
      expect(yield* codeOf({ action: "cancel", runIds, filter: {} })).toBe("BodyInvalid")
      expect(yield* codeOf({ action: "signal", runIds })).toBe("BodyInvalid")
      expect(yield* codeOf({ action: "cancel", runIds, signal: { name: "approve" } })).toBe("BodyInvalid")
      expect(yield* codeOf({ action: "cancel", runIds, reason: "x".repeat(101) })).toBe("NameInvalid")
      expect(yield* codeOf({ action: "signal", runIds, signal: { name: "s", payload: "x".repeat(1_001) } })).toBe("PayloadTooLarge")
      for (const jobId of ["bulk_none", "none", "bulk_../a", `bulk_${"x".repeat(65)}`]) {
        expect(yield* Effect.flip(process.describe(jobId))).toMatchObject({ _tag: "BulkJobUnknown" })
      }
      expect(yield* process.records.list("bulk-jobs", { limit: 10 })).toEqual([])
    }))

  it.scoped("does not mind a store that fails now and then", () =>
    Effect.gen(function*() {
      let failures = 3
      const fault = new Errors.LogError({ operation: "write", cause: "full" })
      const failing = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.suspend((): Effect.Effect<A, E | Errors.LogError> => (failures-- > 0 ? fault : effect))
      const process = yield* opened({
        records: (records) => ({ ...records, put: (collection, id, value) => failing(records.put(collection, id, value)) })
      })
      yield* beginAll(process.log, ["a"])
      const { value } = yield* process.start({ action: "cancel", runIds: ["a"] })
      const end = yield* Effect.fork(process.ended(value.jobId))
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(end)).toMatchObject({ doneCount: 1, refusedCount: 0 })
      expect([failures < 0, yield* mailCounts(process.log, ["a"])]).toEqual([true, [1]])
    }))

  it.scoped("that was written when nobody could tell is done", () =>
    Effect.gen(function*() {
      const fault = new Errors.LogError({ operation: "write", cause: "the answer was lost" })
      const process = yield* opened({
        records: (records) => ({ ...records, insert: (...given) => Effect.zipRight(records.insert(...given), fault) })
      })
      yield* beginAll(process.log, ["a"])
      expect(yield* Effect.flip(process.start({ action: "cancel", runIds: ["a"] }))).toMatchObject({ _tag: "LogError" })
      yield* Effect.repeat(turn, { until: () => process.jobs.running.size === 0 })
      expect(yield* mailCounts(process.log, ["a"])).toEqual([1])
    }))

  it.scoped("is forgotten a month after its end", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Runs.NOW)
      const store = MemoryLog.makeStore()
      const { value } = yield* Effect.scoped(Effect.gen(function*() {
        const process = yield* Jobs.open(MemoryLog.layer(store))
        const started = yield* process.start({ action: "cancel", runIds: [] })
        yield* process.ended(started.value.jobId)
        return started
      }))
      yield* TestClock.setTime(Runs.NOW + 29 * 86_400_000)
      const kept = yield* Effect.scoped(Effect.flatMap(Jobs.open(MemoryLog.layer(store)), (process) =>
        Effect.zipRight(turn, process.describe(value.jobId))))
      expect(kept.state).toBe("completed")
      yield* TestClock.setTime(Runs.NOW + 31 * 86_400_000)
      const next = yield* Jobs.open(MemoryLog.layer(store))
      yield* turn
      expect(yield* Effect.flip(next.describe(value.jobId))).toMatchObject({ _tag: "BulkJobUnknown" })
    }))
})

/** Stops a process for good at its n-th write: right before it, or right after. */
const dying = (nth: number, isBefore: boolean) => {
  let writeCount = 0
  let die: () => void = () => {}
  const dead = new Promise<void>((resolve) => (die = resolve))
  const end = Effect.zipRight(Effect.sync(die), Effect.async<never>(() => {}))
  const write = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      writeCount += 1
      if (writeCount < nth) return effect
      return writeCount === nth && !isBefore ? Effect.zipRight(effect, end) : end
    })
  const worn: Jobs.Worn = {
    log: (log: Log.LogShape) => ({ ...log, send: (runId, message) => write(log.send(runId, message)) }),
    records: (records: Records.RecordsShape) => ({
      ...records,
      put: (...given) => write(records.put(...given)),
      insert: (...given) => write(records.insert(...given))
    })
  }
  return { worn, dead: Effect.promise(() => dead) }
}

describe("a bulk job whose server is killed", () => {
  const open = named("open", 1_050)
  const closed = named("closed", 10)
  const jobId = (process: Jobs.Process) => Effect.map(process.records.list("bulk-jobs", { limit: 2 }), (jobs) => jobs.map(({ id }) => id))

  /** Lives of servers on one store; each is killed at a write, and the last one is not. */
  const play = (body: object, kills: ReadonlyArray<readonly [nth: number, isBefore: boolean]>) =>
    Effect.gen(function*() {
      const store = MemoryLog.makeStore()
      yield* Effect.scoped(Effect.flatMap(Jobs.open(MemoryLog.layer(store)), ({ log }) =>
        Effect.zipRight(beginAll(log, [...open, ...closed]), Effect.forEach(closed, (runId) => Runs.close(log, runId, 1)))))
      for (const [nth, isBefore] of kills) {
        const { dead, worn } = dying(nth, isBefore)
        const scope = yield* Scope.make()
        const process = yield* Scope.extend(Jobs.open(MemoryLog.layer(store), worn), scope)
        const asked = yield* Effect.forkDaemon(Effect.ignore(process.start(body, { key: "k" })))
        const done = Effect.repeat(turn, { until: () => asked.unsafePoll() !== null && process.jobs.running.size === 0 })
        yield* Effect.raceFirst(dead, done)
        yield* Effect.zipRight(Scope.close(scope, Exit.void), Fiber.interruptFork(asked))
      }
      const last = yield* Jobs.open(MemoryLog.layer(store))
      // Whoever had no answer asks again; where the job was written, that changes nothing.
      if ((yield* jobId(last)).length === 0) yield* last.start(body, { key: "k" })
      const ids = yield* jobId(last)
      expect(ids.length).toBe(1)
      return { job: yield* last.ended(ids[0]!), log: last.log }
    }).pipe(Effect.scoped)

  const kill = fc.tuple(fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 1_070 })), fc.boolean())

  it("goes on with the next one, asks each run once, and counts right", () =>
    fc.assert(
      fc.asyncProperty(fc.constantFrom("filter", "named"), fc.array(kill, { minLength: 1, maxLength: 4 }), async (selection, kills) => {
        const all = [...open, ...closed]
        const body = { action: "cancel", ...(selection === "named" ? { runIds: all } : { filter: { status: ["running", "completed"] } }) }
        const { job, log } = await Effect.runPromise(Effect.orDie(play(body, kills)))
        expect(job).toMatchObject({ selectedCount: 1_060, doneCount: 1_050, refusedCount: 10 })
        expect(new Set(job.refused.map(({ runId }) => runId))).toEqual(new Set(closed))
        expect(new Set(await Effect.runPromise(mailCounts(log, open)))).toEqual(new Set([1]))
      }),
      { numRuns: 25 }
    ))
})
