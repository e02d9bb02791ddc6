/** Routes with their handlers, decoders and encoders: made once, from the table of routes. */
import type { Client } from "@reprise/core"
import type { Records, RunLogs } from "@reprise/core/engine"
import { Effect, Either, ParseResult, Schema } from "effect"
import type { Handler, Handlers, Refusal, Reply } from "./api/Handler.js"
import { Caller } from "./api/Model.js"
import type { Any, Kind } from "./api/Route.js"
import { type Name, ROUTES } from "./api/Routes.js"
import type { Auth } from "./auth/Auth.js"
import type { BulkJobs } from "./bulk/BulkJobs.js"
import * as Decode from "./Decode.js"
import { type Answer, type Exchange, respond } from "./Exchange.js"
import * as Access from "./handlers/Access.js"
import * as Bulk from "./handlers/Bulk.js"
import * as Messages from "./handlers/Messages.js"
import * as Runs from "./handlers/Runs.js"
import * as Service from "./handlers/Service.js"
import * as Streams from "./handlers/Streams.js"
import * as Workflows from "./handlers/Workflows.js"
import type { Figures } from "./metrics/Figures.js"
import type { Streams as Hub } from "./stream/Streams.js"

/** What handlers find in their context. */
export type Services = Client.Client | Records.Records | RunLogs.RunLogs | Auth | BulkJobs | Figures | Hub

export type Route = Any

/** A handler for each route. */
const HANDLERS: Handlers<Name, Services> = {
  ...Access.handlers,
  ...Bulk.handlers,
  ...Messages.handlers,
  ...Runs.handlers,
  ...Service.handlers,
  ...Streams.handlers,
  ...Workflows.handlers
}

export interface Mounted {
  readonly route: Route
  readonly decode: Decode.Decoder
  readonly handle: Handler<Route, Services>
  /** A value that does not fit the schema of the route is a defect. */
  readonly encode: (exchange: Exchange, reply: Reply<unknown>) => Effect.Effect<Answer, Refusal>
}

/** The methods that a path has. */
export interface Methods {
  readonly byMethod: ReadonlyMap<string, Mounted>
  /** As the header `Allow` has them. */
  readonly allowed: ReadonlyArray<string>
}

/** All routes, by path. */
export const byPath = (): ReadonlyMap<string, Methods> => {
  const paths = new Map<string, Map<string, Mounted>>()
  for (const [name, route] of Object.entries(ROUTES)) {
    const handle: Handler<Any, Services> = Reflect.get(HANDLERS, name)
    const methods = paths.get(route.path) ?? new Map<string, Mounted>()
    methods.set(route.method, { route, decode: Decode.of(route), handle, encode: encoderOf(route) })
    paths.set(route.path, methods)
  }
  return new Map([...paths].map(([path, byMethod]) => [path, { byMethod, allowed: allowedOf([...byMethod.keys()]) }]))
}

const allowedOf = (methods: ReadonlyArray<string>): ReadonlyArray<string> =>
  [...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"].toSorted()

/** The run that parameters, or an answer, name. */
export const runIdIn = (value: unknown): string | undefined => {
  const runId: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "runId") : undefined
  return typeof runId === "string" ? runId : undefined
}

const isCaller = Schema.is(Caller)

/** The caller that an answer tells: somebody who has signed in. */
export const callerIn = (value: unknown): Caller | undefined => {
  const caller: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "caller") : undefined
  return isCaller(caller) ? caller : undefined
}

const CONTENT_TYPES: { readonly [K in Kind]: string } = {
  json: "application/json",
  events: "application/json",
  lines: "application/json",
  text: "text/plain; charset=utf-8",
  html: "text/html; charset=utf-8",
  empty: ""
}

const encoderOf = (route: Any): Mounted["encode"] => {
  const encode = ParseResult.encodeUnknownEither(route.answer)
  const contentType = { "content-type": CONTENT_TYPES[route.kind] }
  return (exchange, reply) => {
    const status = reply.status ?? route.status
    if (reply._tag === "Body") {
      return Effect.succeed(respond(exchange, status, { "content-type": reply.contentType, ...reply.headers }, reply.body))
    }
    if (route.kind === "empty" || status === 304) return Effect.succeed(respond(exchange, status, { ...reply.headers }, null))
    const encoded = encode(reply.value)
    if (Either.isLeft(encoded)) {
      return Effect.dieMessage(`the answer does not fit its route: ${ParseResult.TreeFormatter.formatIssueSync(encoded.left)}`)
    }
    return Effect.succeed(respond(exchange, status, { ...contentType, ...reply.headers }, JSON.stringify(encoded.right)))
  }
}
