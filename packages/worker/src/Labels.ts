/**
 * The labels under which a metric counts: sets of two, made once each. They are found by identity in Effect's registry, and
 * making them costs more than counting.
 *
 * - N1 A metric has a bounded number of series: names come from programs, and every series is kept until the process ends. When
 *      there are `SERIES_MAX`, what is new counts under `other`.
 */
import { MetricLabel } from "effect"

export type Labels = ReadonlyArray<MetricLabel.MetricLabel>

export const OTHER = "other"

/** A histogram of so many series is about a hundred kilobytes of text. */
const SERIES_MAX = 200

export const make = (first: string, second: string, seriesMax = SERIES_MAX): (a: string, b: string) => Labels => {
  const made = new Map<string, Map<string, Labels>>()
  let count = 0
  const add = (a: string, b: string): Labels => {
    const labels = [MetricLabel.make(first, a), MetricLabel.make(second, b)]
    const inner = made.get(a)
    if (inner === undefined) made.set(a, new Map([[b, labels]]))
    else inner.set(b, labels)
    return labels
  }
  return (a, b) => {
    const known = made.get(a)?.get(b)
    if (known !== undefined) return known
    count += 1
    if (count <= seriesMax) return add(a, b)
    // N1: at most one more for each first name, and one for all other names.
    const rest = made.has(a) ? a : OTHER
    return made.get(rest)?.get(OTHER) ?? add(rest, OTHER)
  }
}
