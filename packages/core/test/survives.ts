/** One row of a table: a workflow, what it must answer, and, where it needs help from outside, a script. */
import { it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { expect } from "vitest"
import type { Workflow } from "@reprise/core"
import { Crashes, type World } from "@reprise/testing"

/** The workflow's name is the test's. Without a script the run is started and taken to its end. */
export const survives = <A, E>(
  workflow: Workflow.Workflow<void, A, E, never>,
  expected: A,
  script: (world: World.World) => Effect.Effect<A, unknown> = (world) => world.execute(workflow, undefined, { id: "run" })
): void =>
  it.effect(workflow.name, () =>
    Effect.gen(function*() {
      const seen = yield* Crashes.everywhere(() => ({ workflows: [workflow] }), script)
      expect(seen.exit).toStrictEqual(Exit.succeed(expected))
    }))
