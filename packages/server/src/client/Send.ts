/** Sends a call as often as it must be tried, and tells ordinary answers from refusals and faults. */
import { Either } from "effect"
import { CONTENT_TYPE } from "../api/Problem.js"
import type * as Route from "../api/Route.js"
import { AnswerInvalid, ServerUnreachable } from "./Errors.js"
import * as Identity from "./Identity.js"
import * as Outgoing from "./Outgoing.js"
import * as Refusal from "./Refusal.js"
import * as Retry from "./Retry.js"

/** Where calls go, and how patiently. */
export interface Target {
  readonly baseUrl: string
  readonly headers: Readonly<Record<string, string>>
  readonly fetch: (request: Request) => Promise<Response>
  readonly policy: Retry.Policy
  readonly timeoutMillis: number
}

export interface Answered {
  readonly response: Response
  /** Missing when the body is left to the caller. */
  readonly text: string | undefined
}

/** What may be otherwise the next time. */
interface Fault {
  readonly error: (tryCount: number) => Error
  readonly retryAfter: string | null
}

/** An ordinary answer, or a thrown error. An answer is read whole, unless it is ordinary and `accept` asks for a stream. */
export const send = async (
  target: Target,
  route: Route.Any,
  given: Outgoing.Loose,
  accept: string,
  isStream: boolean
): Promise<Answered> => {
  const { again, first } = Identity.identify(route, given)
  const isPatient = given.isPatient === true
  for (let tryCount = 1;; tryCount++) {
    given.signal?.throwIfAborted()
    const outgoing = Outgoing.make(target.baseUrl, route, tryCount === 1 ? first : again ?? first, accept, target.headers)
    if (Either.isLeft(outgoing)) throw outgoing.left
    const reached = await reach(target, route, outgoing.right, given.signal, isStream)
    if ("response" in reached && isOrdinary(route, reached.response)) return reached
    const fault = "response" in reached ? refused(shown(target, route), reached) : reached
    const trial = { tryCount, retryAfter: fault.retryAfter, isPatient }
    const pause = again === undefined ? undefined : Retry.pauseOf(target.policy, trial)
    if (pause === undefined) throw fault.error(tryCount)
    await Retry.pause(pause, given.signal)
  }
}

/** Without the parameters, of which some are secrets. */
export const shown = ({ baseUrl }: Target, { method, path }: Route.Any): string => `${method} ${baseUrl}${path}`

export const isOf = (response: Response, type: string): boolean =>
  (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() === type

/** 204: a stream that has nothing more to tell. */
const isOrdinary = ({ also, kind, status }: Route.Any, response: Response): boolean =>
  !isOf(response, CONTENT_TYPE) &&
  (response.status === status || also.includes(response.status) || (kind !== "json" && response.status === 204))

/** One try, until the whole answer is there. */
const reach = async (
  target: Target,
  route: Route.Any,
  { body, headers, method, url }: Outgoing.Outgoing,
  signal: AbortSignal | undefined,
  isStream: boolean
): Promise<Answered | Fault> => {
  const bound = bounded(signal, target.timeoutMillis)
  // A server of Reprise redirects nobody; a proxy that does must not make a GET of a POST.
  const request = new Request(url, { method, headers, body: body ?? null, signal: bound.signal, redirect: "manual" })
  try {
    const response = await target.fetch(request)
    const text = isStream && isOrdinary(route, response) ? undefined : await response.text()
    return { response, text }
  } catch (cause) {
    if (signal?.aborted === true) throw signal.reason
    return unreachable(shown(target, route), detailOf(cause), null, cause)
  } finally {
    bound.release()
  }
}

/** A signal that is also aborted when the time is up. What it costs ends with `release`. */
const bounded = (signal: AbortSignal | undefined, millis: number) => {
  const controller = new AbortController()
  const abort = () => controller.abort(signal?.reason)
  const timer = setTimeout(() => controller.abort(new Error(`no answer within ${millis} ms`)), millis)
  signal?.addEventListener("abort", abort, { once: true })
  const release = () => {
    clearTimeout(timer)
    signal?.removeEventListener("abort", abort)
  }
  return { signal: controller.signal, release }
}

const unreachable = (url: string, detail: string, retryAfter: string | null, cause?: unknown): Fault => ({
  error: (tryCount) => new ServerUnreachable({ url, detail, tryCount, cause }),
  retryAfter
})

/** `fetch` says "fetch failed", and why in the cause. */
const detailOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

/** What may be tried again; anything else is thrown. */
const refused = (url: string, { response, text = "" }: Answered): Fault => {
  const { headers, status } = response
  const problem = isOf(response, CONTENT_TYPE) ? Either.getOrUndefined(Refusal.parse(text)) : undefined
  const retryAfter = headers.get("retry-after")
  // A proxy whose server is away, or starting.
  if (problem === undefined && Retry.STATUSES.has(status)) return unreachable(url, `status ${status}`, retryAfter)
  if (problem === undefined) throw new AnswerInvalid({ url, status, detail: inWords(headers, text) })
  const error = Refusal.errorOf(problem)
  if (!Retry.STATUSES.has(status)) throw error
  return { error: () => error, retryAfter }
}

/** Characters of a foreign answer that are shown. */
const SHOWN_MAX = 200

const inWords = (headers: Headers, text: string): string => {
  const location = headers.get("location")
  if (location !== null) return `it redirects to ${location}`
  return text === "" ? "it has no body" : text.slice(0, SHOWN_MAX)
}
