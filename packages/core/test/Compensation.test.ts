/** What a run has done is undone when it does not complete: last first, each once, through any crash. */
import { it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option, Schedule, Schema } from "effect"
import { describe, expect } from "vitest"
import { Child, Client, Compensation, Signal, Step, Update, Workflow } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import { Crashes, World } from "@reprise/testing"

const failureOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)
const scheduled = (events: ReadonlyArray<Event.Event> | undefined) =>
  (events ?? []).flatMap((event) => (event._tag === "StepScheduled" ? [event.name] : []))
const Go = Signal.make("go")

/** Does something, and undoes it; both take an hour, so that there is time for something to happen meanwhile. */
const done = (name: string) =>
  Step.run(name, Effect.as(Effect.sleep("1 hour"), name), { compensate: () => Effect.sleep("1 hour") })
const quick = (name: string) => Step.run(name, Effect.void, { compensate: () => Effect.sleep("1 hour") })
const refused = Step.run("refused", Effect.fail("no"))

const flow = <A, E>(body: Effect.Effect<A, E, any>) =>
  Workflow.make("flow", { error: Schema.String, output: Schema.Unknown }, () => body as unknown as Effect.Effect<A, string, never>)

type Flow = ReturnType<typeof flow>

/** Runs the script with a crash at every append, and answers what it saw and the history. */
const everywhere = (workflow: Flow, script: (world: World.World) => Effect.Effect<unknown, unknown> = toEnd(workflow)) =>
  Effect.map(Crashes.everywhere(() => ({ workflows: [workflow] }), script), (seen) => {
    const history = seen.histories["run"] ?? []
    return { exit: seen.exit, failure: failureOf(seen.exit), history, steps: scheduled(history), last: history.at(-1) }
  })

const toEnd = (workflow: Flow) => (world: World.World) => world.execute(workflow, undefined, { id: "run" })

/** Lets time pass until the history holds a step of this name, or a sleep: a crash makes steps take longer. */
const until = (world: World.World, what: string): Effect.Effect<void> =>
  Effect.gen(function*() {
    const isThere = (event: Event.Event) => event._tag === what || (event._tag === "StepScheduled" && event.name === what)
    while (!(yield* world.history("run")).some(isThere)) yield* world.skip
  })

const cancelledAt = (workflow: Flow, ...whats: ReadonlyArray<string>) => (world: World.World) =>
  Effect.gen(function*() {
    const run = yield* world.start(workflow, undefined, { id: "run" })
    for (const what of whats) {
      yield* until(world, what)
      yield* world.run(Client.cancel("run", { messageId: `cancel-${what}`, reason: `at ${what}`, by: "anna" }))
    }
    return yield* world.runToEnd(run)
  })

