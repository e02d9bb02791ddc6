/** How a stream is written: as server-sent events (the HTML standard), or as lines of JSON. */
import type { Problem } from "../api/Problem.js"
import { MEDIA_TYPES } from "./Accept.js"

export interface Wire {
  readonly contentType: string
  /** The first bytes. `id` is where a caller goes on that is cut off before anything has come. */
  readonly opening: (id: number) => string
  readonly item: (id: number, value: unknown) => string
  /** Shows that both ends are there. What was looked at up to `id` need not be looked at again. */
  readonly heartbeat: (id: number) => string
  /** All is told. */
  readonly over: string
  /** The stream cannot go on. */
  readonly problem: (problem: Problem) => string
  /** The server stops; another, or the same one, will go on. */
  readonly stopping: (problem: Problem) => string
}

/** How long a browser waits until it asks again, in milliseconds. */
const RETRY_MILLIS = 2_000
/** After a problem it is no use to be quick. */
const PROBLEM_RETRY_MILLIS = 15_000

/**
 * Items are plain messages, so that `EventSource.onmessage` gets them. An `id` without `data` is no message; it only moves
 * what the browser sends as `Last-Event-ID`.
 */
export const sse: Wire = {
  contentType: MEDIA_TYPES.sse[0],
  opening: (id) => `retry: ${RETRY_MILLIS}\nid: ${id}\n\n`,
  item: (id, value) => `id: ${id}\ndata: ${JSON.stringify(value)}\n\n`,
  heartbeat: (id) => `: still here\nid: ${id}\n\n`,
  over: "event: end\ndata: {}\n\n",
  problem: (problem) => `event: problem\nretry: ${PROBLEM_RETRY_MILLIS}\ndata: ${JSON.stringify(problem)}\n\n`,
  stopping: (problem) => `event: stopping\nretry: ${RETRY_MILLIS}\ndata: ${JSON.stringify(problem)}\n\n`
}

/** An empty line is a heartbeat. A stream that could not be told to its end has the problem as its last line. */
export const lines: Wire = {
  contentType: MEDIA_TYPES.lines[0],
  opening: () => "",
  item: (_, value) => `${JSON.stringify(value)}\n`,
  heartbeat: () => "\n",
  over: "",
  problem: (problem) => `${JSON.stringify({ problem })}\n`,
  stopping: (problem) => `${JSON.stringify({ problem })}\n`
}
