/** Kills a process at the N-th system call by which it changes what outlives it, and then again while it recovers. */
import { Effect } from "effect"
import { type Budget, count, dice, type Figures, Wrong } from "./Budget.js"
import * as Judge from "./Judge.js"
import * as Story from "./Story.js"
import * as Strace from "./Strace.js"

const WANTED = { orders: 3, senders: 2, notes: 2 }
/** In a sample: every so many system calls, with pairs of kills at the end. */
const STRIDE = 23
/** A life of the workload makes about this many of the calls; a second one, that recovers, half of them. */
const SPAN = 620

/** Kills each life at its own number of calls. Answers how many were killed: the last ones may have ended before. */
const killedAt = (root: string, points: ReadonlyArray<number>, seed: number, figures: Figures) =>
  Effect.gen(function*() {
    const story = Story.begin(root, `calls-${points.join("-")}`, WANTED)
    let kills = 0
    for (const [i, point] of points.entries()) {
      const { code, notOpened, said, signal } = yield* Story.live(story, String(i), Strace.killAt(point))
      if (signal === "SIGKILL") kills += 1
      else if (code !== 0 || said !== "") {
        return yield* Effect.fail(new Wrong(story.name, [`ended with ${code}, ${notOpened}: ${said}`], seed))
      }
    }
    const wrongs = [...yield* Judge.afterFault(story.place, story.book), ...yield* Story.end(story)]
    if (wrongs.length > 0) return yield* Effect.fail(new Wrong(story.name, wrongs, seed))
    count(figures, "kills at system calls", kills)
    count(figures, "attempts that ran again", Judge.repeats(story.place))
    Story.forget(story)
    return kills
  })

export const syscalls = (root: string, { isEnough, seed, whole }: Budget, figures: Figures) =>
  Effect.gen(function*() {
    const roll = dice(seed)
    let done = 0
    for (let point = whole ? 1 : 1 + roll(STRIDE);; point += whole ? 1 : STRIDE) {
      const kills = yield* killedAt(root, [point], seed, figures)
      if (kills === 0) break
      done += 1
      count(figures, "system calls covered")
    }
    for (; !isEnough(done); done++) {
      yield* killedAt(root, [1 + roll(SPAN), 1 + roll(SPAN / 2)], seed, figures)
      count(figures, "pairs of kills")
    }
  })
