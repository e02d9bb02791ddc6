/** Instants and lengths of time, as people read and write them. */

const UNITS = [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1_000]] as const

/** A length in its two largest units: `2d 3h`, `1m 5s`, `1.5s`, `12ms`. */
export const length = (millis: number): string => {
  if (millis < 1_000) return `${Math.round(millis)}ms`
  if (millis < 60_000) return `${Number((Math.floor(millis / 100) / 10).toFixed(1))}s`
  const parts: Array<string> = []
  let left = millis
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size)
    left -= count * size
    if (count > 0) parts.push(`${count}${unit}`)
    else if (parts.length > 0) break
  }
  return parts.slice(0, 2).join(" ")
}

/** How far away an instant is. */
export const away = (at: number, now: number): string => at > now ? `in ${length(at - now)}` : `${length(now - at)} ago`

/** With how far away it is. */
export const full = (at: number, now: number): string => `${iso(at)} (${away(at, now)})`

/** An instant that no calendar has is shown as it is. */
export const iso = (at: number): string => {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString()
}

const LENGTH = /^(?:\d+(?:ms|s|m|h|d)\s*)+$/

/** `90s`, `1h30m`, `7d`; `undefined` for anything else. */
export const parseLength = (text: string): number | undefined => {
  if (!LENGTH.test(text)) return undefined
  let millis = 0
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) {
    millis += Number(count) * (UNITS.find(([name]) => name === unit)?.[1] ?? 1)
  }
  return millis
}

/** An instant: RFC 3339, or a length before (`sign` -1) or after now. */
export const parseInstant = (text: string, now: number, sign: 1 | -1): number | undefined => {
  const millis = parseLength(text)
  if (millis !== undefined) return now + sign * millis
  const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : NaN
  return Number.isNaN(at) ? undefined : at
}
