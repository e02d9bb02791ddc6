/** What a step's options promise, and that they keep it through crashes. */
import { it } from "@effect/vitest"
import { Cause, Effect, Exit, Option, Schedule, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Step, Workflow } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import { Crashes, World } from "@reprise/testing"

class Declined extends Schema.TaggedError<Declined>()("Declined", { reason: Schema.String }) {}
class Busy extends Schema.TaggedError<Busy>()("Busy", {}) {}
const Refused = Schema.Union(Declined, Busy)

const execute = <A, E>(workflow: Workflow.Workflow<void, A, E, never>) => (world: World.World) =>
  world.execute(workflow, undefined, { id: "run" })

const everywhere = <A, E>(workflow: Workflow.Workflow<void, A, E, never>, script = execute(workflow)) =>
  Crashes.everywhere(() => ({ workflows: [workflow] }), script)

const tags = (events: ReadonlyArray<Event.Event> | undefined) => (events ?? []).map((event) => event._tag)
const failureOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)

describe("outcomes", () => {
  it.effect("values and typed errors pass through their schemas", () =>
    Effect.gen(function*() {
      const Decodes = Workflow.make("decodes", { output: Schema.Struct({ date: Schema.Date, why: Schema.String }) }, () =>
        Effect.gen(function*() {
          const date = yield* Step.run("when", Effect.succeed(new Date(0)), { output: Schema.Date })
          const why = yield* Step.run("why", Effect.fail(new Declined({ reason: "no funds" })), { error: Refused }).pipe(
            Effect.catchTag("Declined", (declined) => Effect.succeed(declined.reason))
          )
          return { date, why }
        }))
      const { exit } = yield* everywhere(Decodes)
      expect(exit).toEqual(Exit.succeed({ date: new Date(0), why: "no funds" }))
    }))

  it.effect("a typed error that nobody catches fails the run", () =>
    Effect.gen(function*() {
      const Fails = Workflow.make("fails", { error: Refused }, () =>
        Step.run("charge", Effect.fail(new Declined({ reason: "no funds" })), { error: Refused }))
      const { exit, histories } = yield* everywhere(Fails)
      expect(failureOf(exit)).toEqual(new Declined({ reason: "no funds" }))
      expect(tags(histories["run"]).at(-1)).toBe("RunFailed")
    }))

  const thrown: ReadonlyArray<readonly [string, unknown, string]> = [
    ["an error", new TypeError("x is undefined"), "TypeError: step \"throws\": x is undefined"],
    ["a string", "just text", "just text"],
    ["an object", { code: 42 }, "{\"code\":42}"],
    ["nothing", undefined, "undefined"],
    ["a symbol", Symbol("odd"), "Symbol(odd)"],
    ["an object that has no JSON", { toJSON: () => undefined }, "object"],
    ["an error with an odd message", Object.assign(new Error(), { message: 10n }), "10"],
    ["an error with an odd name and stack", Object.assign(new Error("odd"), { name: undefined, stack: 5 }), "odd"],
    ["an error that throws", Object.defineProperty(new Error(), "message", { get: () => { throw new Error() } }), "cannot be shown"]
  ]
  for (const [what, value, message] of thrown) {
    it.effect(`a body that throws ${what} is a failed attempt, then a failed run`, () =>
      Effect.gen(function*() {
        const Throws = Workflow.make("throws", {}, () =>
          Step.run("throws", Effect.sync(() => {
            throw value
          }), { retry: Schedule.recurs(1) }))
        const { calls, exit } = yield* everywhere(Throws)
        expect(failureOf(exit)).toMatchObject({ _tag: "RunFailed" })
        expect(String((failureOf(exit) as Error).message)).toContain(message)
        expect(calls).toHaveLength(2)
      }))
  }

  it.effect("a value that cannot be written names the step and the path", () =>
    Effect.gen(function*() {
      const Unwritable = Workflow.make("unwritable", {}, () =>
        Effect.asVoid(Step.run("fetch report", Effect.succeed({ rows: [{ at: 1 }, { at: Number.NaN }] }))))
      const { exit } = yield* everywhere(Unwritable)
      const { message } = failureOf(exit) as Error
      expect(message).toContain("fetch report")
      expect(message).toContain("rows.1.at")
    }))

  it.scoped("a value above the size limit fails the step", () =>
    Effect.gen(function*() {
      const Large = Workflow.make("large", {}, () => Step.run("download", Effect.succeed("x".repeat(2_000))))
      const world = yield* World.make({ workflows: [Large], limits: { payloadBytesMax: 1_000 } })
      const exit = yield* Effect.exit(world.execute(Large, undefined))
      expect((failureOf(exit) as Error).message).toContain("2002 bytes; the limit is 1000")
    }))

  it.effect("a body that interrupts itself is a failed attempt", () =>
    Effect.gen(function*() {
      const Interrupts = Workflow.make("interrupts", {}, () =>
        Effect.gen(function*() {
          const exit = yield* Effect.exit(Step.run("gives up", Effect.interrupt))
          return Exit.isFailure(exit) && Cause.isDie(exit.cause)
        }))
      expect((yield* everywhere(Interrupts)).exit).toEqual(Exit.succeed(true))
    }))
})

