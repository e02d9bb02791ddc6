/** What is sent: values that the document lets pass, changes that spoil them, and what fits nothing at all. */
import fc from "fast-check"
import { type Operation, parametersIn, resolved, type Schema } from "./Document.js"

/** Something that is known to the server by the time when it is sent: the n-th of its kind. */
export class Known {
  readonly kind: string
  readonly n: number
  constructor(kind: string, n: number) {
    this.kind = kind
    this.n = n
  }
}

export type Text = string | Known
/** One pair of a query, or of a form of headers. */
export type Pair = readonly [name: string, value: Text]

export interface Draw {
  readonly operation: Operation
  readonly params: Readonly<Record<string, Text>>
  readonly query: ReadonlyArray<Pair>
  readonly headers: ReadonlyArray<Pair>
  readonly body: unknown
}

// ---- texts and numbers ----

const ODD_TEXTS = [
  "",
  " ",
  ".",
  "..",
  "../../etc/passwd",
  "..\\..\\x",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "a\udfff",
  "\u202eabc",
  "e\u0301\u0323".repeat(9),
  "\ufeff",
  "\u2028\u2029",
  "\r\nSet-Cookie: a=b",
  "\n\n",
  "%00",
  "%2e%2e%2f",
  "%",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "null",
  "undefined",
  "NaN",
  "1e999",
  "-0",
  "9".repeat(400),
  "a".repeat(257),
  "é".repeat(3_000),
  "👩‍👩‍👧‍👦".repeat(30),
  "'; DROP TABLE runs; --",
  "${7*7}",
  "<script>alert(1)</script>",
  "*",
  ":runId",
  "{runId}",
  "?a=b#c",
  "a/b",
  "日本語"
]

export const text: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...ODD_TEXTS),
  fc.string({ maxLength: 20 }),
  fc.string({ unit: "binary", maxLength: 10 }),
  fc.stringMatching(/^[a-z]{1,8}$/)
)

const digits = (n: number, width = 2) => String(n).padStart(width, "0")
const upTo = (max: number) => fc.nat(max)

/** Instants as RFC 3339 has them; some of them on days that no month has, or at odd hours. */
const instant: fc.Arbitrary<string> = fc.tuple(
  fc.constantFrom(0, 1, 1969, 1970, 2024, 2025, 2026, 2099, 9999),
  upTo(13),
  upTo(32),
  fc.tuple(upTo(25), upTo(60), upTo(60)),
  fc.constantFrom("", "", ".5", ".123", ".000000001", ".1234567890123456"),
  fc.constantFrom("Z", "Z", "z", "+00:00", "-00:00", "+23:59", "-12:30", "+24:00", "+05:60")
).map(([year, month, day, time, part, zone]) =>
  `${digits(year, 4)}-${digits(month)}-${digits(day)}T${time.map((n) => digits(n)).join(":")}${part}${zone}`)

const soon: fc.Arbitrary<string> = fc.constantFrom("2026-01-31T12:00:00Z", "2020-02-29T23:59:59.999Z", "2031-12-01T00:00:00+01:00")

const json: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  text,
  fc.constantFrom(null, 0, -0, 1e308, 5e-324, Number.MAX_SAFE_INTEGER, -1e21, [], {}, [[[[[[]]]]]]),
  fc.dictionary(text, fc.integer(), { maxKeys: 4 })
)

/** Values that workflows of the test take, so that not all is refused. */
const LIKELY: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  input: fc.constantFrom({ total: 1 }, { name: "Ada" }, { to: "b" }, { to: "" }, { to: "lamp" }, 1),
  payload: fc.constantFrom({ by: "me" }, { by: "you" }, null),
  workflow: fc.constantFrom("order", "order", "order", "greet", "fail", "anything", "waits"),
  version: fc.constant("1"),
  password: fc.constantFrom("correct horse battery", "wrong horse battery"),
  cursor: fc.nat().map((n) => new Known("cursor", n)),
  type: fc.constantFrom("RunStarted", "StepCompleted"),
  wait: fc.constantFrom(0, 0.001, 0.01),
  at: fc.constantFrom(1, 2)
}

/** Names of which the server knows some. */
const KINDS: Readonly<Record<string, string>> = {
  runId: "run",
  runIds: "run",
  id: "run",
  parent: "run",
  key: "key",
  token: "token",
  keyId: "apiKey",
  user: "user",
  jobId: "job",
  messageId: "message",
  stepId: "step"
}

/** What stands in the place of a name that has more than one meaning. */
const NAMES: ReadonlyArray<readonly [RegExp, fc.Arbitrary<Text>]> = [
  [/signal/i, fc.constantFrom("approve", "approve", "other")],
  [/quer/i, fc.constantFrom("state", "state", "other")],
  [/update/i, fc.constantFrom("rename", "rename", "other")],
  [/User/, fc.nat().map((n) => new Known("user", n))],
  [/Session/, fc.nat().map((n) => new Known("member", n))]
]

