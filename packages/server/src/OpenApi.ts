/** The OpenAPI 3.1 document, made from the table of routes alone: no store, no server. */
import { JSONSchema, Option, SchemaAST } from "effect"
import { type Json, Release } from "@reprise/core/engine"
import { type Code, CONTENT_TYPE, Problem, PROBLEMS } from "./api/Problem.js"
import type { Any, Header, Kind } from "./api/Route.js"
import { ROUTES } from "./api/Routes.js"
import { defined, type Field, fieldsOf } from "./Decode.js"
import { withoutIds } from "./JsonSchema.js"

/** The document of this version of Reprise. */
export const document = (): Json.JsonObject => (made ??= make())
let made: Json.JsonObject | undefined

type Part = Json.JsonObject
type Definitions = Parameters<typeof JSONSchema.fromAST>[1]["definitions"]

const make = (): Part => {
  const definitions: Definitions = {}
  const problem = schemaOf(Problem.ast, definitions)
  const paths: Record<string, Record<string, Json.Json>> = {}
  for (const route of Object.values<Any>(ROUTES)) {
    const methods = (paths[route.path] ??= {})
    methods[route.method.toLowerCase()] = operationOf(route, definitions)
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Reprise",
      version: Release.RELEASE,
      summary: "Durable execution: runs, messages and streams.",
      description: "What the workflows of a server take and answer is at `/api/v1/workflows`, as JSON Schemas.",
      license: { name: "MIT", identifier: "MIT" }
    },
    servers: [{ url: "/" }],
    tags: [...new Set(Object.values<Any>(ROUTES).map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: json(definitions),
      responses: Object.fromEntries(codes.map((code) => [code, responseOf(code, problem)])),
      securitySchemes: SECURITY
    },
    security: Object.keys(SECURITY).map((name) => ({ [name]: [] }))
  }
}

const SECURITY: Part = {
  apiKey: { type: "http", scheme: "bearer", description: "An API key, `rpr_…`, or a JSON Web Token of a configured issuer." },
  basic: { type: "http", scheme: "basic", description: "A user and a password." },
  session: {
    type: "apiKey",
    in: "cookie",
    name: "reprise_session",
    description: "Set by POST /api/v1/session. Requests that change something must bring the header X-CSRF-Token."
  }
}

const codes = Object.keys(PROBLEMS).filter((tag): tag is Code => Object.hasOwn(PROBLEMS, tag))

const responseOf = (code: Code, schema: Part): Part => ({
  description: PROBLEMS[code].title,
  content: { [CONTENT_TYPE]: { schema } }
})

// ---- schemas ----

const schemaOf = (ast: SchemaAST.AST, definitions: Definitions): Part =>
  json(JSONSchema.fromAST(ast, { definitions, definitionPath: "#/components/schemas/", target: "openApi3.1" }))

/** Effect's types of JSON Schemas are no type of JSON. */
const json = (schema: object): Part => JSON.parse(JSON.stringify(withoutIds(schema)))

// ---- operations ----

const operationOf = (route: Any, definitions: Definitions): Part => ({
  operationId: route.name,
  summary: route.summary,
  tags: [route.tag],
  ...(route.access === "open" ? { security: [] } : { description: `Access: ${route.access}.` }),
  ...parametersOf(route, definitions),
  ...(route.body === undefined
    ? {}
    : { requestBody: { required: true, content: { "application/json": { schema: schemaOf(route.body.ast, definitions) } } } }),
  responses: { ...answersOf(route, definitions), ...refusalsOf(route) }
})

const parametersOf = (route: Any, definitions: Definitions): Part => {
  const parameters = [
    ...fieldsOf(route.params.ast).map((field) => parameterOf("path", field, definitions)),
    ...fieldsOf(route.query.ast).map((field) => parameterOf("query", field, definitions)),
    ...route.headers.map(headerOf)
  ]
  return parameters.length === 0 ? {} : { parameters }
}

const parameterOf = (place: "path" | "query", { name, required, type }: Field, definitions: Definitions): Part => ({
  name,
  in: place,
  required: place === "path" || required,
  schema: schemaOf(shownOf(defined(type)), definitions)
})

