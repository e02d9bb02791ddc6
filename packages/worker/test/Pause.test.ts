/** A paused run stands still: nothing of it starts, and what comes meanwhile waits in order for the resume. */
import { it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option, Schedule, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Query, Sensor, Signal, Step, Update, Workflow } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import { Crashes, World } from "@reprise/testing"

const failureOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)
const tags = (events: ReadonlyArray<Event.Event> | undefined) => (events ?? []).map((event) => event._tag)
const slow = (name: string) => Step.run(name, Effect.as(Effect.sleep("1 hour"), name))
const quick = (name: string) => Step.run(name, Effect.succeed(name))
const Go = Signal.make("go", { payload: Schema.String })

const pause = (world: World.World, messageId = "pause") => Effect.zipLeft(world.run(Client.pause("run", { messageId })), world.idle)
const resume = (world: World.World, messageId = "resume") => Effect.zipLeft(world.run(Client.resume("run", { messageId })), world.idle)
const signal = (world: World.World, text: string) => world.run(Client.signal("run", Go, text, { messageId: text }))
const stepsOf = (world: World.World) => Effect.map(world.calls, (calls) => calls.map((call) => call.step))
const describeRun = (world: World.World) => world.run(Client.describe("run"))

type Flow = Workflow.Workflow<void, unknown, string, never>
const flow = <A>(body: Effect.Effect<A, any, any>): Flow =>
  Workflow.make("flow", { error: Schema.String, output: Schema.Unknown }, () => body as unknown as Effect.Effect<A, string>)

/** Starts it, does `first`, pauses, does `meanwhile`, resumes, and takes it to its end; with a crash at every append. */
const paused = (
  workflow: Flow,
  first: (world: World.World) => Effect.Effect<unknown, unknown>,
  meanwhile: (world: World.World) => Effect.Effect<unknown, unknown>
) =>
  Effect.map(
    Crashes.everywhere(() => ({ workflows: [workflow] }), (world) =>
      Effect.gen(function*() {
        const run = yield* world.start(workflow, undefined, { id: "run" })
        yield* first(world)
        yield* pause(world)
        const before = yield* world.history("run")
        yield* meanwhile(world)
        yield* world.idle
        expect(yield* world.history("run")).toEqual(before)
        yield* resume(world)
        return yield* world.runToEnd(run)
      })),
    (seen) => {
      const history = seen.histories["run"] ?? []
      const afterResume = history.slice(tags(history).indexOf("RunResumed") + 1)
      return { exit: seen.exit, failure: failureOf(seen.exit), steps: seen.calls.map((call) => call.step), afterResume: tags(afterResume) }
    }
  )

const advance = (duration: `${number} minutes` | `${number} hours`) => (world: World.World) => world.advance(duration)