const likely = (name: string, operation: Operation): fc.Arbitrary<unknown> | undefined => {
  // Keys that the server knows are those of orders.
  if (name === "workflow" && operation.path.includes("{key}")) return fc.constant("order")
  if (name === "input" && operation.operationId.startsWith("update")) return fc.constantFrom({ to: "b" }, { to: "b" }, { to: "" })
  if (name === "name") return NAMES.find(([pattern]) => pattern.test(operation.operationId))?.[1] ?? fc.constant("approve")
  const kind = KINDS[name]
  return kind === undefined ? LIKELY[name] : fc.nat().map((n) => new Known(kind, n))
}

// ---- what the document lets pass ----

/** Values of a schema; some instants and numbers of them fit no longer, for `fits` to find. */
export const valueOf = (given: Schema, name: string, operation: Operation): fc.Arbitrary<unknown> => {
  const known = likely(name, operation)
  const plain = plainOf(given, name, operation)
  return known === undefined ? plain : resolved(given).type === "array" ? plain : fc.oneof({ weight: 4, arbitrary: known }, plain)
}

const plainOf = (given: Schema, name: string, operation: Operation): fc.Arbitrary<unknown> => {
  const schema = resolved(given)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => plainOf(one, name, operation)))
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  switch (Array.isArray(schema.type) ? "any" : schema.type ?? "any") {
    case "string":
      return schema.format === "date-time" ? fc.oneof(soon, instant) : sized(schema)
    case "boolean":
      return fc.boolean()
    case "integer":
      return integerOf(schema)
    case "number":
      return fc.double({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 1, 0.01), noNaN: true })
    case "array":
      return fc.array(valueOf(schema.items ?? {}, name, operation), { maxLength: 4 })
    case "object":
      return recordOf(schema, operation)
    default:
      return json
  }
}

const sized = ({ maxLength = 100, minLength = 0 }: Schema): fc.Arbitrary<string> =>
  minLength === 0
    ? text
    : fc.oneof(fc.string({ minLength, maxLength }), fc.string({ unit: "grapheme", minLength: minLength / 2, maxLength: 20 }))

const integerOf = ({ exclusiveMinimum = -1, maximum = Infinity, minimum = exclusiveMinimum + 1 }: Schema): fc.Arbitrary<number> =>
  fc.oneof(
    fc.constantFrom(minimum, minimum + 1, minimum + 4),
    fc.constantFrom(10, 1_000, 86_400_000, Number.MAX_SAFE_INTEGER, 2 ** 53, 1e21, 1e300).filter((n) => n <= maximum)
  )

/** Some with all that must be there and no more: with every field there is more that the server can refuse. */
const recordOf = ({ properties = {}, required = [] }: Schema, operation: Operation): fc.Arbitrary<unknown> => {
  const all = Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, valueOf(schema, name, operation)]))
  const kept = new Set([...required, "input", "payload"])
  const least = Object.fromEntries(Object.entries(all).filter(([name]) => kept.has(name)))
  return fc.oneof(fc.record(least), { weight: 2, arbitrary: fc.record(all, { requiredKeys: [...required] }) })
}

const asText = (value: unknown): Text => (value instanceof Known ? value : String(value))

/** A path has no empty segment, no text that UTF-8 lacks, and none that addresses are resolved by. */
const param = (schema: Schema, name: string, operation: Operation): fc.Arbitrary<Text> =>
  valueOf(schema, name, operation).map(asText).filter((value) =>
    value instanceof Known || (value !== "" && value !== "." && value !== ".." && value.length < 4_000 && isWellFormed(value)))

const isWellFormed = (value: string): boolean => !/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(value)

const pairsOf = (schema: Schema, name: string, operation: Operation): fc.Arbitrary<ReadonlyArray<Pair>> =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    valueOf(schema, name, operation).map((value) => [value].flat().map((one): Pair => [name, asText(one)]))
  ).filter((pairs) => pairs.every(([, value]) => value instanceof Known || isWellFormed(value)))

const HEADERS: Readonly<Record<string, fc.Arbitrary<Text>>> = {
  "Idempotency-Key": fc.constantFrom("a", "b", "c", "k".repeat(256), "two words"),
  "If-Match": fc.constantFrom("*", "*", "*", "W/\"2-running\"", "\"x\""),
  "If-None-Match": fc.constantFrom("*", "W/\"1-running\"", "\"x\"", ",,,"),
  "Last-Event-ID": fc.constantFrom("0", "1"),
  Prefer: fc.constantFrom("wait=0", "respond-async", "wait=\"0\"; a=b")
}
const ACCEPTED = ["application/json", "application/x-ndjson", "text/event-stream", "*/*", "text/html", "text/event-stream;q=0.1, */*;q=0"]