describe("what was done is undone, last first", () => {
  it.effect("when the body fails with a typed error", () =>
    Effect.gen(function*() {
      const { failure, last, steps } = yield* everywhere(flow(done("a").pipe(Effect.zipRight(done("b")), Effect.zipRight(refused))))
      expect(steps).toEqual(["a", "b", "refused", "undo b", "undo a"])
      expect(failure).toBe("no")
      expect(last).toEqual({ _tag: "RunFailed", at: expect.any(Number), failure: { _tag: "Error", error: "no" } })
    }))

  it.effect("when a step dies", () =>
    Effect.gen(function*() {
      const dies = Step.run("dies", Effect.die(new TypeError("oops")))
      const { failure, steps } = yield* everywhere(flow(Effect.zipRight(done("a"), dies)))
      expect(steps).toEqual(["a", "dies", "undo a"])
      expect(failure).toMatchObject({ _tag: "RunFailed", name: "TypeError" })
    }))

  it.effect("when the run is cancelled", () =>
    Effect.gen(function*() {
      const workflow = flow(done("a").pipe(Effect.zipRight(done("b")), Effect.zipRight(Effect.sleep("1 day"))))
      const { failure, steps } = yield* everywhere(workflow, cancelledAt(workflow, "TimerStarted"))
      expect(steps).toEqual(["a", "b", "undo b", "undo a"])
      expect(failure).toMatchObject({ _tag: "RunCancelled", by: "anna" })
    }))

  it.effect("when its time is up", () =>
    Effect.gen(function*() {
      const workflow = flow(Effect.zipRight(done("a"), Effect.sleep("1 day")))
      const { failure, steps } = yield* everywhere(workflow, (world) =>
        world.execute(workflow, undefined, { id: "run", timeout: "5 hours" }))
      expect(steps).toEqual(["a", "undo a"])
      expect(failure).toMatchObject({ _tag: "RunTimedOut" })
    }))

  it.effect("when it interrupts itself", () =>
    Effect.gen(function*() {
      const { failure, steps } = yield* everywhere(flow(Effect.zipRight(done("a"), Effect.interrupt)))
      expect(steps).toEqual(["a", "undo a"])
      expect(failure).toMatchObject({ _tag: "RunFailed", name: "Interrupted" })
    }))

  it.effect("of steps at the same time in the order of their completion", () =>
    Effect.gen(function*() {
      const after = (hours: number, step: Effect.Effect<unknown, string, any>) => Effect.zipRight(Effect.sleep(`${hours} hours`), step)
      const all = [after(3, quick("3")), after(1, quick("1")), after(2, quick("2")), after(4, refused)]
      const { history, steps } = yield* everywhere(flow(Effect.all([...all, Step.run("longer", Effect.sleep("9 days"))], {
        concurrency: "unbounded"
      })))
      // What was interrupted has not completed.
      expect(steps).toEqual(["longer", "1", "2", "3", "refused", "undo 3", "undo 2", "undo 1"])
      expect(history.filter((event) => event._tag === "StepCancelled")).toHaveLength(1)
    }))

  it.effect("not when it completes, nor when it is terminated", () =>
    Effect.gen(function*() {
      const completes = yield* everywhere(flow(done("a")))
      expect(completes).toMatchObject({ exit: Exit.succeed("a"), steps: ["a"] })
      const workflow = flow(Effect.zipRight(done("a"), Go.receive))
      const terminated = yield* everywhere(workflow, (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(workflow, undefined, { id: "run" })
          yield* until(world, "StepCompleted")
          yield* world.run(Client.terminate("run", { messageId: "terminate" }))
          return yield* world.runToEnd(run)
        }))
      expect(terminated).toMatchObject({ failure: { _tag: "RunTerminated" }, steps: ["a"] })
    }))

  it.scoped("not when its program is at fault: the mended code goes on", () =>
    Effect.gen(function*() {
      const coded = (rest: Effect.Effect<unknown, string, any>) => flow(Effect.zipRight(done("a"), rest))
      const broken = coded(Effect.die(new TypeError("oops")))
      const world = yield* World.make({ workflows: [broken] })
      const run = yield* world.start(broken, undefined, { id: "run" })
      yield* world.advance("1 day")
      expect((yield* world.run(Client.describe("run"))).blocked).toMatchObject({ _tag: "ProgramDefect" })
      yield* world.restart([coded(Effect.succeed("mended"))])
      expect(yield* world.runToEnd(run)).toBe("mended")
      expect((yield* world.calls).map((call) => call.step)).toEqual(["a"])
    }))
})

