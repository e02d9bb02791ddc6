/** Kills a process at the N-th system call by which it changes what outlives it, and then again while it recovers. */
import { Effect } from "effect"
import { type Budget, count, dice, type Figures, Wrong } from "./Budget.js"
import * as Judge from "./Judge.js"
import * as Story from "./Story.js"
import * as Strace from "./Strace.js"

const WANTED = { orders: 3, senders: 2, notes: 2 }
/** In a sample, so many kills at each kind of call, spread over a life. */
const SAMPLED: Readonly<Record<Strace.Call, number>> = { pwrite64: 13, write: 8, fsync: 3, ftruncate: 2, unlink: 2 }

interface Point {
  readonly call: Strace.Call
  readonly count: number
}

/** Kills each life at its own point. Answers how many were killed: the last ones may have ended before. */
const killedAt = (root: string, points: ReadonlyArray<Point>, seed: number, figures: Figures) =>
  Effect.gen(function*() {
    const story = Story.begin(root, points.map(({ call, count }) => `${call}-${count}`).join("-"), WANTED)
    let kills = 0
    for (const [i, point] of points.entries()) {
      const { code, notOpened, said, signal } = yield* Story.live(story, String(i), Strace.killAt(point.call, point.count))
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

const CALLS = Object.keys(Strace.CALLS) as ReadonlyArray<Strace.Call>

export const syscalls = (root: string, { isEnough, seed, whole }: Budget, figures: Figures) =>
  Effect.gen(function*() {
    const roll = dice(seed)
    let done = 0
    for (const call of CALLS) {
      const stride = whole ? 1 : Math.max(1, Math.floor(Strace.CALLS[call] / SAMPLED[call]))
      for (let at = 1 + roll(stride);; at += stride) {
        const kills = yield* killedAt(root, [{ call, count: at }], seed, figures)
        done += 1
        if (kills === 0) break
        count(figures, `killed at a ${call}`)
      }
    }
    const anywhere = (): Point => {
      const call = CALLS[roll(CALLS.length)] ?? "pwrite64"
      return { call, count: 1 + roll(Strace.CALLS[call]) }
    }
    for (; !isEnough(done); done++) {
      yield* killedAt(root, [anywhere(), anywhere()], seed, figures)
      count(figures, "pairs of kills")
    }
  })
