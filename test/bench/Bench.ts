/** What a bench is, and what it answers. */

/** Numbers in the bench's unit; further fields are printed as they are. */
export interface Measured {
  /** The median of the repetitions; of latencies the p50. */
  readonly value: number
  readonly p50?: number
  readonly p99?: number
  /** What the bare disk does, measured in the same process between the repetitions. */
  readonly limit?: number
  readonly [more: string]: number | undefined
}

/** A target on one field; `ratio` is value / limit. */
export interface Target {
  readonly of: "value" | "ratio" | "p99"
  readonly atLeast?: number
  readonly atMost?: number
}

export interface Bench {
  readonly name: string
  readonly unit: string
  /** One line: what is counted or timed. */
  readonly about: string
  readonly target?: Target
  readonly nodeFlags?: ReadonlyArray<string>
  /** `folder` is fresh and on the disk of the repository. Throws `Wrong` when a result is not what it must be. */
  readonly measure: (folder: string) => Promise<Measured>
}

export interface Result extends Measured {
  readonly ratio?: number
}

export const withRatio = (measured: Measured): Result =>
  measured.limit === undefined ? measured : { ...measured, ratio: measured.value / measured.limit }

export const isMet = (target: Target, result: Result): boolean => {
  const found = result[target.of] ?? NaN
  return found >= (target.atLeast ?? -Infinity) && found <= (target.atMost ?? Infinity)
}

/** The engine did something else than it was asked to: the time that it took means nothing. */
export class Wrong extends Error {}

export const check = (condition: boolean, what: string): void => {
  if (!condition) throw new Wrong(what)
}

export const equal = <A extends string | number | undefined>(what: string, found: A, wanted: A): void =>
  check(found === wanted, `${what}: ${found} instead of ${wanted}`)