/** A number in a query is text, and yet documented as a number. What has a name of its own is shown by it. */
const shownOf = (ast: SchemaAST.AST): SchemaAST.AST =>
  SchemaAST.isTransformation(ast) && Option.isSome(SchemaAST.getIdentifierAnnotation(ast.from)) ? ast : SchemaAST.typeAST(ast)

const HEADERS: { readonly [H in Header]: string } = {
  "Idempotency-Key": "The same request with the same key is done once.",
  "If-Match": "The ETag of the run; when it has changed since, the request is refused with 412.",
  "If-None-Match": "An ETag; while the run is as it was, the answer is 304.",
  "Last-Event-ID": "The id of the last event that was received: the stream goes on after it.",
  "Prefer": "`wait=N`: waits up to N seconds for the outcome."
}

const headerOf = (name: Header): Part => ({
  name,
  in: "header",
  required: false,
  description: HEADERS[name],
  schema: { type: "string" }
})

const MEDIA_TYPES: { readonly [K in Kind]: ReadonlyArray<string> } = {
  json: ["application/json"],
  events: ["application/json", "application/x-ndjson", "text/event-stream"],
  lines: ["application/json", "application/x-ndjson", "text/event-stream"],
  text: ["text/plain"],
  html: ["text/html"],
  empty: []
}

const STATUSES: Readonly<Record<number, string>> = {
  200: "Done",
  201: "Made",
  202: "Accepted",
  204: "Done; there is nothing to say",
  304: "Not changed",
  503: "Not ready"
}

const answersOf = (route: Any, definitions: Definitions): Part =>
  Object.fromEntries([route.status, ...route.also].map((status) => [
    String(status),
    { description: STATUSES[status] ?? "Done", ...(BARE.has(status) ? {} : contentOf(route, definitions)) }
  ]))

/** Answers without a body. */
const BARE: ReadonlySet<number> = new Set([204, 304])

const contentOf = (route: Any, definitions: Definitions): Part => {
  const types = MEDIA_TYPES[route.kind]
  if (types.length === 0) return {}
  const whole = route.kind === "text" || route.kind === "html" ? { type: "string" } : schemaOf(route.answer.ast, definitions)
  return { content: Object.fromEntries(types.map((type) => [type, { schema: type === "application/json" ? whole : { type: "string" } }])) }
}

/** What any route may answer. */
const ANY: ReadonlyArray<Code> = [
  "RequestInvalid",
  "HostRefused",
  "RateLimited",
  "HeadersTooLarge",
  "RequestLate",
  "InternalError",
  "AnswerLate",
  "LogError",
  "ServerStopping"
]
const GUARDED: ReadonlyArray<Code> = ["Unauthenticated", "Forbidden"]
const CHANGING: ReadonlyArray<Code> = ["CsrfRefused"]
const WITH_BODY: ReadonlyArray<Code> = ["BodyMalformed", "BodyTooLarge", "MediaTypeUnsupported", "BodyInvalid"]

/** Problems by status; several codes may share one. */
const refusalsOf = (route: Any): Part => {
  const all = new Set([
    ...route.problems,
    ...ANY,
    ...(route.access === "open" ? [] : GUARDED),
    ...(route.method === "GET" || route.access === "open" ? [] : CHANGING),
    ...(route.body === undefined ? [] : WITH_BODY)
  ])
  const byStatus = grouped([...all])
  const taken = new Set([route.status, ...route.also])
  return Object.fromEntries([...byStatus].filter(([status]) => !taken.has(status)).map(([status, some]) => [String(status), oneOf(some)]))
}

const grouped = (all: ReadonlyArray<Code>): ReadonlyMap<number, ReadonlyArray<Code>> => {
  const byStatus = new Map<number, ReadonlyArray<Code>>()
  for (const code of all) {
    const { status } = PROBLEMS[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  return byStatus
}

const oneOf = (some: ReadonlyArray<Code>): Part => {
  const [only] = some
  if (some.length === 1 && only !== undefined) return { $ref: `#/components/responses/${only}` }
  return {
    description: some.map((code) => `${code}: ${PROBLEMS[code].title}`).join(". "),
    content: { [CONTENT_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } }
  }
}
