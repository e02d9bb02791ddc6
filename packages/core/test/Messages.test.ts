/** Signals, queries, updates and awakeables: what is acknowledged reaches the run, once, and in order. */
import { it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option, Schema } from "effect"
import { describe, expect } from "vitest"
import { Awakeable, Client, Query, Signal, Step, Update, Workflow } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import { Crashes, World } from "@reprise/testing"
import { survives } from "./survives.js"

const failureOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)
const tags = (events: ReadonlyArray<Event.Event> | undefined) => (events ?? []).map((event) => event._tag)

const Word = Signal.make("word", { payload: Schema.String })

describe("signals", () => {
  const Listens = Workflow.make("waits before and after they arrive", {}, () =>
    Effect.gen(function*() {
      const first = yield* Word.receive
      yield* Effect.sleep("1 hour")
      const poll = yield* Word.poll
      const none = yield* Word.poll
      return `${first} ${Option.getOrElse(poll, () => "-")} ${Option.isNone(none)} ${yield* Word.receive}`
    }))

  survives(Listens, "one two true three", (world) =>
    Effect.gen(function*() {
      const run = yield* world.start(Listens, undefined, { id: "run" })
      yield* world.run(Client.signal("run", Word, "one", { messageId: "1" }))
      yield* world.run(Client.signal("run", Word, "two", { messageId: "2", by: "anna" }))
      yield* world.advance("2 hours")
      yield* world.run(Client.signal("run", Word, "three", { messageId: "3" }))
      return yield* world.runToEnd(run)
    }))

  const Collects = Workflow.make("come in order, once each", {}, () =>
    Effect.gen(function*() {
      const words: Array<string> = []
      while (words.length < 4) {
        words.push(yield* Word.receive)
        yield* Step.run("note", Effect.void)
      }
      return words.join("")
    }))

  survives(Collects, "abcd", (world) =>
    Effect.gen(function*() {
      const run = yield* world.start(Collects, undefined, { id: "run" })
      for (const word of ["a", "b", "a", "c", "b", "d"]) {
        yield* world.run(Client.signal("run", Word, word, { messageId: word }))
      }
      return yield* world.runToEnd(run)
    }))

  const Fans = Workflow.make("go to those who wait, in the order of their waiting", {}, () =>
    Effect.map(Effect.all([Word.receive, Word.receive, Effect.race(Word.receive, Effect.as(Effect.sleep("1 hour"), "late"))], {
      concurrency: "unbounded"
    }), (words) => words.join(" ")))

  survives(Fans, "x y late", (world) =>
    Effect.gen(function*() {
      const run = yield* world.start(Fans, undefined, { id: "run" })
      yield* world.run(Client.signal("run", Word, "x", { messageId: "1" }))
      yield* world.run(Client.signal("run", Word, "y", { messageId: "2" }))
      return yield* world.runToEnd(run)
    }))

  it.scoped("a waiter that was interrupted takes none", () =>
    Effect.gen(function*() {
      const Fickle = Workflow.make("fickle", {}, () =>
        Effect.gen(function*() {
          yield* Effect.timeoutOption(Word.receive, "1 hour")
          return yield* Word.receive
        }))
      const world = yield* World.make({ workflows: [Fickle], alwaysReplay: true })
      const run = yield* world.start(Fickle, undefined, { id: "run" })
      yield* world.advance("2 hours")
      yield* world.run(Client.signal("run", Word, "kept"))
      expect(yield* world.runToEnd(run)).toBe("kept")
    }))

  it.scoped("a closed run and an unknown one refuse them, with reasons", () =>
    Effect.gen(function*() {
      const Short = Workflow.make("short", {}, () => Effect.void)
      const world = yield* World.make({ workflows: [Short] })
      yield* world.execute(Short, undefined, { id: "run" })
      const closed = yield* Effect.flip(world.run(Client.signal("run", Word, "late")))
      const unknown = yield* Effect.flip(world.run(Client.signal("nobody", Word, "late")))
      const cancelled = yield* Effect.flip(world.run(Client.cancel("run")))
      expect(closed).toMatchObject({ _tag: "RunClosed", runId: "run" })
      expect(unknown).toMatchObject({ _tag: "RunNotFound", runId: "nobody" })
      expect(cancelled).toMatchObject({ _tag: "RunClosed" })
    }))

  it.scoped("a workflow that lists its messages refuses all others", () =>
    Effect.gen(function*() {
      const Strict = Workflow.make("strict", { messages: [Word] }, () => Effect.asVoid(Word.receive))
      const world = yield* World.make({ workflows: [Strict] })
      yield* world.start(Strict, undefined, { id: "run" })
      const refused = yield* Effect.flip(world.run(Client.signal("run", Signal.make("wrod"), undefined)))
      expect(refused).toMatchObject({ _tag: "MessageUnknown", name: "wrod" })
      expect(refused.message).toContain("word")
    }))
})

