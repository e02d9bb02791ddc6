/** Why a run does not go on: for each kind of wait, and for runs that are not in memory, paused, blocked, or in a circle. */
import { it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, Option, Queue, Schedule, Schema } from "effect"
import { describe, expect } from "vitest"
import { Awakeable, Child, Client, Sensor, Signal, Step, Update, Workflow } from "@reprise/core"
import { MemoryLog, World } from "@reprise/testing"
import { Worker } from "@reprise/worker"

const HOUR = 3_600_000
const Word = Signal.make("word", { payload: Schema.String })

const why = (world: World.World, runId = "run") =>
  Effect.map(world.run(Client.why(runId)), (report) => {
    // Whatever it says, it says in JSON.
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
    return report
  })

/** The report of a run of this body, an hour after its beginning. */
const after = (hours: number, body: () => Effect.Effect<unknown, never, any>, options: Partial<World.Options<never>> = {}) =>
  Effect.gen(function*() {
    const W = Workflow.make("w", {}, () => Effect.asVoid(body()) as Effect.Effect<void>)
    const world = yield* World.make({ workflows: [W], ...options })
    const startedAt = yield* world.now
    yield* world.start(W, undefined, { id: "run" })
    yield* world.advance(hours * HOUR)
    return { world, startedAt, report: yield* why(world) }
  })

const sleepy = (name: string, options = {}) => Step.run(name, Effect.sleep("1 day"), options)

