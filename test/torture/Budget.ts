/** How much torture is enough: a number of trials for the tests, a stretch of time for `npm run torture`. */

export interface Budget {
  /** Chooses moments and places; a failure prints it. */
  readonly seed: number
  /** Whether to stop after so many trials. */
  readonly isEnough: (trials: number) => boolean
  /** Everything in its order, instead of a sample. */
  readonly whole: boolean
}

/** Counts of what was done and seen, by name. */
export type Figures = Record<string, number>

export const count = (figures: Figures, name: string, by = 1): void => {
  figures[name] = (figures[name] ?? 0) + by
}

/** The seed of this time: `TORTURE_SEED`, or one nobody has chosen. */
export const seedOfNow = (): number => Number(process.env["TORTURE_SEED"] ?? Math.floor(Math.random() * 1_000_000))

export const trials = (seed: number, count: number): Budget => ({ seed, isEnough: (done) => done >= count, whole: false })

export const minutes = (seed: number, count: number): Budget => {
  const end = performance.now() + count * 60_000
  return { seed, isEnough: () => performance.now() >= end, whole: true }
}

/** Numbers from 0 to `below` (mulberry32): the same for the same seed. */
export const dice = (seed: number): (below: number) => number => {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

/** What went wrong, with what is needed to see it again. */
export class Wrong extends Error {
  constructor(story: string, wrongs: ReadonlyArray<string>, seed: number) {
    super(`${story} (TORTURE_SEED=${seed}):\n${wrongs.join("\n")}`)
  }
}