const Count = Query.make("count", { output: Schema.Number })

describe("queries", () => {
  const Counts = Workflow.make("counts", {}, () =>
    Effect.gen(function*() {
      let count = 0
      yield* Query.handle(Count, () => Effect.sync(() => count))
      while (count < 2) {
        yield* Word.receive
        count += 1
      }
    }))

  it.scoped("see a run in memory, out of memory, after a crash and after its end; leave no event", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Counts] })
      const count = world.run(Client.query("run", Count, undefined))
      yield* world.start(Counts, undefined, { id: "run" })
      expect(yield* count).toBe(0)
      yield* world.run(Client.signal("run", Word, "one"))
      yield* world.idle
      expect(yield* count).toBe(1)
      yield* world.evictAll
      expect(yield* count).toBe(1)
      yield* world.crash
      expect(yield* count).toBe(1)
      yield* world.run(Client.signal("run", Word, "two"))
      yield* world.idle
      expect(yield* count).toBe(2)
      expect(tags(yield* world.history("run"))).toEqual(["RunStarted", "SignalReceived", "SignalReceived", "RunCompleted"])
    }))

  it.scoped("an unknown query says which are known", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Counts] })
      yield* world.start(Counts, undefined, { id: "run" })
      const refused = yield* Effect.flip(world.run(Client.query("run", Query.make("cuont"), undefined)))
      expect(refused).toMatchObject({ _tag: "MessageUnknown", known: ["count"] })
    }))

  it.scoped("a handler that throws, or whose answer does not fit, says so in one line", () =>
    Effect.gen(function*() {
      const Throws = Query.make("throws")
      const Odd = Query.make("odd", { output: Schema.Number })
      const Answers = Workflow.make("answers", {}, () =>
        Effect.gen(function*() {
          yield* Query.handle(Throws, () => Effect.die(new Error("a bug")))
          yield* Query.handle(Odd, () => Effect.succeed(Number.NaN))
          return yield* Word.receive
        }))
      const world = yield* World.make({ workflows: [Answers] })
      yield* world.start(Answers, undefined, { id: "run" })
      expect(yield* Effect.flip(world.run(Client.query("run", Throws, undefined)))).toMatchObject({ detail: "Error: a bug" })
      const detail = "the answer of query \"odd\" does not fit: NaN is not a JSON number"
      expect(yield* Effect.flip(world.run(Client.query("run", Odd, undefined)))).toMatchObject({ detail })
    }))

  it.scoped("a handler that would change something is refused, and the run is as before", () =>
    Effect.gen(function*() {
      const Bad = Query.make("bad")
      const Waits = Query.make("waits")
      const Trespasses = Workflow.make("trespasses", {}, () =>
        Effect.gen(function*() {
          const context = yield* Effect.context<never>()
          const step = Step.run("sneaky", Effect.void) as Effect.Effect<void>
          yield* Query.handle(Bad, () => Effect.provide(step, context))
          yield* Query.handle(Waits, () => Effect.sleep("1 hour"))
          return yield* Word.receive
        }))
      const world = yield* World.make({ workflows: [Trespasses] })
      const run = yield* world.start(Trespasses, undefined, { id: "run" })
      const bad = yield* Effect.flip(world.run(Client.query("run", Bad, undefined)))
      expect(bad).toMatchObject({ _tag: "QueryFailed" })
      expect(bad.message).toContain("sneaky")
      expect(yield* Effect.flip(world.run(Client.query("run", Waits, undefined)))).toMatchObject({ _tag: "QueryFailed" })
      yield* world.run(Client.signal("run", Word, "on"))
      expect(yield* world.runToEnd(run)).toBe("on")
      expect(yield* world.calls).toEqual([])
    }))
})

const Add = Update.make("add", { input: Schema.Number, output: Schema.Number, error: Schema.String })

const Adds = Workflow.make("adds", {}, () =>
  Effect.gen(function*() {
    let sum = 0
    yield* Effect.sleep("1 hour")
    yield* Update.handle(Add, {
      validate: (n) => (n < 0 ? Effect.fail("only positive numbers") : Effect.void),
      run: (n) =>
        Effect.gen(function*() {
          if (n === 13) return yield* Effect.fail("unlucky")
          yield* Step.run(`add ${n}`, Effect.sleep("1 minute"))
          sum += n
          return sum
        })
    })
    yield* Workflow.condition(() => sum >= 3)
    yield* Effect.sleep("1 hour")
    return sum
  }))

