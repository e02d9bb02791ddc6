/** Kills processes at random moments, also while they recover, and stops and continues them. */
import { Log } from "@reprise/core/engine"
import { Sqlite } from "@reprise/sql"
import { Effect } from "effect"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Budget, count, dice, type Figures, Wrong } from "./Budget.js"
import * as Judge from "./Judge.js"
import type * as Server from "./Server.js"
import * as Story from "./Story.js"

/** Lives of one story; then it ends in peace, and another begins. */
const LIVES_MAX = 25
const WANTED = { orders: 60, senders: 3, notes: 4, atOnce: 4 }

/** Kills that long after the start of the process, or after it has opened its store. */
const killAfter = (roll: (below: number) => number) => ({ opened, send }: Server.Server): Effect.Effect<void> => {
  const kill = Effect.sync(() => send("SIGKILL"))
  if (roll(4) === 0) return Effect.delay(kill, roll(260))
  return Effect.zipRight(Effect.ignore(opened), Effect.delay(kill, roll(140)))
}

export const kills = (root: string, { isEnough, seed }: Budget, figures: Figures) =>
  Effect.gen(function*() {
    const roll = dice(seed)
    for (let number = 0, done = 0; !isEnough(done); number++) {
      const story = Story.begin(root, `kills-${number}`, WANTED)
      for (let life = 0; life < LIVES_MAX && !isEnough(done); life++, done++) {
        const { code, notOpened, said, signal } = yield* Story.live(story, String(life), [], killAfter(roll))
        if (signal === "SIGKILL") count(figures, "kills at random moments")
        else if (code !== 0) return yield* Effect.fail(new Wrong(story.name, [`ended with ${code}, ${notOpened}: ${said}`], seed))
        else break
      }
      yield* finish(story, seed, figures)
    }
  })

const finish = (story: Story.Story, seed: number, figures: Figures) =>
  Effect.gen(function*() {
    count(figures, "acknowledged in tortured lives", story.book.acknowledged.size)
    const wrongs = [...yield* Judge.afterFault(story.place, story.book), ...yield* Story.end(story)]
    if (wrongs.length > 0) return yield* Effect.fail(new Wrong(story.name, wrongs, seed))
    count(figures, "orders served", story.book.orders.size)
    count(figures, "attempts that ran again", Judge.repeats(story.place))
    Story.forget(story)
  })

/** A process that is stopped keeps its store, and whoever else wants it is told so at once; then it goes on. */
export const stops = (root: string, { isEnough, seed }: Budget, figures: Figures) =>
  Effect.gen(function*() {
    const roll = dice(seed)
    for (let done = 0; !isEnough(done); done++) {
      const story = Story.begin(root, `stops-${done}`, { ...WANTED, orders: 12 })
      const refusals: Array<string> = []
      const { code, said } = yield* Story.live(story, "0", [], ({ opened, send }) =>
        Effect.gen(function*() {
          yield* Effect.ignore(opened)
          for (let stop = 0; stop < 2; stop++) {
            yield* Effect.sleep(roll(80))
            send("SIGSTOP")
            const before = performance.now()
            refusals.push(yield* Effect.match(Effect.provide(Log.Log, Sqlite.layer(story.place)), {
              onSuccess: () => "opened",
              onFailure: ({ _tag }) => performance.now() - before < 4_000 ? _tag : `${_tag} after ${performance.now() - before} ms`
            }))
            yield* Effect.sleep(roll(300))
            send("SIGCONT")
          }
        }))
      const wrong = code !== 0 || refusals.length === 0 || refusals.some((tag) => tag !== "StoreLocked")
      if (wrong) return yield* Effect.fail(new Wrong(story.name, [`ended with ${code}, ${refusals.join(", ")}: ${said}`], seed))
      count(figures, "stops, with an opening refused as StoreLocked", refusals.length)
      yield* finish(story, seed, figures)
    }
  })

const FAKETIME = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
  .map((machine) => `/usr/lib/${machine}/faketime/libfaketime.so.1`)
  .find((path) => existsSync(path)) ?? process.env["TORTURE_FAKETIME"]

/** The clock of the process jumps, forward and back, where libfaketime is installed. Timers compare with it. */
export const jumps = (root: string, { isEnough, seed }: Budget, figures: Figures) =>
  Effect.gen(function*() {
    if (FAKETIME === undefined) return count(figures, "clock jumps: none, libfaketime is not installed (apt-get install faketime)", 0)
    const roll = dice(seed)
    for (let done = 0; !isEnough(done); done++) {
      const story = Story.begin(root, `jumps-${done}`, { ...WANTED, orders: 12 })
      const clock = join(root, `clock-${done}`)
      const jump = (hours: number) => Effect.sync(() => writeFileSync(clock, `${hours < 0 ? "" : "+"}${hours * 3_600}s\n`))
      yield* jump(0)
      const environment = [`LD_PRELOAD=${FAKETIME}`, `FAKETIME_TIMESTAMP_FILE=${clock}`, "FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1"]
      const { code, said } = yield* Story.live(story, "0", ["env", ...environment], ({ opened }) =>
        Effect.gen(function*() {
          yield* Effect.ignore(opened)
          // The last jump is the farthest: what waits for a moment in between waits no longer.
          for (const hours of [1, -1, 2]) {
            yield* Effect.sleep(roll(120))
            yield* jump(hours)
            count(figures, "clock jumps")
          }
        }))
      if (code !== 0) return yield* Effect.fail(new Wrong(story.name, [`ended with ${code}: ${said}`], seed))
      yield* finish(story, seed, figures)
    }
  })