const headersOf = (operation: Operation): fc.Arbitrary<ReadonlyArray<Pair>> => {
  const known = parametersIn(operation, "header").map(({ name }) =>
    fc.option(HEADERS[name] ?? fc.constant("x"), { nil: undefined, freq: 2 }).map((value): ReadonlyArray<Pair> =>
      value === undefined ? [] : [[name, value]]))
  const accept = fc.option(fc.constantFrom(...ACCEPTED), { nil: undefined }).map((value): ReadonlyArray<Pair> =>
    value === undefined ? [] : [["accept", value]])
  return fc.tuple(accept, ...known).map((all) => all.flat())
}

export const draw = (operation: Operation): fc.Arbitrary<Draw> =>
  fc.record({
    operation: fc.constant(operation),
    params: fc.record(Object.fromEntries(
      parametersIn(operation, "path").map(({ name, schema }) => [name, param(schema, name, operation)])
    )),
    query: fc.tuple(...parametersIn(operation, "query").map(({ name, schema }) => pairsOf(schema, name, operation)))
      .map((all) => all.flat()),
    headers: headersOf(operation),
    body: operation.body === undefined ? fc.constant(undefined) : valueOf(operation.body, "", operation)
  })

// ---- what spoils it ----

const ODD_VALUES: ReadonlyArray<unknown> = [null, true, -1, 0, 1.5, 1e300, "", "x", [], {}, [null], { a: 1 }, "2026-02-30T00:00:00Z", -0]
const ODD_NAMES = ["colour", "__proto__", "constructor", "Workflow", "", "a.b", "\u0000", "workflow[]", "limit ", "$ref"]

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !(value instanceof Known) && !Array.isArray(value)

/** One field, somewhere in a value, replaced, taken away or added. */
export const spoilt = (value: unknown): fc.Arbitrary<unknown> => {
  const odd = fc.oneof(fc.constantFrom(...ODD_VALUES), json)
  if (!isRecord(value)) return odd
  const names = Object.keys(value)
  const added = fc.tuple(fc.constantFrom(...ODD_NAMES), odd).map(([name, more]) => fromEntries([...Object.entries(value), [name, more]]))
  if (names.length === 0) return fc.oneof(odd, added)
  const name = fc.constantFrom(...names)
  return fc.oneof(
    { weight: 1, arbitrary: odd },
    { weight: 2, arbitrary: added },
    { weight: 2, arbitrary: name.map((gone) => fromEntries(Object.entries(value).filter(([kept]) => kept !== gone))) },
    {
      weight: 5,
      arbitrary: name.chain((changed) =>
        spoilt(value[changed]).map((other) =>
          fromEntries(Object.entries(value).map(([kept, old]) => [kept, kept === changed ? other : old]))))
    }
  )
}

/** `__proto__` is a field like others. */
const fromEntries = (entries: Iterable<readonly [string, unknown]>): unknown => Object.fromEntries(entries)

const ODD_PAIRS: ReadonlyArray<string> = [
  "",
  " 1",
  "1 ",
  "+1",
  "01",
  "1e2",
  "0x10",
  "1.0",
  "Infinity",
  "-1",
  "1e999",
  "True",
  "1",
  "end",
  "x",
  "\u0000"
]

const spoiltQuery = (query: ReadonlyArray<Pair>, operation: Operation): fc.Arbitrary<ReadonlyArray<Pair>> => {
  const names = [...parametersIn(operation, "query").map(({ name }) => name), ...ODD_NAMES]
  const odd = fc.oneof(fc.constantFrom(...ODD_PAIRS), text.filter(isWellFormed))
  return fc.tuple(fc.constantFrom(...names), odd).map((pair) => [...query, pair])
}

/** A request that may be wrong in one place. */
export const spoiltDraw = (operation: Operation): fc.Arbitrary<Draw> =>
  draw(operation).chain((sound) => {
    const query = spoiltQuery(sound.query, operation).map((changed): Draw => ({ ...sound, query: changed }))
    if (operation.body === undefined) return query
    return fc.oneof({ weight: 4, arbitrary: spoilt(sound.body).map((body): Draw => ({ ...sound, body })) }, query)
  })

// ---- what fits nothing ----

export interface Wild {
  readonly method: string
  readonly path: string
  readonly headers: ReadonlyArray<readonly [string, string]>
  readonly body: string | Uint8Array | undefined
}

const METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "PROPFIND", "QUERY"]
const CONTENT_TYPES = [
  "application/json",
  "application/json;charset=utf-8",
  "text/plain",
  "application/xml",
  "multipart/form-data",
  "",
  ";;;"
]
const ESCAPES = [
  "%",
  "%0",
  "%00",
  "%ff",
  "%ED%A0%80",
  "%2e%2e",
  "%2F",
  "%5c",
  "..",
  ".",
  "//",
  "a".repeat(5_000),
  "%25",
  "\\",
  ";a=b",
  "*",
  "@"
]