describe("while a run is paused", () => {
  it.effect("an attempt that runs ends, and its outcome is kept", () =>
    Effect.gen(function*() {
      const seen = yield* paused(flow(Effect.zip(slow("a"), quick("b"))), advance("30 minutes"), advance("5 hours"))
      expect(seen.exit).toEqual(Exit.succeed(["a", "b"]))
      expect(seen.steps).toEqual(["a", "b"])
      expect(seen.afterResume).toEqual(["StepCompleted", "StepScheduled", "StepCompleted", "RunCompleted"])
    }))

  it.effect("a failed attempt is not retried", () =>
    Effect.gen(function*() {
      const body = Effect.flatMap(Step.attempt, ({ attempt }) => (attempt < 3 ? Effect.fail("busy") : Effect.succeed(attempt)))
      const flaky = Step.run("flaky", body, { retry: Schedule.spaced("1 hour") })
      const seen = yield* paused(flow(flaky), advance("90 minutes"), advance("5 hours"))
      expect(seen.exit).toEqual(Exit.succeed(3))
      expect(seen.afterResume).toEqual(["StepAttemptStarted", "StepCompleted", "RunCompleted"])
      expect(seen.steps).toHaveLength(3)
    }))

  it.effect("a timer does not fire, however long it is due", () =>
    Effect.gen(function*() {
      const seen = yield* paused(flow(Effect.zipRight(Effect.sleep("1 hour"), quick("b"))), advance("30 minutes"), advance("5 hours"))
      expect(seen.afterResume).toEqual(["TimerFired", "StepScheduled", "StepCompleted", "RunCompleted"])
    }))

  it.effect("a timer that is not due yet keeps its time", () =>
    Effect.gen(function*() {
      const when = Effect.zipRight(Effect.sleep("3 hours"), Effect.clockWith((clock) => clock.currentTimeMillis))
      const seen = yield* paused(flow(when), advance("30 minutes"), advance("1 hours"))
      expect(seen.exit).toEqual(Exit.succeed(1_735_689_600_000 + 3 * 3_600_000))
    }))

  it.effect("what is over first has won a race, whatever comes after it", () =>
    Effect.gen(function*() {
      const received = Effect.map(Effect.timeoutOption(Go.receive, "2 hours"), Option.getOrNull)
      const signalled = yield* paused(flow(received), advance("30 minutes"), (world) =>
        Effect.zipRight(signal(world, "now"), world.advance("5 hours")))
      expect(signalled.exit).toEqual(Exit.succeed("now"))
    }))

  it.scoped("an outcome that is kept comes before a timer that is due, also for the next process", () =>
    Effect.gen(function*() {
      const race = flow(Effect.race(slow("step"), Effect.as(Effect.sleep("2 hours"), "timer")))
      const world = yield* World.make({ workflows: [race] })
      const run = yield* world.start(race, undefined, { id: "run" })
      yield* pause(world)
      yield* world.advance("5 hours")
      yield* world.crash
      yield* resume(world)
      expect(yield* world.runToEnd(run)).toBe("step")
      expect(yield* stepsOf(world)).toEqual(["step"])
    }))

  it.scoped("messages and outcomes wait in the order in which they came", () =>
    Effect.gen(function*() {
      const body = Effect.gen(function*() {
        const order: Array<string> = []
        const note = (text: string) => Effect.sync(() => order.push(text))
        const signals = Effect.repeatN(Effect.flatMap(Go.receive, note), 2)
        yield* Effect.all([signals, Effect.flatMap(slow("step"), note)], { concurrency: "unbounded" })
        return order
      })
      const world = yield* World.make({ workflows: [flow(body)] })
      const run = yield* world.start(flow(body), undefined, { id: "run" })
      yield* pause(world)
      yield* signal(world, "one")
      yield* world.advance("2 hours")
      yield* signal(world, "two")
      yield* signal(world, "three")
      yield* world.crash
      yield* resume(world)
      expect(yield* world.runToEnd(run)).toEqual(["one", "step", "two", "three"])
    }))

  it.effect("a cancel waits, because cleanup would start steps", () =>
    Effect.gen(function*() {
      const body = Effect.onInterrupt(Effect.sleep("1 day"), () => quick("cleanup"))
      const seen = yield* paused(flow(body), advance("30 minutes"), (world) =>
        Effect.zipRight(world.run(Client.cancel("run", { messageId: "cancel" })), world.advance("1 hours")))
      expect(seen.failure).toMatchObject({ _tag: "RunCancelled" })
      expect(seen.afterResume).toEqual(["RunCancelRequested", "TimerCancelled", "StepScheduled", "StepCompleted", "RunCancelled"])
    }))

  it.scoped("terminate works at once, and ends what runs", () =>
    Effect.gen(function*() {
      const ended: Array<string> = []
      const body = Effect.onInterrupt(Effect.sleep("1 day"), () => Effect.sync(() => void ended.push("interrupted")))
      const workflow = flow(Step.run("work", body))
      const world = yield* World.make({ workflows: [workflow] })
      const run = yield* world.start(workflow, undefined, { id: "run" })
      yield* pause(world)
      yield* signal(world, "never")
      yield* world.run(Client.terminate("run", { by: "anna" }))
      expect(failureOf(yield* Effect.exit(world.runToEnd(run)))).toMatchObject({ _tag: "RunTerminated", by: "anna" })
      yield* world.idle
      expect(ended).toEqual(["interrupted"])
      expect(tags(yield* world.history("run")).slice(-2)).toEqual(["RunPaused", "RunTerminated"])
    }))

  it.scoped("a sensor is not polled", () =>
    Effect.gen(function*() {
      let polls = 0
      const ready = Effect.sync(() => ++polls > 5)
      const workflow = flow(Sensor.until("ready", ready, { every: "10 minutes" }))
      const world = yield* World.make({ workflows: [workflow] })
      const run = yield* world.start(workflow, undefined, { id: "run" })
      yield* world.advance("15 minutes")
      yield* pause(world)
      expect(polls).toBe(2)
      yield* world.advance("1 day")
      expect(polls).toBe(2)
      expect((yield* describeRun(world)).wakeAt).toBeUndefined()
      yield* resume(world)
      expect(polls).toBe(3)
      yield* world.runToEnd(run)
    }))

  it.scoped("a sensor that is being polled is polled again after the resume", () =>
    Effect.gen(function*() {
      let polls = 0
      const ready = Effect.delay(Effect.sync(() => ++polls > 1), "1 minute")
      const workflow = flow(Sensor.until("ready", ready, { every: "10 minutes" }))
      const world = yield* World.make({ workflows: [workflow] })
      const run = yield* world.start(workflow, undefined, { id: "run" })
      yield* pause(world)
      yield* world.advance("1 hour")
      expect(polls).toBe(1)
      expect((yield* describeRun(world)).wakeAt).toBeUndefined()
      yield* resume(world)
      yield* world.runToEnd(run)
    }))

  it.scoped("it costs nothing: no memory, no wake-up", () =>
    Effect.gen(function*() {
      const workflow = flow(Effect.sleep("1 hour"))
      const world = yield* World.make({ workflows: [workflow] })
      yield* world.start(workflow, undefined, { id: "run", timeout: "2 hours" })
      yield* pause(world)
      expect(yield* world.liveRunCount).toBe(0)
      expect(yield* describeRun(world)).toMatchObject({ status: "running", paused: true, wakeAt: undefined, blocked: undefined })
      expect((yield* world.run(Client.list({ paused: true, limit: 10 }))).map(({ runId }) => runId)).toEqual(["run"])
      const count = yield* world.appendCount
      yield* world.restart()
      yield* world.advance("1 day")
      expect(yield* world.skip).toBe(false)
      expect(yield* world.appendCount).toBe(count)
      expect(yield* world.liveRunCount).toBe(0)
    }))

  it.scoped("queries are answered, and updates wait", () =>
    Effect.gen(function*() {
      const Count = Query.make("count", { output: Schema.Number })
      const Add = Update.make("add", { input: Schema.Number, output: Schema.Number })
      const workflow = flow(Effect.gen(function*() {
        let count = 1
        yield* Query.handle(Count, () => Effect.sync(() => count))
        yield* Update.handle(Add, { run: (more) => Effect.sync(() => (count += more)) })
        yield* Go.receive
      }))
      const world = yield* World.make({ workflows: [workflow] })
      yield* world.start(workflow, undefined, { id: "run" })
      yield* pause(world)
      const added = yield* Effect.fork(world.run(Client.update("run", Add, 2)))
      yield* world.advance("1 hour")
      expect(yield* world.run(Client.query("run", Count, undefined))).toBe(1)
      yield* resume(world)
      expect(yield* Fiber.join(added)).toBe(3)
    }))

  it.effect("its timeout goes on, and takes effect at the resume", () =>
    Effect.gen(function*() {
      const workflow = flow(Go.receive)
      const seen = yield* Crashes.everywhere(() => ({ workflows: [workflow] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(workflow, undefined, { id: "run", timeout: "1 hour" })
          yield* pause(world)
          yield* world.advance("2 hours")
          expect(tags(yield* world.history("run")).at(-1)).toBe("RunPaused")
          yield* resume(world)
          return yield* world.runToEnd(run)
        }))
      expect(failureOf(seen.exit)).toMatchObject({ _tag: "RunTimedOut" })
    }))
})