describe("an undo", () => {
  it.effect("knows the value and the cause, the same on every replay", () =>
    Effect.gen(function*() {
      class Declined extends Schema.TaggedError<Declined>()("Declined", { by: Schema.String }) {}
      const seats = { output: Schema.Array(Schema.DateFromString) }
      const told = (dates: ReadonlyArray<Date>, cause: Cause.Cause<unknown>) => {
        const failure = Option.getOrUndefined(Cause.failureOption(cause))
        return Effect.fail({ year: dates[0]?.getUTCFullYear(), declined: failure instanceof Declined && failure.by })
      }
      const Told = Workflow.make("told", { error: Declined }, () =>
        Effect.gen(function*() {
          yield* Step.run("seats", Effect.succeed([new Date(0)]), { ...seats, compensate: told })
          yield* Compensation.add("tell", (cause) => Step.run("tell", Effect.succeed(Cause.pretty(cause)).pipe(Effect.asVoid)))
          yield* Step.run("pay", Effect.fail(new Declined({ by: "the bank" })), { error: Declined })
        }))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Told] }), (world) => world.execute(Told, undefined, { id: "run" }))
      expect(failureOf(seen.exit)).toMatchObject({
        _tag: "CompensationFailed",
        error: new Declined({ by: "the bank" }),
        failure: { _tag: "Error", error: { _tag: "Declined", by: "the bank" } },
        uncompensated: [{ name: "seats", failure: { _tag: "Error", error: { year: 1970, declined: "the bank" } } }]
      })
    }))

  it.effect("is told of a cancel as an interruption", () =>
    Effect.gen(function*() {
      const causes: Array<string> = []
      const tell = Compensation.add("tell", (cause) => Effect.sync(() => causes.push(cause.toString())))
      const workflow = flow(Effect.zipRight(tell, Effect.sleep("1 day")))
      yield* everywhere(workflow, cancelledAt(workflow, "TimerStarted"))
      expect(new Set(causes).size).toBe(1)
      expect(causes[0]).toContain("interrupted")
    }))

  it.effect("is tried as often as it says, through any crash", () =>
    Effect.gen(function*() {
      let tries = 0
      const flaky = Step.run("a", Effect.void, {
        compensate: {
          run: () => Effect.suspend(() => ++tries % 3 === 0 ? Effect.void : Effect.fail(new Error("busy"))),
          retry: Schedule.spaced("1 minute")
        }
      })
      const workflow = flow(Effect.zipRight(flaky, refused))
      const seen = yield* Effect.scoped(Effect.gen(function*() {
        const world = yield* World.make({ workflows: [workflow] })
        const exit = yield* Effect.exit(world.execute(workflow, undefined, { id: "run" }))
        return { exit, history: yield* world.history("run") }
      }))
      expect(failureOf(seen.exit)).toBe("no")
      expect(seen.history.filter(({ _tag }) => _tag === "StepAttemptFailed")).toHaveLength(3)
    }))

  it.effect("is not retried after an error that says so, and passes its deadline", () =>
    Effect.gen(function*() {
      class Gone extends Schema.TaggedError<Gone>()("Gone", {}) {}
      const gone = Step.run("a", Effect.void, {
        compensate: { run: () => Effect.fail(new Gone()), retry: Schedule.spaced("1 minute"), nonRetryable: ["Gone"] }
      })
      const slow = Step.run("b", Effect.void, { compensate: { run: () => Effect.sleep("1 day"), deadline: "1 hour" } })
      const { history, last } = yield* everywhere(flow(gone.pipe(Effect.zipRight(slow), Effect.zipRight(refused))))
      expect(last).toMatchObject({
        uncompensated: [
          { name: "b", failure: { _tag: "TimedOut", scope: "deadline", millis: 3_600_000 } },
          { name: "a", failure: { _tag: "Error", error: { _tag: "Gone" } } }
        ]
      })
      expect(history.filter(({ _tag }) => _tag === "StepRetryScheduled")).toEqual([])
    }))

  it.effect("that fails for good leaves the run failed with both, and stops no other", () =>
    Effect.gen(function*() {
      const broken = (name: string) => Step.run(name, Effect.void, { compensate: () => Effect.fail(`${name} stays`) })
      const body = broken("a").pipe(Effect.zipRight(done("b")), Effect.zipRight(broken("c")), Effect.zipRight(refused))
      const { failure, last, steps } = yield* everywhere(flow(body))
      expect(steps).toEqual(["a", "b", "c", "refused", "undo c", "undo b", "undo a"])
      const uncompensated = ["c", "a"].map((name) => ({ name, failure: { _tag: "Error", error: `${name} stays` } }))
      expect(last).toMatchObject({ _tag: "RunFailed", failure: { _tag: "Error", error: "no" }, uncompensated })
      expect(failure).toMatchObject({ _tag: "CompensationFailed", runId: "run", error: "no", uncompensated })
      expect(String((failure as Error).message)).toContain("not undone: \"c\": \"c stays\"")
    }))

  it.effect("that fails for good after a cancel keeps who cancelled, and why", () =>
    Effect.gen(function*() {
      const broken = Step.run("a", Effect.void, { compensate: () => Effect.die(new TypeError("oops")) })
      const workflow = flow(Effect.zipRight(broken, Effect.sleep("1 day")))
      const { failure, last } = yield* everywhere(workflow, cancelledAt(workflow, "TimerStarted"))
      expect(last).toMatchObject({
        _tag: "RunFailed",
        failure: { _tag: "Interrupted", cancelled: { reason: "at TimerStarted", by: "anna" } },
        uncompensated: [{ name: "a", failure: { _tag: "Defect", name: "TypeError", message: "oops" } }]
      })
      expect(failure).toMatchObject({ _tag: "CompensationFailed", error: { _tag: "RunCancelled", by: "anna" } })
    }))

  it.effect("is not interrupted by a cancel, and the run ends as it was going to", () =>
    Effect.gen(function*() {
      const failing = flow(done("a").pipe(Effect.zipRight(done("b")), Effect.zipRight(refused)))
      const late = yield* everywhere(failing, cancelledAt(failing, "undo b", "undo a"))
      expect(late).toMatchObject({ failure: "no", steps: ["a", "b", "refused", "undo b", "undo a"] })
      const sleeping = flow(Effect.zipRight(done("a"), Effect.sleep("1 day")))
      const twice = yield* everywhere(sleeping, cancelledAt(sleeping, "TimerStarted", "undo a"))
      expect(twice).toMatchObject({ failure: { _tag: "RunCancelled", reason: "at TimerStarted" }, steps: ["a", "undo a"] })
    }))

  it.effect("is for a cancel that came before the body failed, though the error came after it", () =>
    Effect.gen(function*() {
      const careful = Effect.uninterruptible(Effect.zipRight(Step.run("careful", Effect.sleep("1 hour")), refused))
      const workflow = flow(Effect.zipRight(quick("a"), careful))
      const { failure, steps } = yield* everywhere(workflow, cancelledAt(workflow, "careful"))
      expect(failure).toMatchObject({ _tag: "RunCancelled", reason: "at careful" })
      expect(steps).toEqual(["a", "careful", "refused", "undo a"])
    }))

  it.effect("outlives the run's timeout", () =>
    Effect.gen(function*() {
      const workflow = flow(Effect.zipRight(quick("a"), refused))
      const { failure, history, steps } = yield* everywhere(workflow, (world) =>
        world.execute(workflow, undefined, { id: "run", timeout: "30 minutes" }))
      expect(history.some(({ _tag }) => _tag === "RunCancelRequested")).toBe(true)
      expect(failure).toBe("no")
      expect(steps).toEqual(["a", "refused", "undo a"])
    }))

  it.scoped("that is at fault blocks the run, and its mended code goes on", () =>
    Effect.gen(function*() {
      const coded = (undo: Effect.Effect<unknown, never, any>) =>
        flow(done("a").pipe(Effect.zipRight(Compensation.add("b", () => undo)), Effect.zipRight(refused)))
      const broken = coded(Effect.die(new TypeError("oops")))
      const world = yield* World.make({ workflows: [broken] })
      const run = yield* world.start(broken, undefined, { id: "run" })
      yield* world.advance("1 day")
      expect((yield* world.run(Client.describe("run"))).blocked).toMatchObject({ _tag: "ProgramDefect" })
      yield* world.restart([coded(Step.run("mended", Effect.void))])
      expect(failureOf(yield* Effect.exit(world.runToEnd(run)))).toBe("no")
      expect((yield* world.calls).map((call) => call.step)).toEqual(["a", "refused", "mended", "undo a"])
    }))
})

