/** What is wrong with an answer; nothing, it is to be hoped. */
import { Schema } from "effect"
import { Problem, PROBLEMS } from "../../packages/server/src/api/Problem.js"
import type { Answer } from "../../packages/server/test/served.js"
import { answerSchema, fits, fitsAsText, type Operation, parametersIn } from "./Document.js"

const decodeProblem = Schema.decodeUnknownEither(Problem, { onExcessProperty: "error" })

/** True of every answer, whatever was asked: a refusal is a whole problem, and the server is never at fault. */
export const faultOf = ({ headers, json, status, text }: Answer, gone = false): string | undefined => {
  if (headers.get("x-request-id") === null) return "it has no request id"
  if (status < 400) return undefined
  if (headers.get("content-type") === "application/json" && json?.checks !== undefined) return undefined
  if (headers.get("content-type") !== "application/problem+json") return `${status} is no problem document`
  if (text === "" && json === undefined) return undefined
  const problem = decodeProblem(json)
  if (problem._tag === "Left") return `the problem does not fit its schema: ${problem.left.message}`
  const { code, detail, hint, requestId, type } = problem.right
  const meaning = Object.hasOwn(PROBLEMS, code) ? PROBLEMS[code as keyof typeof PROBLEMS] : undefined
  if (meaning?.status !== status) return `${code} is told with ${status}`
  if (detail === "" || hint === "" || type !== `urn:reprise:problem:${code}`) return "the problem says too little"
  if (requestId !== headers.get("x-request-id")) return "the problem has another id than its answer"
  if (status === 503 && headers.get("retry-after") === null) return "503 without Retry-After"
  const isExcused = gone && code === "ServerStopping"
  return status >= 500 && !isExcused ? `it is answered with ${status} ${code}` : undefined
}

export interface Sent {
  readonly operation: Operation
  readonly query: ReadonlyArray<readonly [string, string]>
  /** As JSON brings it; `undefined` when there is none. */
  readonly body: unknown
}

/** Whether the document lets a request pass. */
export const isFit = ({ body, operation, query }: Sent): boolean => {
  const parameters = new Map(parametersIn(operation, "query").map(({ name, schema }) => [name, schema]))
  const fitsPair = ([name, value]: readonly [string, string], index: number): boolean => {
    const schema = parameters.get(name)
    if (schema === undefined) return false
    if (schema.type === "array") return fitsAsText(schema.items ?? {}, value)
    return fitsAsText(schema, value) && query.findIndex(([other]) => other === name) === index
  }
  return query.every(fitsPair) && (operation.body === undefined || fits(operation.body, body))
}

const SHAPE: ReadonlySet<string> = new Set(["RequestInvalid", "BodyInvalid", "BodyMalformed", "MediaTypeUnsupported"])

/** What the document cannot say: fields and headers that exclude each other, or that only the state of the server can judge. */
const BEYOND: ReadonlyArray<readonly [path: string, message: RegExp]> = [
  ["query.follow", /^a page of JSON ends/],
  ["query.limit", /^server-sent events go on/],
  ["header.Last-Event-ID", /^the last event is/],
  ["body.filter", /^give either/],
  ["body.signal", /^it belongs to the action signal/]
]

const isBeyond = ({ json }: Answer): boolean =>
  json.errors.every((issue: { path: string; message: string }) =>
    BEYOND.some(([path, message]) => issue.path === path && message.test(issue.message)))

/** The document and the server say the same of a request, and of its answer. */
export const driftOf = (sent: Sent, answer: Answer): string | undefined => {
  const { operation } = sent
  const isRefused = SHAPE.has(answer.json?.code) && !isBeyond(answer)
  if (isFit(sent) !== !isRefused) return isRefused ? "the document lets it pass" : "the document does not let it pass"
  const { status } = answer
  if (!Object.hasOwn(operation.responses, status)) return `the document knows no ${status} of ${operation.operationId}`
  if (answer.json === undefined) return undefined
  const schema = answerSchema(operation, status, answer.headers.get("content-type") ?? "")
  if (schema === undefined) return `the document has no such body of ${status}`
  return fits(schema, answer.json) ? undefined : "the answer does not fit the document"
}