describe("pause and resume", () => {
  const workflow = flow(Effect.zipRight(Go.receive, quick("work")))

  it.scoped("a second pause changes nothing, nor does a resume of a run that is not paused", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [workflow] })
      const run = yield* world.start(workflow, undefined, { id: "run" })
      yield* resume(world, "too early")
      yield* pause(world, "first")
      yield* pause(world, "second")
      yield* pause(world, "first")
      yield* resume(world)
      yield* signal(world, "go")
      yield* world.runToEnd(run)
      expect(tags(yield* world.history("run"))).toEqual([
        "RunStarted",
        "RunPaused",
        "RunResumed",
        "SignalReceived",
        "StepScheduled",
        "StepCompleted",
        "RunCompleted"
      ])
    }))

  it.scoped("say who and why", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [workflow] })
      yield* world.start(workflow, undefined, { id: "run" })
      yield* world.run(Client.pause("run", { by: "anna", reason: "the bank is down" }))
      yield* world.idle
      expect((yield* world.history("run")).at(-1)).toMatchObject({ _tag: "RunPaused", by: "anna", reason: "the bank is down" })
      expect(yield* Effect.flip(world.run(Client.pause("nobody")))).toMatchObject({ _tag: "RunNotFound" })
      yield* world.run(Client.terminate("run"))
      yield* world.idle
      expect(yield* Effect.flip(world.run(Client.resume("run")))).toMatchObject({ _tag: "RunClosed" })
    }))

  const words = ["Pause", "Resume"] as const
  it.scoped("count in the order in which they were sent, also when they are taken at once", () =>
    Effect.gen(function*() {
      for (let bits = 0; bits < 32; bits++) {
        const sequence = [0, 1, 2, 3, 4].map((bit) => words[(bits >> bit) & 1]!)
        const world = yield* World.make({ workflows: [workflow] })
        yield* world.start(workflow, undefined, { id: "run" })
        // Sent without a pause for breath: the run may take one or all of them.
        for (const word of sequence) yield* world.run(word === "Pause" ? Client.pause("run") : Client.resume("run"))
        yield* world.idle
        expect([sequence, (yield* describeRun(world)).paused]).toEqual([sequence, sequence.at(-1) === "Pause"])
      }
    }))

  it.scoped("work again and again, wherever a run stands", () =>
    Effect.gen(function*() {
      const long = flow(Effect.gen(function*() {
        const both = yield* Effect.all([slow("a"), Effect.zipRight(Effect.sleep("30 minutes"), slow("b"))], { concurrency: 2 })
        yield* Effect.sleep("1 hour")
        return [...both, yield* quick("c"), Option.isSome(yield* Effect.timeoutOption(slow("d"), "20 minutes"))]
      }))
      for (let minutes = 0; minutes <= 300; minutes += 10) {
        const world = yield* World.make({ workflows: [long], alwaysReplay: minutes % 20 === 0 })
        const run = yield* world.start(long, undefined, { id: "run" })
        yield* world.advance(`${minutes} minutes`)
        if ((yield* describeRun(world)).status !== "running") continue
        yield* pause(world)
        if (minutes % 30 === 0) yield* world.crash
        yield* world.advance("5 hours")
        yield* resume(world)
        const output = yield* world.runToEnd(run)
        expect(output).toEqual(["a", "b", "c", expect.any(Boolean)])
        const repeated = (yield* world.calls).filter((call) => call.isRepeated)
        expect(repeated).toEqual([])
      }
    }))

  it.scoped("take effect in the middle of many steps: none starts after it", () =>
    Effect.gen(function*() {
      const many = flow(Effect.forEach([1, 2, 3, 4, 5], (n) => slow(`${n}`)))
      const world = yield* World.make({ workflows: [many] })
      const run = yield* world.start(many, undefined, { id: "run" })
      yield* world.advance("150 minutes")
      yield* pause(world)
      yield* world.advance("1 day")
      expect(yield* stepsOf(world)).toEqual(["1", "2", "3"])
      yield* resume(world)
      yield* world.runToEnd(run)
      expect(yield* stepsOf(world)).toEqual(["1", "2", "3", "4", "5"])
    }))

  it.scoped("reach a run that goes on in generations", () =>
    Effect.gen(function*() {
      const Counter = Workflow.make("flow", { input: Schema.Number }, (count) =>
        Effect.gen(function*() {
          if (count === 3) return count
          yield* slow(`${count}`)
          return yield* Workflow.continueAsNew<number>(count + 1)
        }))
      const world = yield* World.make({ workflows: [Counter] })
      const run = yield* world.start(Counter, 0, { id: "run" })
      yield* world.advance("90 minutes")
      yield* pause(world)
      yield* world.restart()
      yield* world.advance("1 day")
      expect(yield* stepsOf(world)).toEqual(["0", "1"])
      yield* resume(world)
      expect(yield* world.runToEnd(run)).toBe(3)
    }))
})

