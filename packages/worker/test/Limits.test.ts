/** Every bound that a payload can meet: each is refused where it enters, by name, and harms nothing else. */
import { it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Schema } from "effect"
import { describe, expect } from "vitest"
import { Awakeable, Client, Query, Signal, Step, Update, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"

const BYTES = 1_000
const large = "x".repeat(2 * BYTES)
const limits = { payloadBytesMax: BYTES }
const failureOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)

const Word = Signal.make("word", { payload: Schema.String })

/** Why a run of this body is blocked. */
const blockedBy = (body: () => Effect.Effect<string, never, any>) =>
  Effect.scoped(Effect.gen(function*() {
    const Large = Workflow.make("large", {}, () => body() as Effect.Effect<string>)
    const world = yield* World.make({ workflows: [Large], limits })
    const run = yield* world.start(Large, undefined)
    return (yield* world.run(Client.describe(run.runId))).blocked as Record<string, string> | undefined
  }))

describe("a payload that is too large", () => {
  it.effect("made by the program blocks the run: a recorded value, the output, a step's options", () =>
    Effect.gen(function*() {
      const value = yield* blockedBy(() => Step.value("id", Effect.succeed(large)))
      const output = yield* blockedBy(() => Effect.succeed(large))
      expect(value).toMatchObject({ _tag: "ProgramValueInvalid" })
      expect(value?.["message"]).toContain("id")
      expect(output).toMatchObject({ _tag: "ProgramValueInvalid" })
    }))

  it.scoped("sent to a run is refused: a signal, an update, a query", () =>
    Effect.gen(function*() {
      const Say = Update.make("say", { input: Schema.String })
      const Ask = Query.make("ask", { input: Schema.String })
      const Listens = Workflow.make("listens", {}, () => Effect.asVoid(Word.receive))
      const world = yield* World.make({ workflows: [Listens], limits })
      yield* world.start(Listens, undefined, { id: "run" })
      const refused = [
        yield* Effect.flip(world.run(Client.signal("run", Word, large))),
        yield* Effect.flip(world.run(Client.update("run", Say, large))),
        yield* Effect.flip(world.run(Client.query("run", Ask, large)))
      ]
      for (const error of refused) expect(error).toMatchObject({ _tag: "PayloadTooLarge", bytesMax: BYTES })
      expect(yield* world.history("run")).toHaveLength(1)
    }))

  it.scoped("answered by an update fails that update, not the run", () =>
    Effect.gen(function*() {
      const Tell = Update.make("tell", { output: Schema.String })
      const Tells = Workflow.make("tells", {}, () =>
        Effect.gen(function*() {
          yield* Update.handle(Tell, { run: () => Effect.succeed(large) })
          return yield* Word.receive
        }))
      const world = yield* World.make({ workflows: [Tells], limits })
      const run = yield* world.start(Tells, undefined, { id: "run" })
      const asked = yield* Effect.fork(Effect.exit(world.run(Client.update("run", Tell, undefined))))
      yield* world.idle
      const failed = failureOf(yield* Fiber.join(asked))
      expect(failed).toMatchObject({ _tag: "UpdateFailed" })
      expect(String(failed)).toContain(`the limit is ${BYTES}`)
      yield* world.crash
      yield* world.run(Client.signal("run", Word, "on"))
      expect(yield* world.runToEnd(run)).toBe("on")
    }))

  it.scoped("raised as an error by a step fails the step", () =>
    Effect.gen(function*() {
      const Fails = Workflow.make("fails", { error: Schema.String }, () => Step.run("fails", Effect.fail(large)))
      const world = yield* World.make({ workflows: [Fails], limits })
      const exit = yield* Effect.exit(world.execute(Fails, undefined))
      expect(failureOf(exit)).toMatchObject({ _tag: "RunFailed" })
      expect(JSON.stringify(yield* world.history("id-1")).length).toBeLessThan(2 * BYTES)
    }))
})

describe("names", () => {
  it.effect("of steps and awakeables are checked", () =>
    Effect.gen(function*() {
      const long = "n".repeat(300)
      const step = yield* blockedBy(() => Step.run(long, Effect.succeed("")))
      expect(step?.["message"]).toContain("step \"nnn")
      expect(yield* blockedBy(() => Effect.as(Awakeable.make(long), ""))).toBeDefined()
    }))
})

describe("a limit", () => {
  it.scoped("under which nothing could happen is refused", () =>
    Effect.gen(function*() {
      for (const attemptsMax of [0, -1, Number.NaN]) {
        const exit = yield* Effect.exit(World.make({ workflows: [], limits: { attemptsMax } }))
        expect(String(failureOf(exit))).toContain(`Limits.attemptsMax is ${attemptsMax}; it must be at least 1`)
      }
    }))
})
