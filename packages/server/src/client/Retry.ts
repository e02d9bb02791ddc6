/** When a request is sent again, and after how long. */
import type * as Route from "../api/Route.js"

export interface Retries {
  /** Further tries of a request that can be repeated. Default: 5. */
  readonly countMax?: number
  /** Further tries in a row while a result is awaited or a run followed; they may outlast a restart. Default: 40. */
  readonly waitCountMax?: number
  /** The first pause; each further one is twice as long. Jittered. Default: 100. */
  readonly baseMillis?: number
  /** The longest pause. A server that wants a longer one is asked again only by calls that wait anyhow. Default: 10,000. */
  readonly pauseMillisMax?: number
}

export type Policy = Required<Retries>

/** Together some three seconds; while waiting some four minutes. */
export const DEFAULTS: Policy = { countMax: 5, waitCountMax: 40, baseMillis: 100, pauseMillisMax: 10_000 }

/** Statuses that may be others the next time. */
export const STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** What a call has met so far. */
export interface Trial {
  readonly tryCount: number
  /** What the server said about when to come back, if it said something. */
  readonly retryAfter: string | null
  /** The call waits for something anyhow: a result, a stream. */
  readonly isPatient: boolean
}

/** The pause before the next try; `undefined` when there is none. */
export const pauseOf = (policy: Policy, { isPatient, retryAfter, tryCount }: Trial): number | undefined => {
  const { baseMillis, countMax, pauseMillisMax, waitCountMax } = policy
  if (tryCount > (isPatient ? waitCountMax : countMax)) return undefined
  const asked = retryAfter === null ? 0 : askedFor(retryAfter)
  if (asked > pauseMillisMax && !isPatient) return undefined
  const longest = Math.min(pauseMillisMax, baseMillis * 2 ** (tryCount - 1))
  // All who were told the same should not come at the same moment.
  return asked === 0 ? longest * (0.5 + Math.random() / 2) : Math.min(asked, pauseMillisMax) + Math.random() * baseMillis
}

/** `Retry-After` in milliseconds: seconds, or a date. */
const askedFor = (retryAfter: string): number => {
  const millis = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - Date.now()
  return Number.isNaN(millis) ? 0 : Math.max(0, millis)
}

/** Resolves after the pause; rejects as soon as the signal is aborted. */
export const pause = (millis: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort)
      resolve()
    }, millis)
    if (signal?.aborted === true) abort()
    else signal?.addEventListener("abort", abort, { once: true })
  })

/** Routes that change nothing although they are posted to. */
const READING: ReadonlySet<string> = new Set(["queryRun", "queryKey"])

/** Whether asking twice is as asking once, by the route alone; others need an id (client/Identity.ts). */
export const isIdempotent = (route: Route.Any): boolean => route.method !== "POST" || READING.has(route.name)
