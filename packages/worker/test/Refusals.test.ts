/** Texts without bounds, steps without names, and workers that cannot be built. */
import { expect, it } from "@effect/vitest"
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"
import { Cause, Effect, Exit } from "effect"

const Go = Signal.make("go")
const Waits = Workflow.make("waits", {}, () => Go.receive)
const LONG = "x".repeat(2_001)

it.scoped("a reason or sender that is a document is refused", () =>
  Effect.gen(function*() {
    const world = yield* World.make({ workflows: [Waits] })
    const { runId } = yield* world.start(Waits, undefined)
    const refused = yield* Effect.flip(world.run(Client.cancel(runId, { reason: LONG })))
    expect(refused).toMatchObject({ _tag: "NameInvalid", what: "reason" })
    expect(yield* Effect.flip(world.run(Client.signal(runId, Go, undefined, { by: LONG })))).toMatchObject({ what: "sender" })
    expect(yield* world.history(runId)).toHaveLength(1)
  }))

const named = (name: string, options: Step.Given<never>) =>
  Workflow.make("named", {}, () => Step.run(name, Effect.succeed(1), options))

const refusedSteps = [
  ["an empty name", named("", {}), "its name is empty"],
  ["a summary that is a document", named("a", { summary: LONG }), "its summary has 2001 characters"],
  ["an idempotency key that is a document", named("a", { idempotencyKey: LONG }), "its idempotency key has 2001 characters"]
] as const

for (const [what, workflow, detail] of refusedSteps) {
  it.scoped(`a step with ${what} blocks its run`, () =>
    Effect.gen(function*() {
      const world = yield* World.make({ workflows: [workflow] })
      const { runId } = yield* world.start(workflow, undefined)
      const { blocked } = yield* world.run(Client.describe(runId))
      expect(JSON.stringify(blocked)).toContain(detail)
    }))
}

it.effect("one workflow and version twice is a configuration that cannot be", () =>
  Effect.gen(function*() {
    const twin = Workflow.make("waits", {}, () => Effect.succeed(1))
    const exit = yield* Effect.exit(Effect.scoped(World.make({ workflows: [Waits, twin] })))
    const died = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    expect(died).toMatchObject({ _tag: "ConfigurationInvalid", hint: expect.stringContaining("Worker.layer") })
  }))
