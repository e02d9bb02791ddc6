/** A new run from any event of an old one: where it may leave its source, what it takes over, and what is refused. */
import { it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Option, Schema } from "effect"
import { describe, expect } from "vitest"
import { Awakeable, Child, Client, Signal, Step, Update, Workflow } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import { Crashes, World } from "@reprise/testing"

const failureOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)
const tags = (events: ReadonlyArray<Event.Event>) => events.map((event) => event._tag)
const seqOf = (events: ReadonlyArray<Event.Event>, tag: Event.EventTag, nth = 0): number =>
  events.flatMap((event, i) => (event._tag === tag ? [i + 1] : []))[nth]!

const Word = Signal.make("word", { payload: Schema.String })

const Order = Workflow.make("order", { input: Schema.Number, messages: [Word] }, (amount) =>
  Effect.gen(function*() {
    const price = yield* Step.run("price", Effect.succeed(amount * 2))
    const word = yield* Word.receive
    yield* Effect.sleep("1 hour")
    const paid = yield* Step.run("pay", Effect.succeed(`${word} ${price}`))
    return `${paid}!`
  }))

/** A finished run of `Order`. */
const ordered = Effect.gen(function*() {
  const world = yield* World.make({ workflows: [Order] })
  const run = yield* world.start(Order, 21, { id: "run", key: "k" })
  yield* world.run(Client.signal("run", Word, "paid"))
  yield* world.runToEnd(run)
  return { world, history: yield* world.history("run") }
})

const forked = (world: World.World, options: Client.ForkOptions, runId = "run") =>
  Effect.flatMap(world.run(Client.fork(runId, options)), (handle) => world.runToEnd(handle))

