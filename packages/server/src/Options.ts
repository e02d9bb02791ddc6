/** What a server is told when it is made, and every bound of it with its unit and the reason for its number. */
import type * as Auth from "./auth/Auth.js"
import type * as Streams from "./stream/Streams.js"

export interface Bounds {
  /** The largest body of a request, in bytes. */
  readonly bodyBytesMax: number
  /** How deeply the JSON of a body may be nested. */
  readonly depthMax: number
  /** The size of a request's line and headers, in bytes. */
  readonly headersBytesMax: number
  /** Longest time until the headers of a request are there, in milliseconds. */
  readonly headersMillis: number
  /** Longest time until a request is there as a whole, in milliseconds. */
  readonly requestMillis: number
  /** Longest time until a request has its answer, or the beginning of its stream, in milliseconds. */
  readonly answerMillis: number
  /** How long a connection is kept open for the next request, in milliseconds. */
  readonly keepAliveMillis: number
  /** Longest time that requests may go on after the server was told to stop, in milliseconds. */
  readonly graceMillis: number
}

export interface Options extends Partial<Bounds>, Partial<Streams.Bounds>, Auth.Options {}

export interface Settings extends Bounds, Partial<Streams.Bounds>, Auth.Options {}

export const BOUNDS: Bounds = {
  // Twice the largest payload: its JSON may hold escapes, and something stands around it.
  bodyBytesMax: 2_097_152,
  // Payloads may be nested 200 deep; nobody writes half of that.
  depthMax: 100,
  // Node's own bound.
  headersBytesMax: 16_384,
  headersMillis: 10_000,
  requestMillis: 30_000,
  // Longer than the longest wait for a result that may be asked for; what hangs is the store.
  answerMillis: 90_000,
  // Longer than the minute after which most proxies close a connection: they must be the first.
  keepAliveMillis: 65_000,
  graceMillis: 10_000
}

/** The given options and the default of every bound. */
export const complete = (options: Options): Settings => ({ ...BOUNDS, ...options })
