/** A call of a route as an HTTP request, in the pieces from which each try makes its `Request` anew. */
import { Errors, Json, Payload } from "@reprise/core/engine"
import { Either } from "effect"
import type * as Route from "../api/Route.js"

/** A field of a call: left out when the route takes nothing there, optional when all of it is. */
type Field<Name extends string, T> = [T] extends [undefined] ? { readonly [N in Name]?: undefined }
  : {} extends T ? { readonly [N in Name]?: T }
  : { readonly [N in Name]: T }

/** What a route is called with, decoded: instants are epoch milliseconds, flags are booleans. */
export type Given<R extends Route.Any> =
  & Field<"params", Route.ParamsOf<R>>
  & Field<"query", Route.QueryOf<R>>
  & Field<"body", Route.BodyOf<R>>
  & Common

export interface Common {
  readonly headers?: { readonly [H in Route.Header]?: string | undefined } | undefined
  /** Gives up; the call is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Puts up with a server that is away for longer: `Retries.waitCountMax`. */
  readonly isPatient?: boolean | undefined
}

/** A call as the code here sees it; `Given` has checked it. */
export interface Loose extends Common {
  readonly params?: unknown
  readonly query?: unknown
  readonly body?: unknown
}

export interface Outgoing {
  readonly method: Route.Method
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** What is refused here would be refused by the server in the same words. */
export type Refusal = Errors.PayloadInvalid | Errors.NameInvalid

export const make = (
  baseUrl: string,
  route: Route.Any,
  given: Loose,
  accept: string,
  headers: Readonly<Record<string, string>>
): Either.Either<Outgoing, Refusal> =>
  Either.gen(function*() {
    const path = yield* pathOf(route, yield* encoded(route, "params", given.params ?? {}))
    const query = queryOf(yield* encoded(route, "query", given.query ?? {}))
    const body = route.body === undefined ? undefined : yield* encoded(route, "body", given.body ?? {})
    const own: Record<string, string> = { ...headers, accept }
    for (const [name, value] of Object.entries(given.headers ?? {})) if (value !== undefined) own[name.toLowerCase()] = value
    if (body !== undefined) own["content-type"] = "application/json"
    return {
      method: route.method,
      url: `${baseUrl}${path}${query}`,
      headers: own,
      body: body === undefined ? undefined : JSON.stringify(body)
    }
  })

const encoded = (
  route: Route.Any,
  part: "params" | "query" | "body",
  value: unknown
): Either.Either<Json.Json | undefined, Refusal> => {
  const what = `${part} of ${route.name}`
  const schema = route[part]
  if (schema === undefined) return Either.right(undefined)
  return Payload.codec(schema).encode(value, what)
}

/** Each parameter as one segment. A URL cannot hold an empty one, `.` or `..`, however they are written. */
const pathOf = (route: Route.Any, params: Json.Json | undefined): Either.Either<string, Refusal> => {
  let path = route.path
  for (const [name, value] of Object.entries(params ?? {})) {
    const text = String(value)
    if (text === "" || text === "." || text === ".." || /\p{Surrogate}/u.test(text)) {
      return Either.left(new Errors.NameInvalid({ what: name, value: text, detail: "cannot stand in the path of a URL" }))
    }
    path = path.replace(`{${name}}`, () => encodeURIComponent(text))
  }
  return Either.right(path)
}

/** A list is told by repeating its name. */
const queryOf = (query: Json.Json | undefined): string => {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const item of Array.isArray(value) ? value : [value]) search.append(name, String(item))
  }
  const text = search.toString()
  return text === "" ? "" : `?${text}`
}
