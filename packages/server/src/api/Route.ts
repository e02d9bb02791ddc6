/**
 * A route as data: from it come the mounted handler, the decoding of requests, the OpenAPI document, the check of the
 * caller's role, and the typed client. Nothing else knows a path.
 */
import { Schema } from "effect"
import type { Code } from "./Problem.js"

/** What a caller must be allowed to do. `open` needs no credentials. Which role may do what is in auth/Role.ts. */
export type Access = "open" | "read" | "write" | "operate" | "administer"

export type Method = "GET" | "POST" | "DELETE"

export type Fields = Schema.Struct.Fields

/** Request headers that routes know beside those of HTTP itself. */
export type Header = "Idempotency-Key" | "If-Match" | "If-None-Match" | "Last-Event-ID" | "Prefer"

/** What the answer's body is. `events` may also be had as NDJSON or as server-sent events, by `Accept`. */
export type Kind = "json" | "events" | "lines" | "text" | "html" | "empty"

export interface Route<Params, Query, Body, Answer> {
  /** The operation's id; handlers and client methods are found by it. */
  readonly name: string
  readonly method: Method
  /** With parameters in braces: `/api/v1/runs/{runId}`. */
  readonly path: string
  readonly tag: string
  readonly summary: string
  readonly access: Access
  readonly params: Schema.Schema<Params, any>
  /** A field whose encoded form is an array is given by repeating its name. */
  readonly query: Schema.Schema<Query, any>
  readonly headers: ReadonlyArray<Header>
  /** `undefined`: the route takes no body. */
  readonly body: Schema.Schema<Body, any> | undefined
  readonly kind: Kind
  /** The status of the ordinary answer. */
  readonly status: number
  /** Other statuses with the same body: 202 where 200 would mean "done". */
  readonly also: ReadonlyArray<number>
  readonly answer: Schema.Schema<Answer, any>
  /** Codes of its own, beside those that any route may answer. */
  readonly problems: ReadonlyArray<Code>
}

export type Any = Route<any, any, any, any>

export type ParamsOf<R> = R extends Route<infer Params, any, any, any> ? Params : never
export type QueryOf<R> = R extends Route<any, infer Query, any, any> ? Query : never
export type BodyOf<R> = R extends Route<any, any, infer Body, any> ? Body : never
export type AnswerOf<R> = R extends Route<any, any, any, infer Answer> ? Answer : never

interface Given<Params, Query, Body, Answer> {
  readonly tag: string
  readonly summary: string
  readonly access: Access
  readonly params?: Schema.Schema<Params, any>
  readonly query?: Schema.Schema<Query, any>
  readonly headers?: ReadonlyArray<Header>
  readonly body?: Schema.Schema<Body, any>
  readonly kind?: Kind
  readonly status?: number
  readonly also?: ReadonlyArray<number>
  readonly answer?: Schema.Schema<Answer, any>
  readonly problems?: ReadonlyArray<Code>
}

const Nothing = Schema.Struct({})

export const make = <Params = {}, Query = {}, Body = undefined, Answer = void>(
  name: string,
  method: Method,
  path: string,
  given: Given<Params, Query, Body, Answer>
): Route<Params, Query, Body, Answer> => ({
  name,
  method,
  path,
  tag: given.tag,
  summary: given.summary,
  access: given.access,
  params: given.params ?? (Nothing as Schema.Schema<any>),
  query: given.query ?? (Nothing as Schema.Schema<any>),
  headers: given.headers ?? [],
  body: given.body,
  kind: given.kind ?? (given.answer === undefined ? "empty" : "json"),
  status: given.status ?? (given.answer === undefined ? 204 : 200),
  also: given.also ?? [],
  answer: given.answer ?? (Schema.Void as Schema.Schema<any>),
  problems: given.problems ?? []
})
