/**
 * Values and errors to JSON and back: the one door between typed values and the log. Casts live here, because a codec
 * without a schema stands on the compile-time promise that its type is JSON already (`IsJson`).
 */
import { Either, ParseResult, Schema } from "effect"
import { PayloadInvalid } from "./Errors.js"
import type { Json } from "./Json.js"

/**
 * Encodes and decodes one kind of payload. `undefined` stands for an absent value. Both sides return, never throw, and
 * both copy: what is recorded changes neither with the value that it was made from nor with the value that is made from
 * it, and a value that was not read back from the log is as one that was.
 */
export interface Codec<A> {
  readonly schema: Schema.Schema<A, unknown> | undefined
  readonly encode: (value: A, what: string) => Either.Either<Json | undefined, PayloadInvalid>
  readonly decode: (json: Json | undefined, what: string) => Either.Either<A, PayloadInvalid>
}

/** A codec for a schema, or for a type that is JSON already when there is none. */
export const codec = <A>(schema?: Schema.Schema<A, any>): Codec<A> =>
  schema === undefined ? (plain as Codec<unknown> as Codec<A>) : throughSchema(schema)

const throughSchema = <A>(schema: Schema.Schema<A, unknown>): Codec<A> => {
  const encode = ParseResult.encodeUnknownEither(schema)
  const decode = ParseResult.decodeUnknownEither(schema)
  return {
    schema,
    encode: (value, what) => {
      const encoded = encode(value)
      return Either.isLeft(encoded) ? Either.left(invalid(what, encoded.left)) : checkJson(encoded.right, what)
    },
    // Absent values come back as `undefined`, which schemas of optional and void values accept.
    decode: (json, what) => {
      try {
        return Either.mapLeft(decode(copyOf(json)), (issue) => invalid(what, issue))
      } catch (thrown) {
        // A schema tells members of a union apart by the text of their tags, and an object may have a `toString` of its own.
        if (!(thrown instanceof TypeError)) throw thrown
        return Either.left(new PayloadInvalid({ what, path: "", detail: `it cannot be read: ${thrown.message}` }))
      }
    }
  }
}

const plain: Codec<unknown> = {
  schema: undefined,
  encode: (value, what) => checkJson(value, what),
  decode: (json) => Either.right(copyOf(json))
}

const invalid = (what: string, error: ParseResult.ParseError | ParseResult.ParseIssue): PayloadInvalid => {
  const issue = error._tag === "ParseError" ? (error as ParseResult.ParseError).issue : (error as ParseResult.ParseIssue)
  const first = ParseResult.ArrayFormatter.formatIssueSync(issue)[0]
  return new PayloadInvalid({
    what,
    path: first === undefined ? "" : first.path.map(String).join("."),
    detail: first?.message ?? "unknown issue"
  })
}

/** A copy of a value that JSON keeps as it is; otherwise says what stands where. */
export const checkJson = (value: unknown, what: string): Either.Either<Json | undefined, PayloadInvalid> => {
  try {
    const fault = notJson(value, "", 0)
    return fault === undefined
      ? Either.right(copyOf(value as Json | undefined))
      : Either.left(new PayloadInvalid({ what, path: fault.path, detail: fault.detail }))
  } catch (thrown) {
    // A getter, or a trap of a proxy.
    const detail = `it throws when it is read: ${thrown instanceof Error ? thrown.message : String(thrown)}`
    return Either.left(new PayloadInvalid({ what, path: "", detail }))
  }
}

/** What JSON would bring back: no fields that are `undefined`, and no sign before zero. */
const copyOf = (json: Json | undefined): Json | undefined => {
  if (json === 0) return 0
  if (typeof json !== "object" || json === null) return json
  if (Array.isArray(json)) return json.map((item: Json) => copyOf(item)!)
  const copy: Record<string, Json> = {}
  for (const [key, value] of Object.entries(json)) {
    const field = copyOf(value)
    if (field === undefined) continue
    // Assigned, it would become the copy's prototype.
    if (key === "__proto__") Object.defineProperty(copy, key, { value: field, enumerable: true, configurable: true, writable: true })
    else copy[key] = field
  }
  return copy
}

/** JSON deeper than this is taken for a cycle. */
const DEPTH_MAX = 200
/** Segments of a path into something too deep that are shown. */
const SHOWN_MAX = 5

const notJson = (value: unknown, path: string, depth: number): { path: string; detail: string } | undefined => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined
    case "undefined":
      return undefined
    case "number":
      return Number.isFinite(value) ? undefined : { path, detail: `${value} is not a JSON number` }
    case "object":
      if (value === null) return undefined
      if (depth > DEPTH_MAX) return tooDeep(path)
      return Array.isArray(value) ? badItem(value, path, depth) : badField(value, path, depth)
    default:
      return { path, detail: `a ${typeof value} is not JSON` }
  }
}

const tooDeep = (path: string) => ({
  path: `${path.split(".", SHOWN_MAX).join(".")}…`,
  detail: `it is nested more than ${DEPTH_MAX} deep, or refers to itself`
})

const badItem = (items: ReadonlyArray<unknown>, path: string, depth: number) => {
  for (let i = 0; i < items.length; i++) {
    const here = path === "" ? `${i}` : `${path}.${i}`
    const fault = items[i] === undefined ? { path: here, detail: "undefined in an array is not JSON" } : notJson(items[i], here, depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}

const badField = (value: object, path: string, depth: number) => {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    return { path, detail: `an instance of ${value.constructor?.name ?? "a class"} is not JSON; give a schema for it` }
  }
  for (const key of Object.keys(value)) {
    const fault = notJson((value as Record<string, unknown>)[key], path === "" ? key : `${path}.${key}`, depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** Whether two JSON values are the same, whatever the order of their fields. */
export const equalJson = (a: Json | undefined, b: Json | undefined): boolean => {
  if (a === b) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => equalJson(item as Json, b[i] as Json))
  }
  const left = defined(a as Record<string, Json | undefined>)
  const right = defined(b as Record<string, Json | undefined>)
  return left.length === right.length &&
    left.every(([key, value]) => equalJson(value, (b as Record<string, Json | undefined>)[key]))
}

/** JSON drops fields that are `undefined`. */
const defined = (value: Record<string, Json | undefined>) => Object.entries(value).filter(([, field]) => field !== undefined)

/**
 * The size of a value as JSON, in bytes of UTF-8. Exact when it may exceed `bytesMax`; otherwise an upper bound, which
 * is much cheaper for the small values that payloads usually are.
 */
export const sizeOf = (json: Json | undefined, bytesMax: number): number => {
  const bound = sizeBound(json)
  if (bound <= bytesMax) return bound
  return new TextEncoder().encode(JSON.stringify(json)).length
}

/** Six bytes cover the longest escape of one UTF-16 unit. */
const sizeBound = (json: Json | undefined): number => {
  if (typeof json === "string") return json.length * 6 + 2
  if (typeof json !== "object" || json === null) return 24
  let bytes = 2
  for (const [key, value] of Object.entries(json)) bytes += key.length * 6 + 4 + sizeBound(value as Json)
  return bytes
}