/** Fails with `Busy` twice, then with `Declined`. */
const busyUntilThird = Effect.flatMap(Step.attempt, ({ attempt }) =>
  Effect.fail(attempt < 3 ? new Busy() : new Declined({ reason: "no" })))

describe("retry", () => {
  it.effect("stops at a nonRetryable error", () =>
    Effect.gen(function*() {
      const Picky = Workflow.make("picky", { error: Refused }, () =>
        Step.run(
          "charge",
          busyUntilThird,
          { error: Refused, retry: Schedule.spaced("1 minute"), nonRetryable: ["Declined"] }
        ))
      const { calls, exit } = yield* everywhere(Picky)
      expect(failureOf(exit)).toMatchObject({ _tag: "Declined" })
      expect(calls.map((call) => call.attempt)).toEqual([1, 2, 3])
    }))

  it.effect("a schedule may look at the error", () =>
    Effect.gen(function*() {
      const whileBusy = Schedule.whileInput(Schedule.spaced("1 minute"), (error: { readonly _tag: string }) => error._tag === "Busy")
      const Choosy = Workflow.make("choosy", { error: Refused }, () =>
        Step.run(
          "charge",
          busyUntilThird,
          { error: Refused, retry: whileBusy }
        ))
      const { calls } = yield* everywhere(Choosy)
      expect(calls).toHaveLength(3)
    }))

  it.effect("waits without a body, and counts attempts through crashes", () =>
    Effect.gen(function*() {
      const Flaky = Workflow.make("flaky", { error: Schema.String }, () =>
        Step.run("call", Effect.flatMap(Step.attempt, ({ attempt }) => attempt < 4 ? Effect.fail("busy") : Effect.succeed(attempt)), {
          retry: Schedule.exponential("1 hour")
        }))
      const { exit, histories } = yield* everywhere(Flaky)
      expect(exit).toEqual(Exit.succeed(4))
      const history = histories["run"] ?? []
      const waits = history.flatMap((event) => (event._tag === "StepRetryScheduled" ? [event.dueAt - event.at] : []))
      expect(waits).toEqual([1, 2, 4].map((hours) => hours * 3_600_000))
    }))

  it.effect("the idempotency key is stable over attempts and crashes", () =>
    Effect.gen(function*() {
      const keys = new Set<string>()
      const call = Effect.flatMap(Step.attempt, ({ attempt, idempotencyKey }) => {
        keys.add(idempotencyKey)
        return attempt < 3 ? Effect.fail("busy") : Effect.succeed(idempotencyKey)
      })
      const Keyed = Workflow.make("keyed", { error: Schema.String }, () =>
        Effect.all([
          Step.run("default", call, { retry: Schedule.recurs(5) }),
          Step.run("default", call, { retry: Schedule.recurs(5) }),
          Step.run("given", call, { retry: Schedule.recurs(5), idempotencyKey: "order-7" })
        ]))
      const { exit } = yield* everywhere(Keyed)
      const answered = Exit.isSuccess(exit) ? exit.value : []
      expect(new Set(answered).size).toBe(3)
      expect(answered).toContain("order-7")
      expect(keys.size).toBe(3)
    }))
})

