/**
 * Pauses, children, sagas and crashes at random, on SQLite: every run ends as it must, undoes what it has done, and the
 * columns by which it is found are those of its history, also while it is paused.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Effect, Layer, Random, Schedule, Schema } from "effect"
import { describe, expect } from "vitest"
import { Child, Client, Compensation, Sensor, Signal, Step, Workflow } from "@reprise/core"
import { Maintenance, Sqlite } from "@reprise/sql"
import { World } from "@reprise/testing"

const Word = Signal.make("word", { payload: Schema.String })

const Kid = Workflow.make("kid", { input: Schema.Number }, (n) =>
  Effect.zipRight(Effect.sleep("20 minutes"), Step.run("kid", Effect.as(Effect.sleep("5 minutes"), n))))

const flaky = Effect.flatMap(Step.attempt, ({ attempt }) =>
  Effect.delay(attempt < 3 ? Effect.fail("busy") : Effect.succeed(attempt), "90 seconds"))

/** Fails in the end with all that it has seen; what it says does not depend on when things happen. */
const Busy = Workflow.make("busy", { input: Schema.Number, error: Schema.String }, (n) =>
  Effect.gen(function*() {
    const undo = { compensate: () => Effect.sleep("3 minutes") }
    const words = yield* Effect.fork(Effect.all([Word.receive, Word.receive, Word.receive]))
    const loser = Compensation.within(Effect.zipRight(Step.run("lost", Effect.void, undo), Effect.as(Effect.sleep("9 days"), 6)))
    const parts = yield* Effect.all([
      Step.run("flaky", flaky, { retry: Schedule.spaced("1 minute"), ...undo }),
      Child.run(Kid, n, { id: `kid-${n}` }),
      Effect.as(Sensor.until("ready", Effect.map(Step.attempt, ({ poll }) => poll > 3), { every: "20 minutes" }), 1),
      Effect.race(Effect.as(Effect.sleep("10 minutes"), 5), loser)
    ], { concurrency: 3 })
    return yield* Effect.fail(`${(yield* words).join("")} ${parts.join(",")}`)
  }))

const RUNS = 3
const all = Array.from({ length: RUNS }, (_, n) => n)
const someRun = Effect.map(Random.nextIntBetween(0, 2 * RUNS), (n) => (n < RUNS ? `run-${n}` : `kid-${n - RUNS}`))

/** It may have ended, or not begun. */
const unlessGone = (world: World.World, asked: ReturnType<typeof Client.pause>) =>
  Effect.catchTags(world.run(asked), { RunClosed: () => Effect.void, RunNotFound: () => Effect.void })

const trouble = (world: World.World) =>
  Effect.gen(function*() {
    yield* unlessGone(world, Client.pause(yield* someRun))
    if (yield* Random.nextBoolean) yield* unlessGone(world, Client.resume(yield* someRun))
    yield* world.advance(`${yield* Random.nextIntBetween(0, 45)} minutes`)
    const dice = yield* Random.nextIntBetween(0, 8)
    if (dice < 2) yield* world.crash
    else if (dice < 4) yield* world.evictAll
    else if (dice < 5) yield* world.restart()
    else yield* world.crashAt({ append: (yield* world.appendCount) + dice - 4, moment: dice < 7 ? "before" : "after" })
  })

const workflows = [Busy, Kid]

const begin = (world: World.World) =>
  Effect.gen(function*() {
    for (const n of all) yield* world.start(Busy, n, { id: `run-${n}` })
    for (let round = 0; round < 8; round++) {
      for (const n of round < 3 ? all : []) {
        yield* world.run(Client.signal(`run-${n}`, Word, "abc"[round] ?? "", { messageId: `word-${round}` }))
      }
      yield* trouble(world)
    }
    for (const n of all) yield* unlessGone(world, Client.pause(`run-${n}`))
    yield* world.idle
  })

const finish = (world: World.World) =>
  Effect.gen(function*() {
    for (const { runId } of yield* world.run(Client.list({ limit: 100 }))) yield* unlessGone(world, Client.resume(runId))
    const ends = yield* Effect.forEach(all, (n) => {
      const runId = `run-${n}`
      return Effect.flip(world.runToEnd({ runId, existed: true, result: Client.result(Busy, runId) }))
    })
    const calls = yield* world.calls
    return { ends, repeated: calls.filter((call) => call.isRepeated) }
  })

const verified = Effect.gen(function*() {
  const { problems } = yield* Maintenance.verify
  return { problems, changed: (yield* Maintenance.rebuild).changed }
})

describe("paused runs on SQLite", () => {
  for (let seed = 1; seed <= 10; seed++) {
    it.scoped(`seed ${seed}`, () =>
      Effect.gen(function*() {
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "reprise-pause-"))),
          (path) => Effect.sync(() => rmSync(path, { recursive: true }))
        )
        const log = Layer.orDie(Sqlite.layer({ filename: join(folder, "runs.db"), durability: "normal" }))
        const alwaysReplay = seed % 2 === 0
        yield* Effect.scoped(Effect.flatMap(World.make({ workflows, log, alwaysReplay }), begin))
        expect(yield* Effect.provide(verified, log)).toEqual({ problems: [], changed: 0 })
        const { ends, repeated } = yield* Effect.scoped(Effect.flatMap(World.make({ workflows, log, alwaysReplay }), finish))
        expect(ends).toEqual(all.map((n) => `abc 3,${n},1,5`))
        expect(repeated).toEqual([])
        expect(yield* Effect.provide(verified, log)).toEqual({ problems: [], changed: 0 })
      }).pipe(Effect.withRandom(Random.make(seed))), 60_000)
  }
})
