/** Numbers out of repetitions. */

/** The value below which the share `q` of the samples lies. */
export const percentile = (samples: ReadonlyArray<number>, q: number): number => {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN
}

export const median = (samples: ReadonlyArray<number>): number => percentile(samples, 0.5)

/** `value`, `p50` and `p99` of latencies. */
export const latencies = (samples: ReadonlyArray<number>) => {
  const p50 = median(samples)
  return { value: p50, p50, p99: percentile(samples, 0.99) }
}

/** Milliseconds that `work` took, and what it answered. */
export const timed = async <A>(work: () => Promise<A>): Promise<readonly [millis: number, answer: A]> => {
  const before = performance.now()
  const answer = await work()
  return [performance.now() - before, answer]
}
