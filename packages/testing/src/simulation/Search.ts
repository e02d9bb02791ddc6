/**
 * Which plans are tried, in which order: each fault alone, then pairs of them, then whatever chance brings. A plan that
 * fails is made smaller for as long as it still fails.
 */
import { Effect, FastCheck as fc, Runtime } from "effect"
import * as Plan from "./Plan.js"

const DEEDS = ["crash before", "crash after", "answer lost"] as const

/** Each append with each of its faults, in memory and always replayed; without a fault there is still the latter. */
export const singles = (appendCount: number): ReadonlyArray<Plan.Plan> => [
  { ...Plan.NONE, evict: 100 },
  ...points(appendCount).flatMap((fault) => [0, 100].map((evict) => ({ ...Plan.NONE, faults: [fault], evict })))
]

const points = (appendCount: number): ReadonlyArray<Plan.Fault> =>
  Array.from({ length: appendCount }, (_, i) => i + 1).flatMap((nth) =>
    DEEDS.map((does): Plan.Fault => ({ at: "append", nth, does, amount: 0 })))

/**
 * Every pair, the second during the recovery from the first or later; at most `max` of them, evenly chosen. What the
 * first has cut off is appended again, so there is one append more.
 */
export const pairs = (appendCount: number, max: number): ReadonlyArray<Plan.Plan> => {
  const all = points(appendCount + 1)
  const found = all.flatMap((first, i) => all.slice(i + 1).filter(({ nth }) => nth > first.nth).map((second) => [first, second]))
  const stride = Math.max(1, found.length / max)
  const chosen = Array.from({ length: Math.min(found.length, max) }, (_, i) => found[Math.floor(i * stride)]!)
  return chosen.map((faults, i) => ({ ...Plan.NONE, faults, evict: i % 2 === 0 ? 0 : 100 }))
}

/** Where a search by chance begins. */
export interface Seed {
  readonly seed: number
  readonly path?: string
}

export interface Found<A> {
  readonly counterexample: A
  readonly again: Seed
}

/** The smallest of what `values` draws for which `isFine` says no. */
export const smallest = <A>(
  values: fc.Arbitrary<A>,
  count: number,
  from: Seed,
  isFine: (value: A) => Effect.Effect<boolean>
): Effect.Effect<Found<A> | undefined> =>
  Effect.flatMap(Effect.runtime<never>(), (runtime) =>
    Effect.promise(async () => {
      const property = fc.asyncProperty(values, (value) => Runtime.runPromise(runtime)(isFine(value)))
      const path = from.path === undefined ? {} : { path: from.path }
      const { counterexample, counterexamplePath, seed } = await fc.check(property, { numRuns: count, seed: from.seed, ...path })
      if (counterexample === null) return undefined
      return { counterexample: counterexample[0], again: { seed, path: counterexamplePath ?? "" } }
    }))