describe("a fiber waits for", () => {
  it.scoped("a step that runs", () =>
    Effect.gen(function*() {
      const { report, startedAt } = yield* after(1, () => sleepy("slow").pipe(Effect.withSpan("inner"), Effect.withSpan("outer")))
      expect(report).toMatchObject({ runId: "run", workflow: "w", status: "running", place: "memory", owner: "this process", inbox: [] })
      expect(report.waits).toMatchObject([{
        path: "0",
        spans: ["outer", "inner"],
        source: expect.stringMatching(/Why\.test\.ts:\d+/),
        for: { _tag: "Step", id: "0#0", name: "slow", attempt: 1, phase: "running" },
        since: startedAt,
        wakes: "the end of the attempt"
      }])
      expect(report.waits[0]).not.toHaveProperty("until")
    }))

  it.scoped("a slot", () =>
    Effect.gen(function*() {
      const both = () => Effect.all([sleepy("first"), sleepy("second", { deadline: "2 days" })], { concurrency: 2 })
      const { report, startedAt } = yield* after(1, both, { limits: { attemptsMax: 1 } })
      expect(report.waits).toMatchObject([
        { path: "0", for: { _tag: "Fibers", paths: ["0.1", "0.2"] } },
        { path: "0.1", for: { name: "first", phase: "running" } },
        { path: "0.2", for: { name: "second", phase: "queued" }, until: startedAt + 48 * HOUR, wakes: expect.stringContaining("slot") }
      ])
    }))

  it.scoped("a retry", () =>
    Effect.gen(function*() {
      const failing = () => Step.run("fails", Effect.fail("no"), { retry: Schedule.spaced("5 hours") })
      const { report, startedAt } = yield* after(6, () => Effect.ignore(failing()))
      expect(report.waits).toMatchObject([{
        for: { name: "fails", attempt: 3, phase: "waiting" },
        since: startedAt,
        until: startedAt + 10 * HOUR
      }])
    }))

  it.scoped("an operator", () =>
    Effect.gen(function*() {
      const { world } = yield* after(1, () => Effect.ignore(sleepy("pay", { onUnknown: "ask" })))
      yield* world.crash
      expect((yield* why(world)).waits).toMatchObject([{
        for: { name: "pay", phase: "asking" },
        wakes: "Client.resolveStep(\"run\", \"0#0\", …)"
      }])
    }))

  it.scoped("the cleanup of a step that is cancelled", () =>
    Effect.gen(function*() {
      const tidying = () => Step.run("tidies", Effect.sleep("1 day").pipe(Effect.onInterrupt(() => Effect.sleep("1 day"))))
      const { world } = yield* after(1, tidying)
      yield* world.run(Client.cancel("run", { by: "ada", reason: "enough" }))
      yield* world.idle
      const report = yield* why(world)
      expect(report.cancelling).toMatchObject({ by: "ada", reason: "enough", since: yield* world.now })
      expect(report.waits).toMatchObject([{ for: { name: "tidies", phase: "cancelling" } }])
      yield* world.advance("2 days")
    }))

  it.scoped("a sensor", () =>
    Effect.gen(function*() {
      const sensor = () => Effect.ignore(Sensor.until("ready", Effect.succeed(false), { every: "25 minutes", timeout: "1 day" }))
      const { report, startedAt } = yield* after(1, sensor)
      expect(report.waits).toMatchObject([{
        for: { _tag: "Sensor", name: "ready", pollCount: 3, deadlineAt: startedAt + 24 * HOUR },
        since: startedAt,
        until: startedAt + 75 * 60_000
      }])
    }))

  it.scoped("a timer, and none without end", () =>
    Effect.gen(function*() {
      const { report, startedAt } = yield* after(1, () => Effect.race(Effect.sleep("1 day"), Effect.sleep(Duration.infinity)))
      expect(report.waits).toMatchObject([
        { path: "0", for: { _tag: "Fibers", paths: ["0.0", "0.1"] } },
        { path: "0.0", for: { _tag: "Timer", id: "0.0#0" }, since: startedAt, until: startedAt + 24 * HOUR },
        { path: "0.1", for: { _tag: "Forever" } }
      ])
    }))

  it.scoped("a signal, since it began to wait, after the line that it came from", () =>
    Effect.gen(function*() {
      const body = () => Effect.zipRight(Step.run("before", Effect.sleep("30 minutes")), Word.receive)
      const { report, startedAt } = yield* after(1, body)
      expect(report.waits).toMatchObject([{
        source: expect.stringContaining("Why.test.ts"),
        for: { _tag: "Signal", name: "word" },
        since: startedAt + 30 * 60_000,
        wakes: "Client.signal(\"run\", word, …)"
      }])
    }))

  it.scoped("an awakeable", () =>
    Effect.gen(function*() {
      const { report, startedAt } = yield* after(1, () => Effect.flatMap(Awakeable.make("signed"), (made) => made.await))
      const [wait] = report.waits
      expect(wait).toMatchObject({ for: { _tag: "Awakeable", name: "signed" }, since: startedAt })
      expect(wait?.wakes).toContain(wait?.for._tag === "Awakeable" ? wait.for.token : "-")
    }))

  const Change = Update.make("change", { input: Schema.Number })

  it.scoped("a condition, and an update's handler for what it does", () =>
    Effect.gen(function*() {
      const body = () => Effect.gen(function*() {
        yield* Update.handle(Change, { run: () => sleepy("changing") })
        yield* Workflow.condition(() => false)
      })
      const { world } = yield* after(1, body)
      yield* Effect.forkScoped(world.run(Client.update("run", Change, 1, { messageId: "u.1" })))
      yield* world.idle
      expect((yield* why(world)).waits).toMatchObject([
        { path: "0", for: { _tag: "Condition" } },
        { path: "uu%2e1", update: "change", for: { _tag: "Step", name: "changing", phase: "running" } }
      ])
    }))

  it.scoped("other fibers", () =>
    Effect.gen(function*() {
      const body = () => Effect.gen(function*() {
        const given = yield* Deferred.make<void>()
        const queue = yield* Queue.unbounded<string>()
        const semaphore = yield* Effect.makeSemaphore(1)
        yield* Effect.forkDaemon(Deferred.await(given))
        yield* Effect.forkDaemon(Queue.take(queue))
        yield* Effect.forkDaemon(semaphore.withPermits(1)(sleepy("held")))
        yield* Effect.forkDaemon(semaphore.withPermits(1)(Effect.void))
        const last = yield* Effect.forkDaemon(Word.receive)
        yield* Effect.forkDaemon(Fiber.join(last))
        yield* Fiber.join(last)
      })
      const { report } = yield* after(1, body)
      expect(report.waits.map((wait) => [wait.path, wait.for._tag === "Fibers" ? wait.for.paths : wait.for._tag])).toEqual([
        ["0", ["0.4"]],
        ["0.0", ["0"]],
        ["0.1", []],
        ["0.2", "Step"],
        ["0.3", []],
        ["0.4", "Signal"],
        ["0.5", ["0.4"]]
      ])
    }))

  const Waits = Workflow.make("waits", {}, () => Effect.asVoid(Word.receive))

  it.scoped("a child, and another run", () =>
    Effect.gen(function*() {
      const Parent = Workflow.make("parent", {}, () =>
        Effect.all([Child.run(Waits, undefined), Child.run(Waits, undefined, { id: "there", onConflict: "use_existing" })], {
          concurrency: 2,
          discard: true
        }))
      const world = yield* World.make({ workflows: [Parent, Waits] })
      yield* world.start(Waits, undefined, { id: "there" })
      yield* world.start(Parent, undefined, { id: "run" })
      const report = yield* why(world)
      expect(report.waits).toMatchObject([
        { path: "0" },
        { path: "0.1", for: { _tag: "Run", runId: "run/0.1:0", workflow: "waits", status: "running" }, wakes: "the end of that run" },
        { path: "0.2", for: { _tag: "Run", runId: "there", status: "running" } }
      ])
      expect(report.cycles).toEqual([])
    }))
})