describe("a run that is paused before it begins", () => {
  const later = (workflow: Flow) => (world: World.World) =>
    Effect.gen(function*() {
      const run = yield* world.start(workflow, undefined, { id: "run", delay: "1 hour" })
      yield* pause(world)
      yield* world.advance("1 day")
      yield* world.restart()
      expect(tags(yield* world.history("run"))).toEqual(["RunStarted", "StepScheduled", "RunPaused"])
      expect(yield* stepsOf(world)).toEqual([])
      yield* resume(world)
      return yield* world.runToEnd(run)
    })
  const delayed = flow(Step.run("delicate", Effect.succeed("done"), { onUnknown: "ask" }))

  it.effect("begins when it should, and starts nothing before it is resumed, whenever it crashes", () =>
    Effect.gen(function*() {
      const workflow = flow(quick("work"))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [workflow] }), later(workflow))
      expect(seen.exit).toEqual(Exit.succeed("work"))
    }))

  it.scoped("records an attempt when it is resumed, so that a crash from then on is noticed", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [delayed] })
      expect(yield* later(delayed)(world)).toBe("done")
      const events = tags(yield* world.history("run"))
      expect(events.slice(3)).toEqual(["RunResumed", "StepAttemptStarted", "StepCompleted", "RunCompleted"])
    }))

  it.scoped("starts that attempt only after it is recorded", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [delayed] })
      const run = yield* world.start(delayed, undefined, { id: "run", delay: "1 hour" })
      yield* pause(world)
      yield* world.advance("1 day")
      yield* world.crashAt({ append: (yield* world.appendCount) + 1, moment: "before" })
      yield* resume(world)
      expect(yield* world.runToEnd(run)).toBe("done")
      expect(yield* stepsOf(world)).toEqual(["delicate"])
    }))

  it.scoped("begins as any other when it is resumed in time", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [delayed] })
      const run = yield* world.start(delayed, undefined, { id: "run", delay: "1 hour" })
      yield* resume(world, "too early")
      yield* pause(world)
      yield* resume(world)
      expect(yield* world.runToEnd(run)).toBe("done")
      expect(yield* stepsOf(world)).toEqual(["delicate"])
    }))
})