describe("a run that is being undone", () => {
  it.effect("can be paused: the undo that runs ends, and the next one waits", () =>
    Effect.gen(function*() {
      const workflow = flow(quick("a").pipe(Effect.zipRight(quick("b")), Effect.zipRight(refused)))
      const { failure, history, steps } = yield* everywhere(workflow, (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(workflow, undefined, { id: "run" })
          yield* until(world, "undo b")
          yield* world.run(Client.pause("run", { messageId: "pause" }))
          yield* world.advance("1 day")
          yield* world.run(Client.resume("run", { messageId: "resume" }))
          return yield* world.runToEnd(run)
        }))
      expect(failure).toBe("no")
      expect(steps).toEqual(["a", "b", "refused", "undo b", "undo a"])
      const paused = history.findIndex(({ _tag }) => _tag === "RunPaused")
      expect(scheduled(history.slice(0, paused)).at(-1)).toBe("undo b")
    }))

  it.effect("can be terminated: the rest stays", () =>
    Effect.gen(function*() {
      const workflow = flow(quick("a").pipe(Effect.zipRight(quick("b")), Effect.zipRight(refused)))
      const { failure, steps } = yield* everywhere(workflow, (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(workflow, undefined, { id: "run" })
          yield* until(world, "undo b")
          yield* world.run(Client.terminate("run", { messageId: "terminate" }))
          return yield* world.runToEnd(run)
        }))
      expect(failure).toMatchObject({ _tag: "RunTerminated" })
      expect(steps).toEqual(["a", "b", "refused", "undo b"])
    }))

  it.effect("tells its parent what is not undone, and its parent's client as well", () =>
    Effect.gen(function*() {
      const child = Workflow.make("child", { error: Schema.String }, () =>
        Effect.zipRight(Step.run("a", Effect.void, { compensate: () => Effect.fail("stays") }), refused))
      const parent = Workflow.make("flow", {}, () => Child.run(child, undefined).pipe(Effect.catchIf(isText, () => Effect.void)))
      const seen = yield* Crashes.everywhere(() => ({ workflows: [child, parent] }), (world) => world.execute(parent, undefined))
      const uncompensated = [{ name: "a", failure: { _tag: "Error", error: "stays" } }]
      const failure = { _tag: "Error", error: "no" }
      expect(failureOf(seen.exit)).toMatchObject({ _tag: "CompensationFailed", failure, uncompensated })
      // A value does not cross the log of the parent.
      expect(failureOf(seen.exit)).not.toHaveProperty("error")

      const knows = Workflow.make("flow", { output: Schema.Unknown }, () =>
        Effect.map(Effect.flip(Child.run(child, undefined)), (error) => typeof error === "object" && "error" in error && error.error))
      const world = yield* World.make({ workflows: [child, knows] })
      expect(yield* world.execute(knows, undefined)).toBe("no")
    }).pipe(Effect.scoped))
})

