/**
 * What somebody writes who has the OpenAPI document and nothing else of Reprise. The types of `reprise.js` are generated from it by
 * openapi-typescript, and this is compiled with them (openapi.test.ts); it is no part of the workspace's own type check.
 */
import type { components, paths } from "./reprise.js"

type Path = keyof paths
type Operation<P extends Path, M extends "get" | "post"> = Exclude<paths[P][M], undefined>
type Asked<O> = O extends { parameters: infer A } ? Pick<A, keyof A & ("path" | "query" | "header")> : never
type Body<O> = O extends { requestBody: { content: { "application/json": infer A } } } ? A : undefined
type Json<R> = R extends { content: { "application/json": infer A } } ? A : never
type Answer<O> = O extends { responses: infer R } ? Json<R[keyof R & (200 | 202)]> : never

type Problem = components["schemas"]["Problem"]

export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail)
  }
}

interface Any {
  readonly path?: object | undefined
  readonly query?: object | undefined
  readonly header?: object | undefined
}

const urlOf = (url: string, template: string, { path = {}, query = {} }: Any): string => {
  const place = Object.entries(path).reduce((left, [name, value]) => left.replace(`{${name}}`, encodeURIComponent(value)), template)
  return `${url}${place}?${new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]))}`
}

const answerOf = async <A>(answer: Response): Promise<A> => {
  if (!answer.ok) throw new Refused((await answer.json()) as Problem)
  return (await answer.json()) as A
}

export const client = (url: string) => ({
  get: async <P extends Path>(path: P, asked: Asked<Operation<P, "get">>): Promise<Answer<Operation<P, "get">>> =>
    answerOf(await fetch(urlOf(url, path, asked), { headers: { ...(asked as Any).header } })),
  post: async <P extends Path>(
    path: P,
    asked: Asked<Operation<P, "post">>,
    body: Body<Operation<P, "post">>
  ): Promise<Answer<Operation<P, "post">>> => {
    const headers = { "content-type": "application/json", ...(asked as Any).header }
    return answerOf(await fetch(urlOf(url, path, asked), { method: "POST", headers, body: JSON.stringify(body) }))
  }
})

/** How an order goes, from its start to its result; what was seen on the way. */
export const order = async (url: string): Promise<ReadonlyArray<string>> => {
  const { get, post } = client(url)
  const seen: Array<string> = []

  const start = () =>
    post("/api/v1/runs", { header: { "Idempotency-Key": "lamps" } }, { workflow: "order", input: { item: "lamps", count: 3 }, key: "k-1" })
  const { existed, runId } = await start()
  const again = await start()
  seen.push(existed ? "existed" : "started", again.existed && again.runId === runId ? "once" : "twice")

  const run = await get("/api/v1/runs/{runId}", { path: { runId } })
  seen.push(`${run.workflow} ${run.key} ${run.status} ${run.closedAt ?? "open"}`)

  const place = { workflow: "order", key: "k-1", name: "approve" }
  await post("/api/v1/workflows/{workflow}/keys/{key}/signals/{name}", { path: place }, { payload: { by: "Ada" } })
  const outcome = await get("/api/v1/runs/{runId}/result", { path: { runId }, query: { wait: 30 } })
  seen.push(outcome.status === "completed" ? `completed: ${JSON.stringify(outcome.output)}` : outcome.status)

  const { items } = await get("/api/v1/runs/{runId}/events", { path: { runId }, query: { limit: 2 } })
  seen.push(items.map(({ event, seq }) => `${seq} ${event._tag}`).join(", "))
  return seen
}

/** What is refused says why, in fields that are typed, too. */
export const refused = async (url: string): Promise<Problem | undefined> => {
  try {
    await client(url).post("/api/v1/runs", {}, { workflow: "order", input: { item: "lamps", count: "three" } })
  } catch (error) {
    if (error instanceof Refused) return error.problem
  }
  return undefined
}
