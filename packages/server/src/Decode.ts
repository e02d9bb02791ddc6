/**
 * From a request to what its handler is asked. The schemas of a route are compiled once, when it is mounted; everything
 * that a route does not name is refused.
 */
import { Effect, Either, ParseResult, SchemaAST } from "effect"
import type * as Route from "./api/Route.js"
import { BodyInvalid, type Issue, RequestInvalid } from "./Errors.js"

export interface Decoder {
  /** The parameters, from the path as it was sent. */
  readonly params: (path: string) => Effect.Effect<unknown, RequestInvalid>
  /** The query, from what stands behind the question mark. */
  readonly query: (search: string) => Effect.Effect<unknown, RequestInvalid>
  /** The body, from its JSON; `undefined` for one that is empty. */
  readonly body: (json: unknown) => Effect.Effect<unknown, BodyInvalid>
}

export const of = (route: Route.Any): Decoder => ({
  params: paramsOf(route),
  query: queryOf(route),
  body: bodyOf(route)
})

const OPTIONS = { onExcessProperty: "error", errors: "all" } as const

// ---- the path ----

const NOTHING = {}

const paramsOf = (route: Route.Any): Decoder["params"] => {
  const places = route.path.split("/").flatMap((segment, index) => segment.startsWith("{") ? [{ name: segment.slice(1, -1), index }] : [])
  if (places.length === 0) return () => Effect.succeed(NOTHING)
  const decode = ParseResult.decodeUnknownEither(route.params, OPTIONS)
  return (path) => {
    const segments = path.split("/")
    const found: Array<readonly [string, string]> = []
    for (const { index, name } of places) {
      const value = unescaped(segments[index] ?? "")
      if (value === undefined) return invalid([{ path: `path.${name}`, message: "it is not percent-encoded as UTF-8" }])
      found.push([name, value])
    }
    const decoded = decode(Object.fromEntries(found))
    return Either.isRight(decoded) ? Effect.succeed(decoded.right) : invalid(issuesOf("path", decoded.left))
  }
}

const unescaped = (segment: string): string | undefined => {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

const invalid = (errors: ReadonlyArray<Issue>) => new RequestInvalid({ errors })

// ---- the query ----

/** A field of a query, in its encoded form. */
export interface Field {
  readonly name: string
  readonly required: boolean
  /** Given by repeating its name. */
  readonly repeated: boolean
  readonly type: SchemaAST.AST
}

/** The fields of a schema of parameters or of a query. */
export const fieldsOf = (ast: SchemaAST.AST): ReadonlyArray<Field> =>
  SchemaAST.getPropertySignatures(ast).map(({ isOptional, name, type }) => ({
    name: String(name),
    required: !isOptional,
    repeated: SchemaAST.isTupleType(defined(SchemaAST.encodedAST(type))),
    type
  }))

/** Without the `undefined` of an optional field. */
export const defined = (ast: SchemaAST.AST): SchemaAST.AST => {
  if (!SchemaAST.isUnion(ast)) return ast
  return SchemaAST.Union.make(ast.types.filter((type) => !SchemaAST.isUndefinedKeyword(type)))
}

const queryOf = (route: Route.Any): Decoder["query"] => {
  const fields = new Map(fieldsOf(route.query.ast).map((field) => [field.name, field]))
  const decode = ParseResult.decodeUnknownEither(route.query, OPTIONS)
  return (search) => {
    if (search === "" && fields.size === 0) return Effect.succeed(NOTHING)
    const given = new URLSearchParams(search)
    const names = [...new Set(given.keys())]
    const errors = names.flatMap((name) => faultOf(fields.get(name), name, given.getAll(name).length))
    if (errors.length > 0) return invalid(errors)
    const decoded = decode(Object.fromEntries(names.map((name) => [name, valueOf(fields.get(name), given.getAll(name))])))
    return Either.isRight(decoded) ? Effect.succeed(decoded.right) : invalid(issuesOf("query", decoded.left))
  }
}

const faultOf = (field: Field | undefined, name: string, count: number): ReadonlyArray<Issue> => {
  const path = `query.${short(name)}`
  if (field === undefined) return [{ path, message: UNKNOWN }]
  return field.repeated || count === 1 ? [] : [{ path, message: `it is given ${count} times` }]
}

const valueOf = (field: Field | undefined, values: ReadonlyArray<string>): unknown => field?.repeated === true ? values : values[0]

// ---- the body ----

const bodyOf = (route: Route.Any): Decoder["body"] => {
  if (route.body === undefined) return () => Effect.succeed(undefined)
  const decode = ParseResult.decodeUnknownEither(route.body, { ...OPTIONS, errors: "first" })
  const explain = ParseResult.decodeUnknownEither(route.body, OPTIONS)
  return (json = NOTHING) => {
    const decoded = attempted(() => decode(json))
    if (decoded === undefined) return new BodyInvalid({ errors: [{ path: "body", message: "a tag in it is no text" }] })
    if (Either.isRight(decoded)) return Effect.succeed(decoded.right)
    // To find all faults of a large body, and to say what each is, may take a minute, in which nobody else is answered.
    const explained = isSmall(json) ? explain(json) : decoded
    return new BodyInvalid({ errors: issuesOf("body", Either.isLeft(explained) ? explained.left : decoded.left) })
  }
}

/** Schemas tell members of a union apart by the text of their tags; of an object with a `toString` of its own there is none. */
const attempted = <A>(decode: () => A): A | undefined => {
  try {
    return decode()
  } catch (thrown) {
    if (thrown instanceof TypeError) return undefined
    throw thrown
  }
}

/** Values that a body holds at most to be told of all that is wrong with it. */
const VALUES_MAX = 500

const isSmall = (json: unknown): boolean => {
  let left = VALUES_MAX
  const count = (value: unknown): boolean => {
    left -= 1
    if (left < 0) return false
    return typeof value !== "object" || value === null || Object.values(value).every(count)
  }
  return count(json)
}

// ---- what is wrong ----

const UNKNOWN = "the route takes no such field"
/** Issues that an answer lists; a body can be wrong in a million places. */
const ISSUES_MAX = 50
const SHOWN_MAX = 200

const issuesOf = (root: string, issue: ParseResult.ParseIssue): ReadonlyArray<Issue> => {
  const byPath = new Map<string, Set<string>>()
  for (const { _tag, message, path } of ParseResult.ArrayFormatter.formatIssueSync(issue)) {
    const place = [root, ...path.map((part) => short(String(part)))].join(".")
    const messages = byPath.get(place) ?? new Set()
    // That a field might as well be missing helps nobody who has given it.
    if (!message.startsWith("Expected undefined")) messages.add(_tag === "Unexpected" ? UNKNOWN : short(message))
    if (messages.size > 0) byPath.set(place, messages)
  }
  return [...byPath].slice(0, ISSUES_MAX).map(([path, messages]) => ({ path, message: short([...messages].join("; or ")) }))
}

const short = (text: string): string => (text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text)