const isText = (error: unknown): error is string => typeof error === "string"

describe("Compensation.add", () => {
  it.effect("comes before a step whose outcome may stay unknown", () =>
    Effect.gen(function*() {
      const charge = Step.run("charge", Effect.sleep("1 day"), { timeout: "1 minute" })
      const body = Effect.gen(function*() {
        yield* Compensation.add("payment", () =>
          Effect.gen(function*() {
            const payment = yield* Step.run("find payment", Effect.succeed("p-1"))
            yield* Effect.sleep("1 minute")
            yield* Step.run(`refund ${payment}`, Effect.void)
          }))
        yield* charge
      })
      const { failure, steps } = yield* everywhere(flow(body))
      expect(steps).toEqual(["charge", "find payment", "refund p-1"])
      expect(failure).toMatchObject({ _tag: "StepTimedOut" })
    }))

  it.effect("takes workflow code: its own timeouts, races and scopes work, a cancel does not reach it", () =>
    Effect.gen(function*() {
      const body = Effect.gen(function*() {
        yield* Compensation.add("release", () =>
          Effect.gen(function*() {
            yield* Effect.acquireRelease(Step.run("lock", Effect.void), () => Step.run("unlock", Effect.void))
            const slow = Step.run("slow", Effect.sleep("1 day"))
            yield* slow.pipe(Effect.timeoutOption("1 hour"), Effect.zipRight(Step.run("fast", Effect.void)))
          }))
        yield* Effect.sleep("1 day")
      })
      const workflow = flow(body)
      const { failure, steps } = yield* everywhere(workflow, cancelledAt(workflow, "TimerStarted", "slow"))
      expect(steps).toEqual(["lock", "slow", "fast", "unlock"])
      expect(failure).toMatchObject({ _tag: "RunCancelled", reason: "at TimerStarted" })
    }))

  it.effect("does not undo what it does itself, unless that is a saga of its own", () =>
    Effect.gen(function*() {
      const body = Effect.gen(function*() {
        yield* Compensation.add("x", () => Effect.zipRight(done("plain"), refused))
        yield* Compensation.add("y", () => Compensation.within(Effect.zipRight(done("saga"), refused)))
        yield* Effect.fail("no")
      })
      const { last, steps } = yield* everywhere(flow(body))
      expect(steps).toEqual(["saga", "refused", "undo saga", "plain", "refused"])
      expect(last).toMatchObject({ uncompensated: [{ name: "y" }, { name: "x" }] })
    }))
})