describe("a fork", () => {
  it.scoped("goes on by itself from any delivered event, and after any activation; everything else is refused", () =>
    Effect.gen(function*() {
      const { history, world } = yield* ordered
      const made: Array<number> = []
      const refused: Array<unknown> = []
      for (let at = 0; at <= history.length + 1; at++) {
        const exit = yield* Effect.exit(world.run(Client.fork("run", { at, id: `fork-${at}` })))
        if (Exit.isFailure(exit)) {
          const { after, before, seq } = failureOf(exit) as unknown as Record<string, number>
          refused.push([seq, before, after])
          continue
        }
        made.push(at)
        // Before and after the signal was told: the fork gets it anew only when it was told anew.
        if (at < seqOf(history, "SignalReceived")) yield* world.run(Client.signal(`fork-${at}`, Word, "paid"))
        expect(yield* world.runToEnd(exit.value), `at ${at}`).toBe("paid 42!")
      }
      expect(tags(history)).toEqual([
        "RunStarted",
        "StepScheduled",
        "StepCompleted",
        "SignalReceived",
        "TimerStarted",
        "TimerFired",
        "StepScheduled",
        "StepCompleted",
        "RunCompleted"
      ])
      expect(made).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
      expect(refused).toEqual([[0, undefined, 1], [9, 8, undefined], [10, 8, undefined]])
    }))

  it.scoped("says where it comes from, and takes over what was there", () =>
    Effect.gen(function*() {
      const { history, world } = yield* ordered
      yield* world.advance("10 days")
      const at = seqOf(history, "TimerFired")
      const run = yield* world.run(Client.fork("run", { at, id: "fork", by: "ada" }))
      const events = yield* world.history("fork")
      const [first, ...rest] = history.slice(0, at - 1)
      expect(events.slice(1, at - 1)).toEqual(rest)
      const { key: _key, ...started } = first as Event.Of<"RunStarted">
      expect(events[0]).toEqual(started)
      const shiftMillis = events[at - 1]!.at - history[at - 1]!.at
      expect(events[at - 1]).toEqual({ _tag: "RunForked", at: yield* world.now, runId: "run", seq: at, by: "ada", shiftMillis })
      expect(yield* world.run(Client.describe("fork"))).toMatchObject({ forkedFrom: { runId: "run", seq: at }, key: undefined })
      expect(yield* world.runToEnd(run)).toBe("paid 42!")
      // The copied step does not run again; the timer was due at once.
      expect((yield* world.calls).filter(({ runId }) => runId === "fork").map(({ step }) => step)).toEqual(["pay"])
      expect((yield* world.history("fork")).at(-1)?.at).toBe(events[at - 1]!.at)
    }))

  it.scoped("sees another result, payload or input", () =>
    Effect.gen(function*() {
      const { history, world } = yield* ordered
      const signal = seqOf(history, "SignalReceived")
      const price = seqOf(history, "StepCompleted")
      expect(yield* forked(world, { at: signal, replace: [{ seq: signal, value: "given" }] })).toBe("given 42!")
      expect(yield* forked(world, { at: signal + 1, id: "f", replace: [{ seq: signal, value: "x" }, { seq: price, value: 1 }] }))
        .toBe("x 1!")
      expect((yield* world.history("f")).find(({ _tag }) => _tag === "RunForked")).toMatchObject({ replaced: [price, signal] })
      const anew = yield* world.run(Client.fork("run", { at: 1, id: "g", replace: [{ seq: 1, value: 4 }], key: "k" }))
      yield* world.run(Client.signal("g", Word, "w"))
      expect(yield* world.runToEnd(anew)).toBe("w 8!")
      expect((yield* world.run(Client.describe("g"))).key).toBe("k")
    }))

  const refusedFork = (world: World.World, options: Client.ForkOptions, runId = "run") =>
    Effect.flatMap(Effect.exit(world.run(Client.fork(runId, { id: "refused", ...options }))), (exit) =>
      Effect.map(Effect.exit(world.run(Client.describe("refused"))), (found) => {
        expect(failureOf(found)).toMatchObject({ _tag: "RunNotFound" })
        return failureOf(exit)
      }))

  it.scoped("is refused when a value does not fit, or there is none to replace", () =>
    Effect.gen(function*() {
      const { history, world } = yield* ordered
      const signal = seqOf(history, "SignalReceived")
      const timer = seqOf(history, "TimerStarted")
      expect(yield* refusedFork(world, { at: timer, replace: [{ seq: signal, value: 7 }] }))
        .toMatchObject({ _tag: "PayloadInvalid", what: "payload of signal \"word\"" })
      expect(yield* refusedFork(world, { at: 1, replace: [{ seq: 1, value: "many" }] })).toMatchObject({ _tag: "PayloadInvalid" })
      expect(yield* refusedFork(world, { at: 3, replace: [{ seq: signal, value: "later" }] }))
        .toMatchObject({ _tag: "ForkInvalid", detail: expect.stringContaining("not among those") })
      expect(yield* refusedFork(world, { at: timer, replace: [{ seq: timer, value: 1 }] }))
        .toMatchObject({ _tag: "ForkInvalid", detail: expect.stringContaining("holds no value") })
      expect(yield* refusedFork(world, { at: 3, replace: [{ seq: 3, value: 1 }, { seq: 3, value: 2 }] }))
        .toMatchObject({ _tag: "ForkInvalid", detail: expect.stringContaining("twice") })
      expect(yield* refusedFork(world, { at: 3, replace: [{ seq: 3, value: "x".repeat(2_000_000) }] }))
        .toMatchObject({ _tag: "PayloadTooLarge" })
      expect(yield* refusedFork(world, { at: 1.5 })).toMatchObject({ _tag: "ForkInvalid", before: 1, after: 2 })
      expect(yield* refusedFork(world, { at: 3, version: "7" })).toMatchObject({ _tag: "WorkflowUnknown" })
      expect(yield* refusedFork(world, { at: 3 }, "nobody")).toMatchObject({ _tag: "RunNotFound" })
      expect(yield* refusedFork(world, { at: 3, by: "x".repeat(3_000) })).toMatchObject({ _tag: "NameInvalid" })
      const taken = yield* Effect.flip(world.run(Client.fork("run", { at: 3, id: "run" })))
      expect(taken).toMatchObject({ _tag: "RunExists", by: "id" })
    }))

  const Picky = Workflow.make("picky", {}, () =>
    Effect.gen(function*() {
      const kind = yield* Step.run("kind", Effect.succeed("small"))
      yield* kind === "small" ? Step.run("walk", Effect.void) : Step.run("fly", Effect.void)
      const size = yield* Step.run("size", Effect.succeed(1), { output: Schema.Number })
      return `${kind} ${size}`
    }))

  it.scoped("is refused when the commands that were taken over do not fit another value", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Picky] })
      expect(yield* world.execute(Picky, undefined, { id: "run" })).toBe("small 1")
      const history = yield* world.history("run")
      const kind = seqOf(history, "StepCompleted")
      const error = yield* refusedFork(world, { at: 6, replace: [{ seq: kind, value: "large" }] })
      expect(error).toMatchObject({ _tag: "ForkInvalid", fault: { _tag: "Divergence", expected: expect.stringContaining("walk") } })
      expect(String(error)).toContain("Fork.test.ts")
      // At the event itself, what follows is asked anew.
      expect(yield* forked(world, { at: kind, replace: [{ seq: kind, value: "large" }] })).toBe("large 1")
      const size = seqOf(history, "StepCompleted", 2)
      expect(yield* refusedFork(world, { at: size, replace: [{ seq: size, value: "huge" }] }))
        .toMatchObject({ _tag: "PayloadInvalid", what: expect.stringContaining("size") })
    }))

  const flaky = (version: string, mended: boolean) =>
    Workflow.make("flaky", { version }, () =>
      Effect.gen(function*() {
        yield* Step.run("before", Effect.void)
        const told = yield* Step.run("risky", mended ? Effect.succeed("fine") : Effect.die("broken"))
        if (told === "by hand" && !mended) return yield* Effect.die(new Error("the code is broken, too"))
        return told
      }))

  it.scoped("turns a failure into a completion, on this version or another, unless it would be blocked at once", () =>
    Effect.gen(function*() {
      const Broken = flaky("1", false)
      const Mended = flaky("2", true)
      const world = yield* World.make({ workflows: [Broken, Mended] })
      const run = yield* world.run(Client.startByName("flaky", undefined, { id: "mended" }))
      expect(yield* world.runToEnd(run)).toBe("fine")
      expect(Exit.isFailure(yield* Effect.exit(world.execute(Broken, undefined, { id: "run" })))).toBe(true)
      const failed = seqOf(yield* world.history("run"), "StepAttemptFailed")
      expect(yield* forked(world, { at: failed, replace: [{ seq: failed, value: "well" }] })).toBe("well")
      expect(yield* refusedFork(world, { at: failed, replace: [{ seq: failed, value: "by hand" }] }))
        .toMatchObject({ _tag: "ForkInvalid", fault: { _tag: "ProgramDefect" } })
      const replace = [{ seq: failed, value: "by hand" }]
      expect(yield* forked(world, { at: failed, version: "2", id: "v2", replace })).toBe("by hand")
      expect((yield* world.history("v2"))[0]).toMatchObject({ version: "2" })
      expect((yield* world.run(Client.describe("v2"))).version).toBe("2")
      // The step that failed is open at the end of the activation that asked for it: it runs again.
      expect(yield* forked(world, { at: failed - 1, version: "2" })).toBe("fine")
      expect(yield* refusedFork(world, { at: failed + 1, replace })).toMatchObject({ _tag: "ForkInvalid", before: failed })
    }))

  it.scoped("runs the version that its source had come to, or the one that is chosen, which must know its history", () =>
    Effect.gen(function*() {
      const of = (version: string) =>
        Workflow.make("w", { version }, () =>
          Effect.gen(function*() {
            yield* Workflow.patched("new").pipe(Effect.when(() => version !== "1"))
            yield* Word.receive
            yield* Step.run("step", Effect.void)
            yield* Word.receive
            return version
          }))
      const [One, Two] = [of("1"), of("2")]
      const world = yield* World.make({ workflows: [One] })
      const run = yield* world.start(One, undefined, { id: "run" })
      yield* world.restart([Two])
      yield* world.run(Client.signal("run", Word, ""))
      yield* world.run(Client.signal("run", Word, ""))
      expect(yield* world.runToEnd(run)).toBe("2")
      yield* world.restart([One, Two])
      const history = yield* world.history("run")
      const changed = seqOf(history, "RunVersionChanged")
      const step = seqOf(history, "StepCompleted")
      const versionOf = (options: Client.ForkOptions) =>
        Effect.gen(function*() {
          const fork = yield* world.run(Client.fork("run", options))
          for (const _ of [1, 2]) yield* Effect.ignore(world.run(Client.signal(fork.runId, Word, "")))
          const end = yield* world.runToEnd(fork)
          return [end, tags(yield* world.history(fork.runId)).includes("RunVersionChanged")]
        })
      expect(yield* versionOf({ at: step })).toEqual(["2", true])
      expect(yield* versionOf({ at: step, version: "1" })).toEqual(["1", false])
      expect(yield* versionOf({ at: changed - 1 })).toEqual(["1", false])
      expect(yield* versionOf({ at: changed - 1, version: "2" })).toEqual(["2", false])
      expect(yield* versionOf({ at: 1, version: "2" })).toEqual(["2", false])
    }))

  it.scoped("frees a run that is blocked, and one that is paused", () =>
    Effect.gen(function*() {
      const Old = Workflow.make("w", {}, () => Effect.zipRight(Step.run("a", Effect.void), Effect.as(Word.receive, "old")))
      const New = Workflow.make("w", {}, () => Effect.zipRight(Step.run("b", Effect.void), Effect.as(Word.receive, "new")))
      const world = yield* World.make({ workflows: [Old] })
      yield* world.start(Old, undefined, { id: "run" })
      yield* world.restart([New])
      yield* world.run(Client.signal("run", Word, ""))
      yield* world.idle
      expect((yield* world.run(Client.describe("run"))).blocked).toBeDefined()
      expect(yield* refusedFork(world, { at: 2 })).toMatchObject({ _tag: "ForkInvalid", fault: { _tag: "Divergence" } })
      const fork = yield* world.run(Client.fork("run", { at: 1, id: "fork" }))
      yield* world.run(Client.signal("fork", Word, ""))
      expect(yield* world.runToEnd(fork)).toBe("new")
      yield* world.start(New, undefined, { id: "paused" })
      yield* world.run(Client.pause("paused"))
      yield* world.idle
      const history = yield* world.history("paused")
      expect(tags(history).at(-1)).toBe("RunPaused")
      const free = yield* world.run(Client.fork("paused", { at: history.length, id: "free" }))
      yield* world.run(Client.signal("free", Word, ""))
      expect(yield* world.runToEnd(free)).toBe("new")
      expect((yield* world.run(Client.describe("paused"))).paused).toBe(true)
    }))
})