describe("timeout and deadline", () => {
  it.effect("timeout ends an attempt, and retry may try again", () =>
    Effect.gen(function*() {
      const slowTwice = Effect.flatMap(Step.attempt, ({ attempt }) =>
        Effect.as(Effect.sleep(attempt < 3 ? "1 hour" : "1 second"), attempt))
      const Slow = Workflow.make("slow", {}, () =>
        Step.run("call", slowTwice, { timeout: "1 minute", retry: Schedule.recurs(5) }))
      const { exit } = yield* everywhere(Slow)
      expect(exit).toEqual(Exit.succeed(3))
    }))

  it.effect("deadline bounds all attempts together", () =>
    Effect.gen(function*() {
      const Late = Workflow.make("late", { error: Schema.String }, () =>
        Step.run("call", Effect.fail("busy"), { deadline: "150 minutes", retry: Schedule.spaced("1 hour") }))
      const { calls, exit } = yield* everywhere(Late)
      expect(failureOf(exit)).toMatchObject({ _tag: "StepTimedOut", scope: "deadline", step: "call" })
      expect(calls).toHaveLength(3)
    }))

  it.effect("deadline interrupts an attempt that runs", () =>
    Effect.gen(function*() {
      const Late = Workflow.make("late", {}, () =>
        Effect.catchTag(
          Step.run("call", Effect.as(Effect.sleep("1 day"), "done"), { deadline: "1 hour" }),
          "StepTimedOut",
          (error) => Effect.succeed(`${error.scope} ${error.millis}`)
        ))
      expect((yield* everywhere(Late)).exit).toEqual(Exit.succeed("deadline 3600000"))
    }))
})

describe("a step body", () => {
  it.scoped("is told to stop by its abort signal", () =>
    Effect.gen(function*() {
      let aborted: boolean | undefined
      const body = Effect.flatMap(Step.attempt, ({ signal }) =>
        Effect.onInterrupt(Effect.sleep("1 day"), () => Effect.sync(() => void (aborted = signal.aborted))))
      const Works = Workflow.make("works", {}, () => Step.run("work", body))
      const world = yield* World.make({ workflows: [Works] })
      yield* world.start(Works, undefined, { id: "run" })
      yield* world.run(Client.cancel("run"))
      yield* world.idle
      expect(aborted).toBe(true)
    }))

  it.scoped("fails at a heartbeat that cannot be written, and holds up no other run", () =>
    Effect.gen(function*() {
      const Beats = Workflow.make("beats", { input: Schema.String }, (details) =>
        Step.run("beat", Step.heartbeat({ odd: 10n as unknown as string, large: "x".repeat(999) }[details] ?? details)))
      const world = yield* World.make({ workflows: [Beats], limits: { payloadBytesMax: 1_000 } })
      const odd = failureOf(yield* Effect.exit(world.execute(Beats, "odd")))
      expect(odd).toMatchObject({ _tag: "RunFailed", detail: expect.stringContaining("heartbeat of step \"beat\"") })
      const large = failureOf(yield* Effect.exit(world.execute(Beats, "large")))
      expect(large).toMatchObject({ _tag: "RunFailed", name: "PayloadTooLarge" })
      expect(yield* Effect.exit(world.execute(Beats, "fine"))).toEqual(Exit.void)
    }))

  it.effect("finds its last heartbeat in the next attempt, after a failure and after a crash", () =>
    Effect.gen(function*() {
      const copy = Effect.gen(function*() {
        const { attempt } = yield* Step.attempt
        const done = Option.getOrElse(yield* Step.progress, () => 0) as number
        yield* Step.heartbeat(done + 10)
        yield* Effect.sleep("1 minute")
        return attempt < 3 ? yield* Effect.fail("lost") : done
      })
      const Copies = Workflow.make("copies", {}, () =>
        Effect.orDie(Step.run("copy", copy, { retry: Schedule.recurs(5) })))
      const world = yield* World.make({ workflows: [Copies] })
      const run = yield* world.start(Copies, undefined)
      yield* world.advance("90 seconds")
      yield* world.crash
      expect(yield* world.runToEnd(run)).toBe(30)
    }).pipe(Effect.scoped))
})