describe("Compensation.within", () => {
  it.effect("undoes what was done in it, there and then; the rest stays", () =>
    Effect.gen(function*() {
      const body = Effect.gen(function*() {
        yield* done("outer")
        const failed = yield* Effect.either(Compensation.within(done("a").pipe(Effect.zipRight(done("b")), Effect.zipRight(refused))))
        return [failed._tag, yield* done("after")]
      })
      const { exit, steps } = yield* everywhere(flow(body))
      expect(exit).toEqual(Exit.succeed(["Left", "after"]))
      expect(steps).toEqual(["outer", "a", "b", "refused", "undo b", "undo a", "after"])
    }))

  it.effect("passes on what succeeded, in its place", () =>
    Effect.gen(function*() {
      const body = done("a").pipe(
        Effect.zipRight(Compensation.within(Effect.zipRight(done("b"), Compensation.within(done("c"))))),
        Effect.zipRight(done("d")),
        Effect.zipRight(refused)
      )
      const { steps } = yield* everywhere(flow(body))
      expect(steps).toEqual(["a", "b", "c", "d", "refused", "undo d", "undo c", "undo b", "undo a"])
    }))

  it.effect("undoes the loser of a race", () =>
    Effect.gen(function*() {
      const loser = Compensation.within(Effect.zipRight(done("a"), Effect.sleep("1 day")))
      const { exit, steps } = yield* everywhere(flow(Effect.race(loser, Effect.as(Effect.sleep("2 hours"), "won"))))
      expect(exit).toEqual(Exit.succeed("won"))
      expect(steps).toEqual(["a", "undo a"])
    }))

  it.effect("undoes at a cancel, each fiber its own, and then the run the rest", () =>
    Effect.gen(function*() {
      const saga = (name: string, hours: number) =>
        Compensation.within(Effect.sleep(`${hours} hours`).pipe(Effect.zipRight(quick(name)), Effect.zipRight(Effect.sleep("1 day"))))
      const body = Effect.zipRight(quick("first"), Effect.all([saga("a", 1), saga("b", 2)], { concurrency: "unbounded" }))
      const workflow = flow(body)
      const { steps } = yield* everywhere(workflow, cancelledAt(workflow, "b"))
      expect(steps.slice(0, 3)).toEqual(["first", "a", "b"])
      expect(steps.slice(3, 5).toSorted()).toEqual(["undo a", "undo b"])
      expect(steps.slice(5)).toEqual(["undo first"])
    }))

  it.scoped("leaves no trace of its undos in a body that loops for long", () =>
    Effect.gen(function*() {
      const a = Step.run("a", Effect.void, { compensate: () => Effect.void })
      const turn = Effect.either(Compensation.within(Effect.zipRight(a, refused)))
      const workflow = flow(Effect.zipRight(Effect.repeatN(turn, 50), Go.receive))
      const world = yield* World.make({ workflows: [workflow] })
      yield* world.start(workflow, undefined, { id: "run" })
      yield* world.run(Client.cancel("run"))
      yield* world.idle
      expect((yield* world.calls).filter((call) => call.step === "undo a")).toHaveLength(51)
    }))
})