describe("an attempt that waits for a slot", () => {
  it.scoped("does not begin while its run is paused, and nothing about it is unknown afterwards", () =>
    Effect.gen(function*() {
      const first = Workflow.make("first", {}, () => slow("first"))
      const second = flow(Step.run("second", Effect.succeed("done"), { onUnknown: "ask" }))
      const world = yield* World.make({ workflows: [first, second], limits: { attemptsMax: 1 } })
      const other = yield* world.start(first, undefined, { id: "other" })
      const run = yield* world.start(second, undefined, { id: "run" })
      yield* pause(world)
      yield* world.runToEnd(other)
      yield* world.advance("1 hour")
      expect(yield* stepsOf(world)).toEqual(["first"])
      yield* resume(world)
      expect(yield* world.runToEnd(run)).toBe("done")
      expect(tags(yield* world.history("run"))).not.toContain("StepAsked")
    }))

  it.scoped("begins once, though its run was paused and resumed before the slot was free", () =>
    Effect.gen(function*() {
      const first = Workflow.make("first", {}, () => slow("first"))
      const second = flow(slow("second"))
      const world = yield* World.make({ workflows: [first, second], limits: { attemptsMax: 1 } })
      yield* world.start(first, undefined, { id: "other" })
      const run = yield* world.start(second, undefined, { id: "run" })
      for (const turn of ["1", "2", "3"]) {
        yield* pause(world, `pause ${turn}`)
        yield* resume(world, `resume ${turn}`)
      }
      expect(yield* world.runToEnd(run)).toBe("second")
      expect(yield* stepsOf(world)).toEqual(["first", "second"])
    }))
})

describe("a blocked run", () => {
  it.scoped("that is paused starts nothing once its code is mended", () =>
    Effect.gen(function*() {
      const coded = (rest: Effect.Effect<unknown, never, any>) => flow(Effect.zipRight(Go.receive, rest))
      const broken = coded(Effect.die(new TypeError("oops")))
      const world = yield* World.make({ workflows: [broken] })
      const run = yield* world.start(broken, undefined, { id: "run" })
      yield* signal(world, "go")
      yield* world.idle
      yield* pause(world)
      expect(yield* describeRun(world)).toMatchObject({ paused: false, blocked: { _tag: "ProgramDefect" } })
      yield* world.restart([coded(quick("mended"))])
      yield* world.advance("1 day")
      expect(yield* describeRun(world)).toMatchObject({ paused: true, blocked: undefined })
      expect(yield* stepsOf(world)).toEqual([])
      yield* resume(world)
      expect(yield* world.runToEnd(run)).toBe("mended")
    }))

  it.scoped("a paused run whose code does not fit any more can be terminated", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [flow(Effect.zipRight(quick("a"), Go.receive))] })
      const run = yield* world.start(flow(Effect.zipRight(quick("a"), Go.receive)), undefined, { id: "run" })
      yield* pause(world)
      yield* world.restart([flow(Effect.zipRight(quick("b"), Go.receive))])
      yield* resume(world)
      expect(yield* describeRun(world)).toMatchObject({ blocked: { _tag: "Divergence" } })
      yield* world.run(Client.terminate("run"))
      expect(failureOf(yield* Effect.exit(world.runToEnd(run)))).toMatchObject({ _tag: "RunTerminated" })
    }))
})
