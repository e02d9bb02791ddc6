/** The process died during an attempt, and nobody knows whether it took effect: the step says what to do then. */
import { it } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import { describe, expect } from "vitest"
import { Client, Step, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"

const failureOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)

const paying = (onUnknown: "retry" | "fail" | "ask") =>
  Workflow.make("paying", {}, () => Step.run("pay", Effect.as(Effect.sleep("1 hour"), "paid"), { onUnknown }))

/** Starts the workflow and crashes in the middle of the attempt. */
const crashed = (workflow: Workflow.Workflow<void, string, unknown, never>) =>
  Effect.gen(function*() {
    const world = yield* World.make({ workflows: [workflow] })
    const run = yield* world.start(workflow, undefined, { id: "run" })
    yield* world.advance("30 minutes")
    yield* world.crash
    return { world, run }
  })

describe("onUnknown", () => {
  it.scoped("retry runs the same attempt again", () =>
    Effect.gen(function*() {
      const { run, world } = yield* crashed(paying("retry"))
      expect(yield* world.runToEnd(run)).toBe("paid")
      expect((yield* world.calls).map((call) => call.attempt)).toEqual([1, 1])
    }))

  it.scoped("fail raises StepOutcomeUnknown in the program, and runs nothing", () =>
    Effect.gen(function*() {
      const { run, world } = yield* crashed(paying("fail"))
      const exit = yield* Effect.exit(world.runToEnd(run))
      expect(failureOf(exit)).toMatchObject({ _tag: "StepOutcomeUnknown", step: "pay", attempt: 1 })
      expect(yield* world.calls).toHaveLength(1)
    }))

  it.scoped("fail does not strike when the process had time to write the outcome", () =>
    Effect.gen(function*() {
      const Paying = paying("fail")
      const world = yield* World.make({ workflows: [Paying], alwaysReplay: true })
      const run = yield* world.start(Paying, undefined)
      yield* world.advance("30 minutes")
      yield* world.evictAll
      expect(yield* world.runToEnd(run)).toBe("paid")
      expect(yield* world.calls).toHaveLength(1)
    }))

  const asked = (resolution: Parameters<typeof Client.resolveStep>[2]) =>
    Effect.gen(function*() {
      const { run, world } = yield* crashed(paying("ask"))
      yield* world.advance("1 day")
      const history = yield* world.history("run")
      const question = history.find((event) => event._tag === "StepAsked")
      expect(question).toMatchObject({ attempt: 1 })
      expect((yield* world.run(Client.describe("run"))).status).toBe("running")
      // The question outlives another crash.
      yield* world.crash
      const stepId = question?._tag === "StepAsked" ? question.id : ""
      yield* world.run(Client.resolveStep("run", stepId, resolution, { by: "anna", messageId: "decision" }))
      yield* Effect.ignore(world.run(Client.resolveStep("run", stepId, { _tag: "Fail" }, { messageId: "too late" })))
      const exit = yield* Effect.exit(world.runToEnd(run))
      const resolved = (yield* world.history("run")).find((event) => event._tag === "StepResolved")
      expect(resolved).toMatchObject({ by: "anna", resolution })
      return { exit, calls: yield* world.calls }
    })

  it.scoped("ask waits for an operator, who says that it happened", () =>
    Effect.gen(function*() {
      const { calls, exit } = yield* asked({ _tag: "Complete", output: "paid by hand" })
      expect(exit).toEqual(Exit.succeed("paid by hand"))
      expect(calls).toHaveLength(1)
    }))

  it.scoped("or that it failed", () =>
    Effect.gen(function*() {
      const { calls, exit } = yield* asked({ _tag: "Fail" })
      expect(failureOf(exit)).toMatchObject({ _tag: "StepOutcomeUnknown", step: "pay" })
      expect(calls).toHaveLength(1)
    }))

  it.scoped("or that it should be tried again", () =>
    Effect.gen(function*() {
      const { calls, exit } = yield* asked({ _tag: "Retry" })
      expect(exit).toEqual(Exit.succeed("paid"))
      expect(calls.map((call) => call.attempt)).toEqual([1, 2])
    }))
})
