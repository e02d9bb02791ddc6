/**
 * Many runs, messages, timers and pauses at once, while the worker crashes, restarts and forgets at random. Each seed
 * repeats.
 */
import { it } from "@effect/vitest"
import { Effect, Random, Schedule, Schema } from "effect"
import { describe, expect } from "vitest"
import { Client, Sensor, Signal, Step, Update, Workflow } from "@reprise/core"
import { World } from "@reprise/testing"

const Word = Signal.make("word", { payload: Schema.String })
const Add = Update.make("add", { input: Schema.Number, output: Schema.Number })

const flaky = Effect.flatMap(Step.attempt, ({ attempt }) =>
  Effect.delay(attempt < 3 ? Effect.fail("busy") : Effect.succeed(attempt), "90 seconds"))

/** A bit of everything; its output does not depend on when things happen. */
const Busy = Workflow.make("busy", { input: Schema.Number, error: Schema.String }, (n) =>
  Effect.gen(function*() {
    let sum = 0
    yield* Update.handle(Add, { run: (x) => Effect.map(Step.run(`add ${x}`, Effect.sleep("1 minute")), () => sum += x) })
    const words = yield* Effect.fork(Effect.all([Word.receive, Word.receive, Word.receive]))
    const parts = yield* Effect.all([
      Step.run("flaky", flaky, { retry: Schedule.jittered(Schedule.exponential("1 minute")) }),
      Effect.as(Effect.sleep(`${n + 1} hours`), n),
      Effect.as(Sensor.until("ready", Effect.map(Step.attempt, ({ poll }) => poll > 3), { every: "20 minutes" }), 1),
      Effect.race(Effect.as(Effect.sleep("10 minutes"), 5), Step.run("loses", Effect.as(Effect.sleep("1 day"), 6)))
    ], { concurrency: 3 })
    yield* Effect.acquireUseRelease(
      Step.run("acquire", Effect.void),
      () => Effect.forEach([1, 2, 3], (i) => Step.run(`use ${i}`, Effect.sleep("1 minute")), { concurrency: 2 }),
      () => Step.run("release", Effect.sleep("1 minute"))
    )
    yield* Workflow.condition(() => sum >= 6)
    return `${(yield* words).join("")} ${parts.join(",")} ${sum}`
  }))

const RUNS = 4

/** Something happens, then something goes wrong. */
const trouble = (world: World.World) =>
  Effect.gen(function*() {
    const dice = yield* Random.nextIntBetween(0, 10)
    yield* world.advance(`${yield* Random.nextIntBetween(0, 45)} minutes`)
    if (dice < 3) yield* world.crash
    else if (dice < 5) yield* world.evictAll
    else if (dice < 6) yield* world.restart()
    else {
      const append = (yield* world.appendCount) + (yield* Random.nextIntBetween(1, 4))
      yield* world.crashAt({ append, moment: dice < 8 ? "before" : "after" })
    }
  })

const told = (world: World.World, round: number) =>
  Effect.forEach(Array.from({ length: RUNS }, (_, n) => n), (n) =>
    round < 3
      ? Effect.zipRight(
        world.run(Client.signal(`run-${n}`, Word, "abc"[round] ?? "", { messageId: `word-${round}` })),
        Effect.forkDaemon(Effect.ignore(world.run(Client.update(`run-${n}`, Add, round + 1, { messageId: `add-${round}` }))))
      )
      : Effect.void)

/** Somebody pauses a run, and resumes another: which may be paused, or not. */
const handled = (world: World.World) =>
  Effect.gen(function*() {
    yield* unlessClosed(world, Client.pause(`run-${yield* Random.nextIntBetween(0, RUNS)}`))
    if (yield* Random.nextBoolean) yield* unlessClosed(world, Client.resume(`run-${yield* Random.nextIntBetween(0, RUNS)}`))
  })

const unlessClosed = (world: World.World, asked: ReturnType<typeof Client.pause>) =>
  Effect.catchTag(world.run(asked), "RunClosed", () => Effect.void)

const chaos = (alwaysReplay: boolean) =>
  Effect.gen(function*() {
    const world = yield* World.make({ workflows: [Busy], alwaysReplay })
    const runs = yield* Effect.forEach(Array.from({ length: RUNS }, (_, n) => n), (n) => world.start(Busy, n, { id: `run-${n}` }))
    for (let round = 0; round < 10; round++) {
      yield* told(world, round)
      yield* handled(world)
      yield* trouble(world)
    }
    for (const { runId } of runs) yield* unlessClosed(world, Client.resume(runId))
    return { results: yield* Effect.forEach(runs, world.runToEnd), calls: yield* world.calls }
  }).pipe(Effect.scoped)

describe("whatever happens, every run ends as it must", () => {
  for (let seed = 1; seed <= 12; seed++) {
    it.effect(`seed ${seed}`, () =>
      Effect.gen(function*() {
        const { calls, results } = yield* Effect.withRandom(chaos(seed % 2 === 0), Random.make(seed))
        expect(results).toEqual([0, 1, 2, 3].map((n) => `abc 3,${n},1,5 6`))
        expect(calls.filter((call) => call.isRepeated)).toEqual([])
      }))
  }
})
