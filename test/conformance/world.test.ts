/** A world on SQLite: the same workflows, the same crashes, the same histories as in memory. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Effect, Exit, Layer, Schedule, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Sensor, Signal, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Crashes, type World } from "@reprise/testing"

const Word = Signal.make("word", { payload: Schema.String })

const Busy = Workflow.make("busy", { error: Schema.String }, () =>
  Effect.gen(function*() {
    const flaky = Effect.flatMap(Step.attempt, ({ attempt }) => (attempt < 3 ? Effect.fail("busy") : Effect.succeed(attempt)))
    const parts = yield* Effect.all([
      Step.run("flaky", flaky, { retry: Schedule.jittered(Schedule.spaced("10 minutes")) }),
      Effect.as(Sensor.until("ready", Effect.map(Step.attempt, ({ poll }) => poll > 2), { every: "33 minutes" }), 1),
      Effect.race(Effect.as(Effect.sleep("45 minutes"), 0), Step.run("loses", Effect.as(Effect.sleep("1 day"), 6)))
    ], { concurrency: "unbounded" })
    return `${parts.join(",")} ${yield* Word.receive}`
  }))

const script = (world: World.World) =>
  Effect.gen(function*() {
    const run = yield* world.start(Busy, undefined, { id: "run" })
    yield* world.advance("2 hours")
    yield* world.run(Client.signal("run", Word, "on", { messageId: "word" }))
    return yield* world.runToEnd(run)
  })

describe("a world on SQLite", () => {
  it.scoped("survives a crash at every append, with the history that memory has", () =>
    Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "reprise-world-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      let files = 0
      const options = () => ({
        workflows: [Busy],
        log: Layer.orDie(Sqlite.layer({ filename: join(folder, `${files++}.db`) }))
      })
      const onDisk = yield* Crashes.everywhere(options, script)
      const inMemory = yield* Crashes.once(() => ({ workflows: [Busy] }), script, { crash: undefined, alwaysReplay: false })
      expect(onDisk.exit).toEqual(Exit.succeed("3,1,0 on"))
      expect(onDisk.histories).toEqual(inMemory.histories)
    }))
})