describe("a run", () => {
  const Sleeps = Workflow.make("sleeps", {}, () => Effect.sleep("1 day"))
  const Receives = Workflow.make("receives", {}, () => Effect.asVoid(Word.receive))

  it.scoped("that is parked is looked at without being woken", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Sleeps] })
      yield* world.start(Sleeps, undefined, { id: "run", key: "k", timeout: "2 days" })
      yield* world.evictAll
      const report = yield* why(world)
      expect(report).toMatchObject({ place: "parked", key: "k", timeoutAt: (yield* world.now) + 48 * HOUR })
      expect(report.waits).toMatchObject([{ for: { _tag: "Timer" } }])
      expect(yield* world.liveRunCount).toBe(0)
    }))

  it.scoped("that has not begun, and one that has ended", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Sleeps] })
      const run = yield* world.start(Sleeps, undefined, { id: "run", delay: "1 hour" })
      yield* world.run(Client.cancel("run"))
      const report = yield* why(world)
      expect(report).toMatchObject({ status: "cancelled", waits: [], inbox: [] })
      yield* world.start(Sleeps, undefined, { id: "later", delay: "1 hour" })
      yield* world.run(Client.signal("later", Word, ""))
      expect(yield* why(world, "later")).toMatchObject({
        status: "pending",
        startsAt: (yield* world.now) + HOUR,
        waits: [],
        inbox: [{ kind: "Start", count: 1 }, { kind: "Signal", name: "word", count: 1, note: "waits for the run to begin" }]
      })
      expect(run.runId).toBe("run")
      expect(yield* Effect.flip(world.run(Client.why("nobody")))).toMatchObject({ _tag: "RunNotFound" })
    }))

  it.scoped("that is paused says since when, by whom and why, and what waits in its inbox", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Receives] })
      yield* world.start(Receives, undefined, { id: "run" })
      yield* world.run(Client.pause("run", { by: "ada", reason: "the far side is down" }))
      yield* world.idle
      for (const word of ["a", "b"]) yield* world.run(Client.signal("run", Word, word))
      yield* world.idle
      const report = yield* why(world)
      expect(report.paused).toEqual({ since: yield* world.now, by: "ada", reason: "the far side is down" })
      expect(report.waits).toMatchObject([{ for: { _tag: "Signal" } }])
      expect(report.inbox).toEqual([{ kind: "Signal", name: "word", count: 2, note: "waits for Client.resume" }])
    }))

  it.scoped("that is blocked says why, and what its history leaves open", () =>
    Effect.gen(function*() {
      const Renamed = Workflow.make("receives", {}, () => Effect.zipRight(Step.run("new", Effect.void), Word.receive))
      const Old = Workflow.make("receives", {}, () =>
        Effect.all([
          sleepy("slow"),
          Effect.sleep("2 days"),
          Effect.flatMap(Awakeable.make("signed"), (made) => made.await)
        ], { concurrency: 3, discard: true }))
      const world = yield* World.make({ workflows: [Old] })
      yield* world.start(Old, undefined, { id: "run" })
      yield* world.restart([Renamed])
      yield* world.run(Client.cancel("run"))
      yield* world.run(Client.signal("run", Word, ""))
      yield* world.idle
      const report = yield* why(world)
      expect(report.blocked).toMatchObject({ fault: "Divergence", message: expect.stringContaining("slow"), hint: expect.anything() })
      expect(report.waits).toMatchObject([
        { path: "0.1", for: { _tag: "Step", name: "slow" } },
        { path: "0.2", for: { _tag: "Timer" } },
        { path: "0.3", for: { _tag: "Awakeable", name: "signed" } }
      ])
      expect(report.inbox).toMatchObject([
        { kind: "Cancel", count: 1, note: expect.stringContaining("Client.terminate") },
        { kind: "Signal", count: 1, note: "waits for the mended code" }
      ])
      yield* world.restart([])
      expect((yield* why(world)).blocked).toMatchObject({ fault: "WorkflowUnknown" })
    }))

  it.scoped("that is blocked by what it was to be told, still replays", () =>
    Effect.gen(function*() {
      const Dies = Workflow.make("dies", {}, () => Effect.zipRight(Word.receive, Effect.die(new Error("a mistake"))))
      const world = yield* World.make({ workflows: [Dies] })
      yield* world.start(Dies, undefined, { id: "run" })
      yield* world.run(Client.signal("run", Word, ""))
      yield* world.idle
      const report = yield* why(world)
      expect(report.blocked).toMatchObject({ fault: "ProgramDefect", message: expect.stringContaining("a mistake") })
      expect(report.waits).toMatchObject([{ path: "0", for: { _tag: "Signal" } }])
      expect(report.inbox).toMatchObject([{ kind: "Signal", note: "waits for the mended code" }])
      expect(Client.whyText(report)).toContain("blocked: Workflow \"dies\" died")
    }))

  it.scoped("is told by its history to a client without a worker", () =>
    Effect.gen(function*() {
      const Open = Workflow.make("open", {}, () =>
        Effect.all([sleepy("slow"), Sensor.until("ready", Effect.succeed(false), { every: "1 hour" })], { concurrency: 2, discard: true }))
      const store = MemoryLog.makeStore()
      const world = yield* World.make({ workflows: [Open], store })
      yield* world.start(Open, undefined, { id: "run" })
      const client = Worker.clientLayer({ workflows: [Open] }).pipe(Layer.provide(MemoryLog.layer(store)))
      const report = yield* Effect.provide(Client.why("run"), client)
      expect(report).toMatchObject({
        owner: "unknown",
        waits: [
          { path: "0.1", for: { _tag: "Step", name: "slow", phase: "idle" } },
          { path: "0.2", for: { _tag: "Sensor", name: "ready", pollCount: 1 } }
        ]
      })
      expect(Client.whyText(report)).toContain("seen without a worker")
      expect(yield* Effect.provide(Effect.flip(Client.fork("run", { at: 1 })), client)).toMatchObject({ _tag: "WorkerMissing" })
    }))

  it.scoped("of very many fibers is told in part, and in time", () =>
    Effect.gen(function*() {
      const Fans = Workflow.make("fans", {}, () =>
        Effect.forEach(Array.from({ length: 5_000 }, (_, i) => i), () => Effect.sleep("1 day"), {
          concurrency: "unbounded",
          discard: true
        }))
      const world = yield* World.make({ workflows: [Fans] })
      yield* world.start(Fans, undefined, { id: "run" })
      const { waits, waitsOmitted } = yield* why(world)
      expect([waits.length, waitsOmitted]).toEqual([1_000, 4_001])
      expect(waits[0]?.for).toMatchObject({ _tag: "Fibers" })
      expect(waits[11]?.path).toBe("0.11")
    }))

  it.scoped("keeps updates that nobody handles", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Receives] })
      yield* world.start(Receives, undefined, { id: "run" })
      yield* Effect.forkScoped(world.run(Client.update("run", Update.make("change"), undefined)))
      yield* world.idle
      expect((yield* why(world)).inbox).toEqual([
        { kind: "Update", name: "change", count: 1, note: "the run has no handler for it now" }
      ])
    }))

  const Ring: Workflow.Workflow<string, void, never, never> = Workflow.make("ring", { input: Schema.String }, (next) =>
    Effect.zipRight(Word.receive, Effect.orDie(Child.run(Ring, next, { id: next, onConflict: "use_existing" }))))

  it.scoped("that awaits others, one of which awaits it, is in a circle", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Ring] })
      for (const [id, next] of [["a", "b"], ["b", "c"], ["c", "a"], ["d", "a"], ["e", "e"]]) {
        yield* world.start(Ring, next!, { id: id! })
      }
      for (const id of ["a", "b", "d", "e"]) yield* world.run(Client.signal(id, Word, ""))
      yield* world.idle
      expect((yield* why(world, "a")).cycles).toEqual([])
      yield* world.run(Client.signal("c", Word, ""))
      yield* world.idle
      const report = yield* why(world, "b")
      expect(report.cycles).toEqual([["b", "c", "a"]])
      expect(Client.whyText(report)).toContain("cycle: b awaits c awaits a awaits b")
      expect((yield* why(world, "d")).cycles).toEqual([])
      expect((yield* why(world, "e")).cycles).toEqual([["e"]])
    }))

  it.scoped("is left alone: its steps, its history and its randomness", () =>
    Effect.gen(function*() {
      const calls: Array<string> = []
      const W = Workflow.make("w", {}, () =>
        Effect.gen(function*() {
          yield* Step.value("drawn", Effect.sync(() => (calls.push("value"), 1)))
          yield* Step.run("ran", Effect.sync(() => void calls.push("step")))
          yield* Effect.log("logged")
          const late = yield* Word.receive.pipe(Effect.timeoutOption("1 day"))
          return Option.isNone(late)
        }))
      const world = yield* World.make({ workflows: [W] })
      const run = yield* world.start(W, undefined, { id: "run" })
      const before = yield* world.history("run")
      for (let i = 0; i < 3; i++) yield* why(world)
      expect(yield* world.history("run")).toEqual(before)
      expect(yield* world.runToEnd(run)).toBe(true)
      expect(calls).toEqual(["value", "step"])
    }))
})

