/** One request and the making of its answer: ids, headers, bodies. */
import { randomUUID } from "node:crypto"
import type { Refusal } from "./api/Handler.js"
import type { Caller } from "./api/Model.js"
import { type Code, CONTENT_TYPE } from "./api/Problem.js"
import type { Incoming } from "./auth/Credentials.js"
import * as Headers from "./auth/Headers.js"
import { isCode, problemOf } from "./Problems.js"

/** What is known of a caller beside the request. */
export interface From {
  readonly remoteAddress?: string | undefined
}

export interface Exchange extends Incoming {
  readonly request: Request
  readonly requestId: string
  /** As it was sent, and what stands behind its question mark. */
  readonly path: string
  readonly search: string
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal
  /** Headers that the answer gets, whatever it is. */
  headers: Readonly<Record<string, string>>
  /** The path of its route, once there is one. */
  route: string | undefined
  /** Known when the caller was let in. */
  caller: Caller | undefined
  /** The run that it is about, for the audit log. */
  runId: string | undefined
  /** Why it was refused. */
  code: Code | undefined
}

/** An id that somebody else has given; other texts could forge lines of a log. */
const PLAIN = /^[\w.:-]{1,128}$/

export const make = (request: Request, from: From, policy: Headers.Policy): Exchange => {
  const header = (name: string) => request.headers.get(name) ?? undefined
  const given = header("x-request-id")
  const { method } = request
  return {
    request,
    requestId: given !== undefined && PLAIN.test(given) ? given : randomUUID(),
    ...placeOf(request.url),
    method,
    header,
    remoteAddress: from.remoteAddress,
    signal: request.signal,
    headers: Headers.cors(policy, { header, method }),
    route: undefined,
    caller: undefined,
    runId: undefined,
    code: undefined
  }
}

export const placeOf = (url: string): { readonly path: string; readonly search: string } => {
  const begin = url.indexOf("/", url.indexOf("://") + 3)
  const hash = url.indexOf("#", begin)
  const end = hash === -1 ? url.length : hash
  const mark = url.indexOf("?", begin)
  if (mark === -1 || mark > end) return { path: url.slice(begin, end), search: "" }
  return { path: url.slice(begin, mark), search: url.slice(mark + 1, end) }
}

type Given = Readonly<Record<string, string>>

/** One name has one value, in whichever case it was written. */
const lowered = (headers: Given): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

const SECURITY = lowered(Headers.SECURITY)

/** Statuses whose answers have no body. */
const BARE: ReadonlySet<number> = new Set([204, 304])

type Content = string | ReadableStream<Uint8Array> | null

/** What is answered, before it is written: a `Response` costs more than most of what is asked. */
export interface Answer {
  readonly status: number
  /** By their lower-case names. */
  readonly headers: Given
  readonly body: Content
}

export const respond = (exchange: Exchange, status: number, given: Given, body: Content): Answer => ({
  status,
  headers: { ...SECURITY, ...lowered(exchange.headers), ...lowered(given), "x-request-id": exchange.requestId },
  body: BARE.has(status) ? null : kept(exchange, body)
})

export const responseOf = ({ body, headers, status }: Answer): Response => new Response(body, { status, headers })

/** The answer to HEAD has no body: nobody would ever read what is made as it is read. */
const kept = ({ method }: Exchange, body: Content): Content => {
  if (method !== "HEAD") return body
  if (body !== null && typeof body !== "string") void body.cancel()
  return null
}

export const isTold = (refusal: Refusal): refusal is Refusal & { readonly _tag: Code } => isCode(refusal._tag)

/** The answer for a refusal whose tag is in the table. */
export const refusal = (exchange: Exchange, refused: Refusal): Answer => {
  if (!isTold(refused)) throw new Error(`${refused._tag} is not in the table of problems`)
  const problem = problemOf(refused, exchange.requestId)
  exchange.code = refused._tag
  return respond(exchange, problem.status, { "content-type": CONTENT_TYPE, ...headersOf(refused, problem.status) }, JSON.stringify(problem))
}

/** Seconds after which it is worth to ask again. */
const RETRY_AFTER = "1"

const headersOf = (refused: Refusal & { readonly _tag: Code }, status: number): Given => {
  if (refused._tag === "Unauthenticated") return { "www-authenticate": "Bearer realm=\"reprise\"" }
  if (refused._tag === "RateLimited" && "retryAfterSeconds" in refused) return { "retry-after": String(refused.retryAfterSeconds) }
  if ("allowed" in refused && Array.isArray(refused.allowed)) return { allow: refused.allowed.join(", ") }
  return status === 503 ? { "retry-after": RETRY_AFTER } : {}
}