describe("undos and the rest of a body", () => {
  it.effect("stand in one row with what its scope releases", () =>
    Effect.gen(function*() {
      const body = Effect.gen(function*() {
        yield* done("a")
        yield* Effect.acquireRelease(Step.run("lock", Effect.void), () => Step.run("unlock", Effect.void))
        yield* done("b")
        yield* refused
      })
      const { steps } = yield* everywhere(flow(body))
      expect(steps).toEqual(["a", "lock", "b", "refused", "undo b", "unlock", "undo a"])
    }))

  it.effect("wait until the body's fibers have stopped", () =>
    Effect.gen(function*() {
      const background = Effect.onInterrupt(Go.receive, () => Step.run("stopped", Effect.sleep("1 hour")))
      const { steps } = yield* everywhere(flow(Effect.fork(background).pipe(Effect.zipRight(done("a")), Effect.zipRight(refused))))
      expect(steps.slice(-3)).toEqual(["refused", "stopped", "undo a"])
    }))

  it.effect("include what an update's handler has done", () =>
    Effect.gen(function*() {
      const Add = Update.make("add", { input: Schema.String })
      const workflow = flow(Effect.gen(function*() {
        yield* Compensation.within(Update.handle(Add, { run: (name) => Effect.asVoid(done(name)) }))
        yield* done("a")
        yield* Go.receive
        yield* refused
      }))
      const { failure, steps } = yield* everywhere(workflow, (world) =>
        Effect.gen(function*() {
          const run = yield* world.start(workflow, undefined, { id: "run" })
          const added = yield* Effect.fork(world.run(Client.update("run", Add, "extra", { messageId: "u" })))
          yield* world.advance("2 hours")
          yield* Fiber.join(added)
          yield* world.run(Client.signal("run", Go, undefined, { messageId: "go" }))
          return yield* world.runToEnd(run)
        }))
      expect(failure).toBe("no")
      expect(steps.toSorted()).toEqual(["a", "extra", "refused", "undo a", "undo extra"])
    }))

  it.effect("include what is still being done while others are undone", () =>
    Effect.gen(function*() {
      const body = Effect.gen(function*() {
        yield* Effect.forkDaemon(Effect.zipRight(Effect.sleep("30 minutes"), quick("late")))
        yield* quick("a")
        yield* refused
      })
      const { steps } = yield* everywhere(flow(body))
      expect(steps).toEqual(["a", "refused", "undo a", "late", "undo late"])
    }))

  it.effect("go with a generation, unless it is cancelled before it ends", () =>
    Effect.gen(function*() {
      const Twice = Workflow.make("flow", { input: Schema.Boolean, error: Schema.String }, (again) =>
        Effect.gen(function*() {
          yield* Effect.addFinalizer(() => Step.run("cleanup", Effect.sleep("1 hour")))
          yield* done(again ? "first" : "second")
          if (again) return yield* Workflow.continueAsNew(false)
          return yield* refused
        }))
      const start = (world: World.World) => world.start(Twice, true, { id: "run" })
      const seen = yield* Crashes.everywhere(() => ({ workflows: [Twice] }), (world) => Effect.flatMap(start(world), world.runToEnd))
      expect(scheduled(seen.histories["run"])).toEqual(["first", "cleanup", "second", "refused", "undo second", "cleanup"])
      const cancelled = yield* Crashes.everywhere(() => ({ workflows: [Twice] }), (world) =>
        Effect.gen(function*() {
          const run = yield* start(world)
          yield* until(world, "cleanup")
          yield* world.run(Client.cancel("run", { messageId: "cancel" }))
          return yield* world.runToEnd(run)
        }))
      expect(scheduled(cancelled.histories["run"])).toEqual(["first", "cleanup", "undo first"])
      expect(failureOf(cancelled.exit)).toMatchObject({ _tag: "RunCancelled" })
    }))

  it.effect("do not change how a run ends that is cancelled after its body", () =>
    Effect.gen(function*() {
      const workflow = flow(Effect.zipRight(Effect.addFinalizer(() => Step.run("cleanup", Effect.sleep("2 hours"))), done("a")))
      const { exit, steps } = yield* everywhere(workflow, cancelledAt(workflow, "cleanup"))
      expect(exit).toEqual(Exit.succeed("a"))
      expect(steps).toEqual(["a", "cleanup"])
    }))
})