describe("the text", () => {
  it.scoped("says all of it", () =>
    Effect.gen(function*() {
      const body = () => Effect.all([
        sleepy("charge \"card\"").pipe(Effect.withSpan("pay")),
        Effect.sleep("90 minutes"),
        Word.receive,
        Effect.sleep(Duration.infinity)
      ], { concurrency: "unbounded" })
      const { report, world } = yield* after(1, body)
      expect(Client.whyText(report).replaceAll(/at \/.*/g, "at <line>")).toBe([
        "run \"run\" of workflow \"w\" version 1: running, in memory, owned by this process",
        "fiber 0 waits for fiber 0.1, 0.2, 0.3, 0.4",
        "  woken by fiber 0.1, 0.2, 0.3, 0.4",
        "fiber 0.1 in pay waits for attempt 1 of step \"charge \\\"card\\\"\" [0.1#0], which runs, since 2025-01-01T00:00:00.000Z (1h ago)",
        "  at <line>",
        "  woken by the end of the attempt",
        "fiber 0.2 waits for a timer [0.2#0], since 2025-01-01T00:00:00.000Z (1h ago), until 2025-01-01T01:30:00.000Z (in 30m)",
        "  woken by the timer",
        "fiber 0.3 waits for signal \"word\", since 2025-01-01T00:00:00.000Z (1h ago)",
        "  woken by Client.signal(\"run\", word, …)",
        "fiber 0.4 waits for nothing: it sleeps without end, since 2025-01-01T00:00:00.000Z (1h ago)",
        "  woken by nothing but an interruption"
      ].join("\n"))
      yield* world.run(Client.pause("run", { by: "ada" }))
      yield* world.idle
      yield* world.run(Client.signal("run", Word, ""))
      const paused = Client.whyText(yield* why(world))
      expect(paused).toContain("paused since 2025-01-01T01:00:00.000Z (now) by ada; woken by Client.resume\n")
      expect(paused).toMatch(/inbox:\n {2}1 Signal "word": waits for Client.resume$/)
      yield* world.run(Client.terminate("run"))
      yield* world.idle
      yield* world.advance("2 days")
      expect(Client.whyText(yield* why(world))).toBe(
        "run \"run\" of workflow \"w\" version 1: terminated since 2025-01-01T01:00:00.000Z (2d ago); it waits for nothing"
      )
    }))
})