describe("what is open at the fork point", () => {
  const Waits = Workflow.make("waits", {}, () =>
    Effect.gen(function*() {
      const begun = yield* Clock.currentTimeMillis
      const done = yield* Step.run("slow", Effect.as(Effect.sleep("1 hour"), "done")).pipe(Effect.timeoutOption("2 hours"))
      return [Option.getOrElse(done, () => "late"), (yield* Clock.currentTimeMillis) - begun].join(" ")
    }))

  it.scoped("is as far away as it was: a step runs again, and the time for it begins where it was", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Waits] })
      const run = yield* world.start(Waits, undefined, { id: "run", timeout: "3 hours" })
      expect(yield* world.runToEnd(run)).toBe("done 3600000")
      yield* world.advance("30 days")
      const history = yield* world.history("run")
      const fork = yield* world.run(Client.fork("run", { at: seqOf(history, "TimerStarted"), id: "fork" }))
      const now = yield* world.now
      expect((yield* world.run(Client.describe("fork"))).wakeAt).toBe(now + 2 * 3_600_000)
      expect(String(yield* world.runToEnd(fork))).toMatch(/^done /)
      expect((yield* world.history("fork")).at(-1)?.at).toBe(now + 3_600_000)
      expect((yield* world.calls).map(({ runId, step }) => `${runId} ${step}`)).toEqual(["run slow", "fork slow"])
    }))

  it.scoped("is as far away in a fork of a fork", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Waits] })
      yield* world.start(Waits, undefined, { id: "run" })
      yield* world.advance("30 minutes")
      const at = seqOf(yield* world.history("run"), "TimerStarted")
      yield* world.run(Client.fork("run", { at, id: "fork" }))
      yield* world.advance("10 hours")
      const history = yield* world.history("fork")
      expect(tags(history).at(-1)).toBe("RunCompleted")
      const again = yield* world.run(Client.fork("fork", { at: seqOf(history, "RunForked"), id: "again" }))
      const early = yield* world.run(Client.fork("fork", { at, id: "early" }))
      yield* world.idle
      const due = (yield* world.now) + 2 * 3_600_000
      for (const run of [again, early]) expect((yield* world.run(Client.describe(run.runId))).wakeAt).toBe(due)
      for (const run of [again, early]) expect(String(yield* world.runToEnd(run))).toMatch(/^done /)
      expect((yield* world.history("again")).filter(({ _tag }) => _tag === "RunForked")).toHaveLength(2)
      expect((yield* world.run(Client.describe("again"))).forkedFrom?.runId).toBe("fork")
    }))

  it.scoped("does not ask what became of an attempt of its source, but of one of its own", () =>
    Effect.gen(function*() {
      const Pays = Workflow.make("pays", {}, () =>
        Step.run("pay", Effect.as(Effect.sleep("1 hour"), "paid"), { onUnknown: "fail" }))
      const world = yield* World.make({ workflows: [Pays] })
      yield* world.start(Pays, undefined, { id: "run" })
      const fork = yield* world.run(Client.fork("run", { at: 2, id: "fork" }))
      expect(yield* world.runToEnd(fork)).toBe("paid")
      const again = yield* world.run(Client.fork("run", { at: 3, id: "again" }))
      yield* world.advance("30 minutes")
      expect(tags(yield* world.history("again")).slice(-2)).toEqual(["RunForked", "StepAttemptStarted"])
      yield* world.crash
      expect(failureOf(yield* Effect.exit(world.runToEnd(again)))).toMatchObject({ _tag: "StepOutcomeUnknown" })
    }))

  const Signs = Workflow.make("signs", {}, () =>
    Effect.gen(function*() {
      const signature = yield* Awakeable.make("signature", { value: Schema.String })
      const other = yield* Awakeable.make("other", { value: Schema.String })
      yield* Step.run("mail", Effect.void)
      return `${yield* signature.await} ${yield* other.await}`
    }))

  const tokens = (events: ReadonlyArray<Event.Event>) =>
    events.flatMap((event) => (event._tag === "AwakeableCreated" ? [event.token] : []))

  it.scoped("has tokens of its own", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Signs] })
      const run = yield* world.start(Signs, undefined, { id: "run" })
      const [first, second] = tokens(yield* world.history("run"))
      yield* world.run(Client.resolveAwakeable(first!, "Ada"))
      yield* world.idle
      const at = seqOf(yield* world.history("run"), "AwakeableSettled")
      const fork = yield* world.run(Client.fork("run", { at, id: "fork", replace: [{ seq: at, value: "Eve" }] }))
      yield* world.idle
      const refused = yield* Effect.flip(world.run(Client.fork("run", { at, replace: [{ seq: at, value: 7 }] })))
      expect(refused).toMatchObject({ _tag: "PayloadInvalid", what: "value of awakeable \"signature\"" })
      const [own, ownSecond] = tokens(yield* world.history("fork"))
      expect([own, ownSecond]).not.toEqual([first, second])
      expect(failureOf(yield* Effect.exit(world.run(Client.resolveAwakeable(own!, "Bob")))))
        .toMatchObject({ _tag: "AwakeableAlreadySettled" })
      yield* world.run(Client.resolveAwakeable(ownSecond!, "Lovelace"))
      expect(yield* world.runToEnd(fork)).toBe("Eve Lovelace")
      const kept = yield* world.run(Client.fork("run", { at, id: "kept" }))
      expect(failureOf(yield* Effect.exit(world.run(Client.resolveAwakeable(tokens(yield* world.history("kept"))[0]!, "Bob")))))
        .toMatchObject({ _tag: "AwakeableAlreadySettled" })
      yield* world.run(Client.resolveAwakeable(tokens(yield* world.history("kept"))[1]!, "L"))
      expect(yield* world.runToEnd(kept)).toBe("Ada L")
      yield* world.run(Client.resolveAwakeable(second!, "Byron"))
      expect(yield* world.runToEnd(run)).toBe("Ada Byron")
    }))

  const Add = Update.make("add", { input: Schema.Number, output: Schema.Number })
  const Sums = Workflow.make("sums", {}, () =>
    Effect.gen(function*() {
      let sum = 0
      yield* Update.handle(Add, {
        validate: (n) => (n < 0 ? Effect.fail("too few") : Effect.void),
        run: (n) => Effect.as(Step.run("add", Effect.void), sum += n)
      })
      yield* Workflow.condition(() => sum > 2)
      yield* Effect.sleep("1 second")
      return sum
    }))

  it.scoped("tells an update, a cancel and an operator's answer anew", () =>
    Effect.gen(function*() {
      const Asks = Workflow.make("asks", {}, () =>
        Step.run("pay", Effect.as(Effect.sleep("1 hour"), "paid"), { onUnknown: "ask" }).pipe(
          Effect.onInterrupt(() => Step.run("undo", Effect.void))
        ))
      const world = yield* World.make({ workflows: [Sums, Asks] })
      const sums = yield* world.start(Sums, undefined, { id: "sums" })
      for (const n of [1, 2]) yield* world.run(Client.update("sums", Add, n))
      expect(yield* world.runToEnd(sums)).toBe(3)
      const at = seqOf(yield* world.history("sums"), "UpdateAccepted", 1)
      expect(yield* forked(world, { at, replace: [{ seq: at, value: 10 }] }, "sums")).toBe(11)
      const refused = yield* Effect.flip(world.run(Client.fork("sums", { at, replace: [{ seq: at, value: -1 }] })))
      expect(refused).toMatchObject({ _tag: "PayloadInvalid", what: "input of update \"add\"", detail: "too few" })
      yield* world.start(Asks, undefined, { id: "asks" })
      yield* world.crash
      yield* world.run(Client.resolveStep("asks", "0#0", { _tag: "Complete", output: "by hand" }))
      yield* world.idle
      const history = yield* world.history("asks")
      expect(tags(history).at(-1)).toBe("RunCompleted")
      expect(yield* forked(world, { at: seqOf(history, "StepResolved") }, "asks")).toBe("by hand")
      yield* world.start(Asks, undefined, { id: "cancelled" })
      yield* world.run(Client.cancel("cancelled", { reason: "enough" }))
      yield* world.idle
      const cancelled = yield* world.history("cancelled")
      for (const tag of ["RunCancelRequested", "StepCancelled", "StepCompleted"] as const) {
        const exit = yield* Effect.exit(forked(world, { at: seqOf(cancelled, tag), id: tag }, "cancelled"))
        expect(failureOf(exit), tag).toMatchObject({ _tag: "RunCancelled", reason: "enough" })
        expect(tags(yield* world.history(tag)).filter((each) => each !== "RunForked")).toEqual(tags(cancelled))
      }
    }))

  const Loops = Workflow.make("loops", { input: Schema.Number }, (count) =>
    Effect.gen(function*() {
      const word = yield* Word.poll
      if (count >= 2) return `${count} ${Option.getOrElse(word, () => "nothing")} ${(yield* Workflow.info).generation}`
      yield* Step.run("count", Effect.void)
      return yield* Workflow.continueAsNew(count + 1)
    }))

  it.scoped("stands in one generation, and begins one with what it began with", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Loops] })
      const run = yield* world.start(Loops, 0, { id: "run" })
      expect(yield* world.runToEnd(run)).toBe("2 nothing 2")
      const history = yield* world.history("run")
      const second = seqOf(history, "RunStarted", 1)
      expect(yield* forked(world, { at: second })).toBe("2 nothing 1")
      expect(yield* forked(world, { at: second + 1, id: "fork" })).toBe("2 nothing 2")
      expect((yield* world.history("fork")).slice(0, 3).map(({ _tag }) => _tag)).toEqual(["RunStarted", "StepScheduled", "RunForked"])
      expect(yield* forked(world, { at: second, replace: [{ seq: second, value: 7 }] })).toBe("7 nothing 0")
      const end = seqOf(history, "RunContinuedAsNew")
      expect(yield* Effect.flip(world.run(Client.fork("run", { at: end })))).toMatchObject({ before: end - 1, after: end + 1 })
    }))

  it.scoped("times out as late as its source would have", () =>
    Effect.gen(function*() {
      const Sleeps = Workflow.make("sleeps", {}, () => Effect.sleep("2 days"))
      const world = yield* World.make({ workflows: [Sleeps] })
      const run = yield* world.start(Sleeps, undefined, { id: "run", timeout: "1 day" })
      expect(failureOf(yield* Effect.exit(world.runToEnd(run)))).toMatchObject({ _tag: "RunTimedOut" })
      yield* world.advance("30 days")
      const now = yield* world.now
      for (const at of [1, 2]) {
        const fork = yield* world.run(Client.fork("run", { at, id: `fork-${at}` }))
        yield* world.idle
        expect((yield* world.run(Client.describe(fork.runId))).wakeAt).toBe(now + 86_400_000)
      }
      const at = seqOf(yield* world.history("run"), "RunCancelRequested")
      const again = yield* Effect.exit(forked(world, { at, id: "again" }))
      expect(failureOf(again)).toMatchObject({ _tag: "RunTimedOut", millis: 86_400_000 })
      expect(yield* world.now).toBe(now)
    }))
})

