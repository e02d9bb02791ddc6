/** Results for people. */
import { type Bench, isMet, type Result, type Target } from "./Bench.js"

const WIDTHS = [18, 12, 10, 20, 12, 7, 16, 4] as const

const NUMBERS = new Set([1, 4, 5])

const row = (cells: ReadonlyArray<string>): string =>
  cells.map((cell, i) => {
    const width = WIDTHS[i] ?? 0
    return NUMBERS.has(i) ? cell.padStart(width) : cell.padEnd(width)
  }).join("  ").trimEnd()

export const header = row(["bench", "value", "unit", "p50 / p99", "limit", "ratio", "target", "met", ""])

/** Three significant digits, or all digits before the point. */
export const show = (value: number): string =>
  Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)))

const showTarget = ({ atLeast, atMost, of }: Target): string =>
  `${of} ${atLeast === undefined ? `<= ${show(atMost ?? NaN)}` : `>= ${show(atLeast)}`}`

const NAMED = new Set(["value", "p50", "p99", "limit", "ratio"])

export const line = (bench: Bench, result: Result): string => {
  const { limit, p50, p99, ratio, value } = result
  const more = Object.entries(result).filter(([key]) => !NAMED.has(key))
  return row([
    bench.name,
    show(value),
    bench.unit,
    p50 === undefined || p99 === undefined ? "" : `${show(p50)} / ${show(p99)}`,
    limit === undefined ? "" : show(limit),
    ratio === undefined ? "" : ratio.toFixed(2),
    bench.target === undefined ? "" : showTarget(bench.target),
    bench.target === undefined ? "" : isMet(bench.target, result) ? "yes" : "no",
    more.map(([key, found]) => `${key} ${show(found ?? NaN)}`).join(", ")
  ])
}