describe("updates", () => {
  const asked = (world: World.World, n: number, messageId: string) =>
    Effect.fork(Effect.exit(world.run(Client.update("run", Add, n, { messageId }))))

  it.effect("wait for their handler, are validated, answered once, and leave no event when rejected", () =>
    Effect.gen(function*() {
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Adds] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(Adds, undefined, { id: "run" })
          const early = yield* asked(world, 1, "a")
          yield* world.advance("2 hours")
          const rejected = yield* asked(world, -1, "b")
          const failing = yield* asked(world, 13, "c")
          const late = yield* asked(world, 2, "d")
          yield* world.advance("30 minutes")
          const again = yield* asked(world, 2, "d")
          const answers = yield* Effect.forEach([early, rejected, failing, late, again], Fiber.join)
          const shown = answers.map((exit) => Exit.isSuccess(exit) ? exit.value : failureOf(exit))
          return { sum: yield* world.runToEnd(run), shown: shown.map((answer) => JSON.stringify(answer)) }
        }))
      const result = Exit.isSuccess(seen.exit) ? seen.exit.value : undefined
      expect(result?.sum).toBe(3)
      expect(result?.shown).toEqual(["1", expect.stringContaining("only positive"), "\"unlucky\"", "3", "3"])
      const history = tags(seen.histories["run"])
      expect(history.filter((tag) => tag === "UpdateAccepted")).toHaveLength(3)
      expect(history.filter((tag) => tag === "UpdateCompleted")).toHaveLength(2)
      expect(history.filter((tag) => tag === "UpdateFailed")).toHaveLength(1)
    }))

  it.scoped("one whose handler never comes is told that the run has closed", () =>
    Effect.gen(function*() {
      const Deaf = Workflow.make("deaf", {}, () => Effect.sleep("1 hour"))
      const world = yield* World.make({ workflows: [Deaf] })
      yield* world.start(Deaf, undefined, { id: "run" })
      const fiber = yield* asked(world, 1, "a")
      yield* world.advance("2 hours")
      expect(failureOf(yield* Fiber.join(fiber))).toMatchObject({ _tag: "RunClosed" })
    }))
})

describe("awakeables", () => {
  const tokenIn = (world: World.World) =>
    Effect.map(world.history("run"), (history) => {
      const created = history.find((event) => event._tag === "AwakeableCreated")
      return created?._tag === "AwakeableCreated" ? created.token : ""
    })

  const Asks = Workflow.make("asks", { error: Schema.String }, () =>
    Effect.gen(function*() {
      const answer = yield* Awakeable.make("approval", { value: Schema.String, error: Schema.String })
      yield* Step.run("hand out", Effect.succeed(answer.token))
      return yield* answer.await
    }))

  const settled = (settle: (token: string) => ReturnType<typeof Client.resolveAwakeable>) => (world: World.World) =>
    Effect.gen(function*() {
      const run = yield* world.start(Asks, undefined, { id: "run" })
      const token = yield* tokenIn(world)
      yield* world.run(settle(token))
      const second = yield* Effect.exit(world.run(Client.resolveAwakeable(token, "too late")))
      const exit = yield* Effect.exit(world.runToEnd(run))
      return [Exit.isSuccess(exit) ? exit.value : failureOf(exit), (failureOf(second) as { readonly _tag: string })._tag]
    })

  it.effect("the first settlement counts, by value or by error", () =>
    Effect.gen(function*() {
      const options = () => ({ workflows: [Asks] })
      const yes = yield* Crashes.everywhere(options, settled((token) => Client.resolveAwakeable(token, "yes")))
      expect(yes.exit).toEqual(Exit.succeed(["yes", expect.stringMatching(/AwakeableAlreadySettled|RunClosed/)]))
      const no = yield* Crashes.everywhere(options, settled((token) => Client.rejectAwakeable(token, "no")))
      expect(no.exit).toEqual(Exit.succeed(["no", expect.stringMatching(/AwakeableAlreadySettled|RunClosed/)]))
    }))

  it.scoped("a wrong token leads nowhere", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Asks] })
      yield* world.start(Asks, undefined, { id: "run" })
      const token = yield* tokenIn(world)
      for (const wrong of ["", "awk_x_y", `${token}0`, token.slice(0, -1)]) {
        expect(yield* Effect.flip(world.run(Client.resolveAwakeable(wrong)))).toMatchObject({ _tag: "AwakeableUnknown" })
      }
    }))
})