describe("children of a fork", () => {
  const Waits = Workflow.make("child", { input: Schema.String, messages: [Word] }, (name) =>
    Effect.map(Word.receive, (word) => `${name} ${word}`))

  const Parent = Workflow.make("parent", {}, () =>
    Effect.gen(function*() {
      const child = yield* Child.start(Waits, "one", { id: "c", key: "k" })
      yield* child.signal(Word, "hears")
      const first = yield* child.result
      const second = yield* Child.start(Waits, "two")
      yield* Effect.sleep("1 hour")
      return `${first}, ${yield* second.result}`
    }))

  const family = Effect.gen(function*() {
    const world = yield* World.make({ workflows: [Parent, Waits] })
    const run = yield* world.start(Parent, undefined, { id: "run" })
    yield* world.run(Client.signal("run/0:2", Word, "waits"))
    yield* world.runToEnd(run)
    return { world, history: yield* world.history("run") }
  })

  const childrenOf = (world: World.World, parent: string) =>
    Effect.map(Effect.orDie(world.run(Client.list({ parent, limit: 10 }))), (runs) => runs.map(({ key, runId }) => ({ key, runId })))

  it.scoped("that are open are started anew, and told what they were told; those that had ended keep their ends", () =>
    Effect.gen(function*() {
      const { history, world } = yield* family
      const made: Array<string> = []
      for (let at = 2; at < history.length; at++) {
        const exit = yield* Effect.exit(world.run(Client.fork("run", { at, id: `fork-${at}` })))
        if (Exit.isFailure(exit)) continue
        yield* world.idle
        const children = yield* childrenOf(world, `fork-${at}`)
        for (const { runId } of children) {
          expect(history.some((event) => "runId" in event && event.runId === runId)).toBe(false)
          const { status } = yield* world.run(Client.describe(runId))
          const input = (yield* world.history(runId))[0]
          if (status === "running" && input?._tag === "RunStarted" && input.input === "two") {
            yield* world.run(Client.signal(runId, Word, "waits"))
          }
        }
        expect(yield* world.runToEnd(exit.value), `at ${at}`).toBe("one hears, two waits")
        made.push(`${history[at - 1]!._tag} ${children.length} ${children.filter(({ key }) => key !== undefined).length}`)
      }
      expect(made).toMatchInlineSnapshot(`
        [
          "ChildScheduled 2 0",
          "ChildStarted 2 0",
          "SignalSent 2 0",
          "SignalDelivered 2 0",
          "ChildCompleted 1 0",
          "ChildScheduled 1 0",
          "ChildStarted 1 0",
          "TimerStarted 1 0",
          "ChildCompleted 0 0",
          "TimerFired 0 0",
        ]
      `)
    }))

  it.scoped("see another end, if it is given, or the end that was there", () =>
    Effect.gen(function*() {
      const { history, world } = yield* family
      const at = seqOf(history, "ChildCompleted")
      const fork = yield* world.run(Client.fork("run", { at, id: "fork", replace: [{ seq: at, value: "given" }] }))
      yield* world.idle
      yield* world.run(Client.signal("fork/0:2", Word, "too"))
      expect(yield* world.runToEnd(fork)).toBe("given, two too")
      yield* world.start(Parent, undefined, { id: "again" })
      const refused = yield* world.history("again")
      expect(tags(refused).slice(-2)).toEqual(["ChildRefused", "RunFailed"])
      const exit = yield* Effect.exit(forked(world, { at: seqOf(refused, "ChildRefused") }, "again"))
      expect(failureOf(exit)).toMatchObject({ _tag: "RunExists", by: "id", runId: "c" })
    }))

  const Shares = Workflow.make("shares", {}, () => Child.run(Waits, "shared", { key: "shared", onConflict: "use_existing" }))
  const Stops = Workflow.make("stops", {}, () =>
    Child.run(Waits, "late").pipe(Effect.timeoutOption("1 hour"), Effect.map(Option.isNone)))

  it.scoped("are awaited where they were there before, and end where they were to end", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [Shares, Stops, Waits] })
      yield* world.start(Waits, "shared", { id: "there", key: "shared" })
      const shares = yield* world.start(Shares, undefined, { id: "shares" })
      const history = yield* world.history("shares")
      const before = yield* world.run(Client.fork("shares", { at: 2, id: "before" }))
      const started = yield* world.run(Client.fork("shares", { at: seqOf(history, "ChildStarted"), id: "started" }))
      yield* world.run(Client.signal("there", Word, "run"))
      const ended = yield* world.run(Client.fork("shares", { at: 3, id: "after" }))
      for (const run of [shares, before, started, ended]) expect(yield* world.runToEnd(run)).toBe("shared run")
      const stops = yield* world.start(Stops, undefined, { id: "stops" })
      expect(yield* world.runToEnd(stops)).toBe(true)
      const stopped = yield* world.history("stops")
      const fork = yield* world.run(Client.fork("stops", { at: seqOf(stopped, "ChildCancelRequested"), id: "fork" }))
      expect(yield* world.runToEnd(fork)).toBe(true)
      const [child] = yield* childrenOf(world, "fork")
      expect((yield* world.run(Client.describe(child!.runId))).status).toBe("cancelled")
    }))

  it.effect("survive crashes", () =>
    Effect.gen(function*() {
      const { exit } = yield* Crashes.everywhere(() => ({ workflows: [Parent, Waits] }), (world) =>
        Effect.gen(function*() {
          yield* world.start(Parent, undefined, { id: "run" })
          const history = yield* world.history("run")
          const fork = yield* world.run(Client.fork("run", { at: seqOf(history, "SignalDelivered"), id: "fork" }))
          yield* world.idle
          yield* world.run(Client.signal("fork/0:2", Word, "waits", { messageId: "1" }))
          return yield* world.runToEnd(fork)
        }))
      expect(exit).toEqual(Exit.succeed("one hears, two waits"))
    }), 60_000)
})

describe("crashes", () => {
  it.effect("do not show, wherever they strike the source and the fork", () =>
    Effect.gen(function*() {
      const { exit, histories } = yield* Crashes.everywhere(() => ({ workflows: [Order] }), (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(Order, 21, { id: "run" })
          yield* world.run(Client.signal("run", Word, "paid", { messageId: "1" }))
          yield* world.runToEnd(run)
          const ends: Array<unknown> = []
          for (const at of [1, 3, 4, 5, 6, 7, 8]) {
            const fork = yield* world.run(Client.fork("run", { at, id: `fork-${at}` }))
            if (at < 4) yield* world.run(Client.signal(fork.runId, Word, "paid", { messageId: "1" }))
            ends.push(yield* world.runToEnd(fork))
          }
          return ends
        }))
      expect(exit).toEqual(Exit.succeed(Array.from({ length: 7 }, () => "paid 42!")))
      expect(Object.keys(histories)).toHaveLength(8)
    }), 60_000)
})