const segment = fc.oneof(fc.constantFrom(...ESCAPES), text.filter(isWellFormed).map(encodeURIComponent))

const wildPath = (paths: ReadonlyArray<string>): fc.Arbitrary<string> =>
  fc.oneof(
    fc.tuple(fc.constantFrom(...paths), fc.array(segment, { minLength: 3, maxLength: 3 })).map(([path, [a = "", b = "", c = ""]]) => {
      const segments = [a, b, c]
      return path.replaceAll(/\{\w+\}/g, () => segments.shift() ?? "x")
    }),
    fc.tuple(fc.constantFrom(...paths), segment).map(([path, more]) => `${path}/${more}`),
    fc.array(segment, { maxLength: 6 }).map((segments) => `/${segments.join("/")}`)
  )

const wildQuery = fc.oneof(
  fc.constant(""),
  fc.array(fc.tuple(text, text), { maxLength: 4 }).map((pairs) => `?${new URLSearchParams(pairs)}`),
  fc.constantFrom("?", "?&&&", "?=", "?%", "?limit=%ff", "?limit=1&limit=2", "?limit[]=1", "?__proto__[a]=1"),
  fc.constantFrom(`?${"a=b&".repeat(500)}`, "?cursor=eyJkIjoibmV4dCJ9")
)

const HEADER_NAMES = [
  "accept",
  "prefer",
  "if-match",
  "if-none-match",
  "last-event-id",
  "idempotency-key",
  "x-request-id",
  "origin",
  "cookie"
]
const MORE_NAMES = [
  "content-encoding",
  "x-http-method-override",
  "x-forwarded-for",
  "x-forwarded-host",
  "range",
  "x-csrf-token",
  "authorization"
]
const headerValue = fc.oneof(
  fc.stringMatching(/^[\x21-\x7e]{0,40}$/),
  fc.constantFrom("gzip", "DELETE", "wait=-1", "wait=99999999999", "W/\"", "q=0;q=1;;,,", "é"),
  fc.constantFrom("bytes=0-", "Bearer x", "Basic eA==", "a".repeat(2_000))
)
const wildHeaders = fc.array(fc.tuple(fc.constantFrom(...HEADER_NAMES, ...MORE_NAMES), headerValue), { maxLength: 3 })

const cut = (bodies: fc.Arbitrary<string>) => fc.tuple(bodies, fc.nat()).map(([body, n]) => body.slice(0, n % (body.length + 1)))

const JSONS = fc.tuple(fc.constantFrom("greet", "order", "anything"), json).map(([workflow, input]) => JSON.stringify({ workflow, input }))
const BODIES = [
  "{",
  "[]",
  "null",
  "1e999",
  "{\"a\":1,\"a\":2}",
  "{\"workflow\":\"greet\",\"workflow\":\"anything\",\"input\":1}",
  "{\"workflow\":\"anything\",\"input\":1e999}",
  "\ufeff{\"workflow\":\"anything\"}",
  "{\"workflow\":\"anything\",\"__proto__\":{\"id\":\"x\"}}",
  `{"workflow":"anything","input":${"[".repeat(98)}${"]".repeat(98)}}`,
  "[".repeat(5_000),
  "{\"a\":".repeat(3_000),
  `"${"\\u0000".repeat(2_000)}"`,
  "{'a':1}",
  "NaN",
  "\u0000"
]

const wildBody: fc.Arbitrary<Wild["body"]> = fc.oneof(
  fc.constant(undefined),
  fc.constantFrom(...BODIES),
  cut(JSONS),
  fc.uint8Array({ maxLength: 60 })
)

/** The method of a route at a path like its own, or any method anywhere. */
const wildPlace = (operations: ReadonlyArray<Operation>): fc.Arbitrary<readonly [method: string, path: string]> =>
  fc.oneof(
    fc.constantFrom(...operations).chain(({ method, path }) => wildPath([path]).map((odd) => [method, odd] as const)),
    fc.tuple(fc.constantFrom(...METHODS), wildPath(operations.map(({ path }) => path))),
    fc.constant(["POST", "/api/v1/runs"] as const)
  )

export const wild = (operations: ReadonlyArray<Operation>): fc.Arbitrary<Wild> =>
  fc.tuple(wildPlace(operations), wildQuery, wildHeaders, wildBody, fc.constantFrom(...CONTENT_TYPES))
    .map(([[method, path], query, headers, body, type]) => ({
      method,
      path: path + query,
      headers: type === "" ? headers : [...headers, ["content-type", type]],
      body: method === "GET" || method === "HEAD" ? undefined : body
    }))
