/** Lines that runs log and print, and how many of them are kept. Pure. */
import type { Json } from "./Json.js"
import { Limits } from "./Limits.js"

export type Level = "trace" | "debug" | "info" | "warn" | "error" | "fatal"

export interface Line {
  readonly runId: string
  /** The step that logged it; `undefined` for the body of the workflow. */
  readonly stepId: string | undefined
  readonly stepName: string | undefined
  readonly attempt: number | undefined
  /** Epoch milliseconds. */
  readonly at: number
  readonly level: Level
  readonly text: string
  /** Annotations and open spans of the logger. */
  readonly fields: { readonly [name: string]: Json } | undefined
}

export type Bounds = Pick<Limits, "logLinesMax" | "logBytesMax">

/** What is kept of an attempt, or of a body, so far. */
export interface Tally {
  lines: number
  bytes: number
  /** The bounds are reached, and the line that says so is written. */
  full: boolean
}

export const emptyTally = (): Tally => ({ lines: 0, bytes: 0, full: false })

/** Counts a line. Answers what is to be kept in its place: itself, the line that says that more was left out, or nothing. */
export const admit = (tally: Tally, line: Line, bounds: Bounds = Limits): Line | undefined => {
  if (tally.full) return undefined
  const bytes = sizeOf(line)
  if (tally.lines < bounds.logLinesMax && tally.bytes + bytes <= bounds.logBytesMax) {
    tally.lines += 1
    tally.bytes += bytes
    return line
  }
  tally.full = true
  return { ...line, level: "warn", text: LEFT_OUT, fields: undefined }
}

export const LEFT_OUT = "more was logged here and left out (Limits.logLinesMax, Limits.logBytesMax)"

const encoder = new TextEncoder()

/** In bytes of UTF-8, its fields as JSON. */
export const sizeOf = ({ fields, text }: Line): number =>
  bytesOf(text) + (fields === undefined ? 0 : bytesOf(JSON.stringify(fields)))

const bytesOf = (text: string): number => encoder.encode(text).length

/** Lines of one tally have the same; a step's attempts have one each, and a body has one. */
export const tallyKey = ({ attempt, runId, stepId }: Line): string =>
  stepId === undefined ? runId : JSON.stringify([runId, stepId, attempt])
