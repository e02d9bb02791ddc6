/**
 * The low level of the client: any route of the table, called over `fetch`. It builds the request, sends it again where
 * that is safe, decodes the answer, and throws the error that a refusal stands for.
 */
import { Either, ParseResult } from "effect"
import type * as Route from "../api/Route.js"
import { AnswerInvalid } from "./Errors.js"
import type * as Outgoing from "./Outgoing.js"
import * as Retry from "./Retry.js"
import * as Send from "./Send.js"

export interface Options {
  /** Where the server is: `https://reprise.example.com`, with or without a path. */
  readonly baseUrl: string
  readonly apiKey?: string | undefined
  /** Default: the global one. An app in this process has one, too: `app.fetch`. */
  readonly fetch?: ((request: Request) => Promise<Response>) | undefined
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly retries?: Retry.Retries | undefined
  /** Longest time of one try, until its answer is whole; of a stream, until it begins. Default: 100,000. */
  readonly timeoutMillis?: number | undefined
}

const TIMEOUT_MILLIS = 100_000

type Arguments<R extends Route.Any> = {} extends Outgoing.Given<R> ? [given?: Outgoing.Given<R>] : [given: Outgoing.Given<R>]

/** An answer with what surrounds it. */
export interface Exchange<A> {
  readonly status: number
  readonly headers: Headers
  /** Missing when there is none: 304, or a route that answers nothing. */
  readonly value: A | undefined
}

export interface Call {
  /** Calls a route and answers what it answers. */
  readonly call: <R extends Route.Any>(route: R, ...given: Arguments<R>) => Promise<Route.AnswerOf<R>>
  /** The same, for those who need the status or a header. */
  readonly exchange: <R extends Route.Any>(route: R, ...given: Arguments<R>) => Promise<Exchange<Route.AnswerOf<R>>>
  /** Calls a route in order to read its answer as it comes, in the content type that is named. Whoever reads it, cancels it. */
  readonly open: <R extends Route.Any>(route: R, accept: string, ...given: Arguments<R>) => Promise<Response>
}

type Answering<A> = Route.Route<any, any, any, A>

export const make = (options: Options): Call => {
  const target = targetOf(options)
  return {
    call: (route, ...[given]) => call(target, route, given ?? {}),
    exchange: (route, ...[given]) => exchange(target, route, given ?? {}),
    open: async (route, accept, ...[given]) => (await Send.send(target, route, given ?? {}, accept, true)).response
  }
}

const targetOf = ({ apiKey, baseUrl, fetch, headers = {}, retries, timeoutMillis }: Options): Send.Target => {
  const { origin, pathname } = new URL(baseUrl)
  const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return {
    baseUrl: `${origin}${pathname.replace(/\/+$/, "")}`,
    headers: { ...Object.fromEntries(given), ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) },
    fetch: fetch ?? ((request) => globalThis.fetch(request)),
    policy: { ...Retry.DEFAULTS, ...retries },
    timeoutMillis: timeoutMillis ?? TIMEOUT_MILLIS
  }
}

const call = async <A>(target: Send.Target, route: Answering<A>, given: Outgoing.Loose): Promise<A> => {
  const { status, value } = await exchange(target, route, given)
  if (value === undefined && isJson(route)) {
    throw new AnswerInvalid({ url: Send.shown(target, route), status, detail: "it has no body" })
  }
  // A route that answers nothing has the type `void`.
  return value as A
}

const exchange = async <A>(
  target: Send.Target,
  route: Answering<A>,
  given: Outgoing.Loose
): Promise<Exchange<A>> => {
  const { response, text = "" } = await Send.send(target, route, given, ACCEPTS[route.kind], false)
  const { headers, status } = response
  const hasValue = isJson(route) && status !== 304 && status !== 204
  return { status, headers, value: hasValue ? decode(Send.shown(target, route), route, response, text) : undefined }
}

const JSON_TYPE = "application/json"

const ACCEPTS: { readonly [K in Route.Kind]: string } = {
  json: JSON_TYPE,
  events: JSON_TYPE,
  lines: JSON_TYPE,
  text: "text/plain",
  html: "text/html",
  empty: JSON_TYPE
}

const isJson = ({ kind }: Route.Any): boolean => kind !== "empty" && ACCEPTS[kind] === JSON_TYPE

/** Fields that only a newer server knows are left out. */
const decode = <A>(url: string, { answer }: Answering<A>, response: Response, text: string): A => {
  const { headers, status } = response
  if (!Send.isOf(response, JSON_TYPE)) {
    throw new AnswerInvalid({ url, status, detail: `it is ${headers.get("content-type") ?? "of no type"}, not JSON` })
  }
  const json = Either.try({ try: (): unknown => JSON.parse(text), catch: String })
  if (Either.isLeft(json)) throw new AnswerInvalid({ url, status, detail: json.left })
  const value = ParseResult.decodeUnknownEither(answer)(json.right)
  if (Either.isLeft(value)) throw new AnswerInvalid({ url, status, detail: ParseResult.TreeFormatter.formatIssueSync(value.left) })
  return value.right
}
