/** What a body imports from Node is refused like the globals, and works as ever outside. */
import { execFileSync, spawn } from "node:child_process"
import { randomBytes, randomInt, randomUUID } from "node:crypto"
import { describe, expect, it } from "@effect/vitest"
import { Client, Step, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"
import { Effect } from "effect"

const calls: Readonly<Record<string, () => unknown>> = {
  randomUUID: () => randomUUID(),
  randomBytes: () => randomBytes(4),
  randomInt: () => randomInt(10),
  spawn: () => spawn(process.execPath, ["--version"]),
  execFileSync: () => execFileSync(process.execPath, ["--version"])
}

describe("calls that a replay cannot repeat", () => {
  for (const [name, call] of Object.entries(calls)) {
    it.scoped(`${name} blocks the run`, () =>
      Effect.gen(function*() {
        const Calls = Workflow.make("calls", {}, () => Effect.sync(() => void call()))
        const world = yield* World.make({ workflows: [Calls] })
        const run = yield* world.start(Calls, undefined)
        const { blocked } = yield* world.run(Client.describe(run.runId))
        expect(blocked).toMatchObject({ _tag: "GlobalForbidden" })
      }))
  }

  it.scoped("is fine in a step, and in a recorded value", () =>
    Effect.gen(function*() {
      const Records = Workflow.make("records", {}, () =>
        Effect.gen(function*() {
          const id = yield* Step.value("id", Effect.sync(() => randomUUID()))
          const dice = yield* Step.run("roll", Effect.sync(() => randomInt(1, 7)))
          return id.length * 10 + dice
        }))
      const world = yield* World.make({ workflows: [Records] })
      expect(yield* world.execute(Records, undefined)).toBeGreaterThan(360)
    }))
})
