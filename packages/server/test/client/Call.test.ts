import { RunExists, RunNotFound } from "@reprise/core"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { Problem, PROBLEMS } from "../../src/api/Problem.js"
import { ROUTES } from "../../src/api/Routes.js"
import { RateLimited } from "../../src/Errors.js"
import * as Call from "../../src/client/Call.js"
import { AnswerInvalid, Refused, ServerUnreachable } from "../../src/client/Errors.js"
import { errorOf, problemOf } from "../../src/client/Refusal.js"

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: Headers
  readonly body: unknown
}

type Reaction = (request: Request) => Response | Promise<Response>

const json = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json; charset=utf-8" } })

const problem = (code: string, status: number, data: object = {}, headers: Record<string, string> = {}): Response =>
  new Response(
    JSON.stringify({ type: `urn:reprise:problem:${code}`, title: "t", status, code, detail: "d", hint: "h", data, requestId: "req-1" }),
    { status, headers: { "content-type": "application/problem+json", ...headers } }
  )

/** A server that reacts to one request after another; the last reaction is repeated. */
const scripted = (...reactions: ReadonlyArray<Reaction>) => {
  const seen: Array<Seen> = []
  const fetch = async (request: Request): Promise<Response> => {
    const text = await request.clone().text()
    const { headers, method, url } = request
    seen.push({ method, url, headers, body: text === "" ? undefined : JSON.parse(text) })
    return reactions[Math.min(seen.length, reactions.length) - 1]!(request)
  }
  return { seen, fetch }
}

const client = (fetch: (request: Request) => Promise<Response>, more: Partial<Call.Options> = {}) =>
  Call.make({ baseUrl: "http://reprise.test/base/", fetch, retries: { baseMillis: 0 }, ...more })

const down: Reaction = () => {
  throw new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") })
}
const started: Reaction = () => json({ runId: "r", existed: false }, 202)

const thrown = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then((value) => expect.fail(`answered ${JSON.stringify(value)}`), (error: unknown) => error)

describe("a request", () => {
  it("has its parameters percent-encoded, and the fields of its query by name", async () => {
    const { fetch, seen } = scripted(() => json({ items: [] }))
    const { call } = client(fetch, { apiKey: "rpr_a_b", headers: { "X-Team": "shop" } })
    await call(ROUTES.runEvents, { params: { runId: "a/b ?#%é" }, query: { after: 3 } })
    await call(ROUTES.listRuns, { query: { status: ["running", "failed"], paused: true, createdAfter: 0, limit: 5, key: undefined } })
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "GET http://reprise.test/base/api/v1/runs/a%2Fb%20%3F%23%25%C3%A9/events?after=3",
      "GET http://reprise.test/base/api/v1/runs?status=running&status=failed&paused=true&createdAfter=1970-01-01T00%3A00%3A00.000Z&limit=5"
    ])
    expect(seen[0]!.headers.get("authorization")).toBe("Bearer rpr_a_b")
    expect(seen[0]!.headers.get("x-team")).toBe("shop")
    expect(seen[0]!.headers.get("accept")).toBe("application/json")
  })

  it("has its body encoded, also when it is left out", async () => {
    const { fetch, seen } = scripted(started, () => new Response(null, { status: 202 }))
    const { call } = client(fetch)
    await call(ROUTES.startRun, { body: { workflow: "w", input: { a: [1] }, startAt: 0 } })
    expect(await call(ROUTES.resolveAwakeable, { params: { token: "awk_x" } })).toBe(undefined)
    expect(seen.map(({ body }) => body)).toEqual([{ workflow: "w", input: { a: [1] }, startAt: "1970-01-01T00:00:00.000Z" }, {}])
    expect(seen[0]!.headers.get("content-type")).toBe("application/json")
  })

  it.each(["", ".", "..", "\ud800"])("is not sent when a parameter cannot stand in a path: %j", async (runId) => {
    const { fetch, seen } = scripted(() => json({}))
    const error = await thrown(client(fetch).call(ROUTES.describeRun, { params: { runId } }))
    expect(error).toMatchObject({ _tag: "NameInvalid", what: "runId" })
    expect(seen).toEqual([])
  })

  it("is not sent when its body is not JSON", async () => {
    const { fetch, seen } = scripted(started)
    const sent = client(fetch).call(ROUTES.startRun, { body: { workflow: "w", input: { at: new Date(0) } } })
    expect(await thrown(sent)).toMatchObject({ _tag: "PayloadInvalid", path: "input.at" })
    expect(seen).toEqual([])
  })
})

describe("an answer", () => {
  it("is decoded; fields that are not known yet are left out", async () => {
    const { fetch } = scripted(() => json({ items: [{ runId: "r", seq: 1, at: "1970-01-01T00:00:01.000Z", more: 1, event: resumed }] }))
    const { items } = await client(fetch).call(ROUTES.runEvents, { params: { runId: "r" } })
    expect(items).toEqual([{ runId: "r", seq: 1, at: 1_000, event: resumed }])
  })

  it("comes with its status and headers", async () => {
    const etag = "W/\"4\""
    const { fetch, seen } = scripted(() => new Response(null, { status: 304, headers: { etag } }))
    const answer = await client(fetch).exchange(ROUTES.describeRun, { params: { runId: "r" }, headers: { "If-None-Match": etag } })
    expect([answer.status, answer.headers.get("etag"), answer.value]).toEqual([304, etag, undefined])
    expect(seen[0]!.headers.get("if-none-match")).toBe(etag)
  })

  it("with a status of its own is no refusal", async () => {
    const { fetch, seen } = scripted(() => json({ status: "fail", checks: [] }, 503))
    expect(await client(fetch).call(ROUTES.ready)).toEqual({ status: "fail", checks: [] })
    expect(seen).toHaveLength(1)
  })

  it.each([
    ["a page", () => new Response("<html>", { headers: { "content-type": "text/html" } }), "text/html"],
    ["other JSON", () => json({ item: [] }), "items"],
    ["half of it", () => new Response("{", { headers: { "content-type": "application/json" } }), "SyntaxError"],
    ["a redirection", () => new Response(null, { status: 301, headers: { location: "https://x.test" } }), "redirects to https://x.test"],
    ["nothing", () => new Response(null, { status: 404 }), "no body"]
  ])("that is not Reprise's: %s", async (_, reaction, detail) => {
    const error = await thrown(client(scripted(reaction).fetch).call(ROUTES.listRuns))
    expect(error).toBeInstanceOf(AnswerInvalid)
    expect(String(error)).toContain(detail)
  })
})

const resumed = { _tag: "RunResumed", at: 1_000, messageId: "m" }

describe("a refusal", () => {
  it("is the error of core or of the server", async () => {
    const answers = scripted(
      () => problem("RunNotFound", 404, { runId: "r" }),
      () => problem("RunExists", 409, { by: "id", value: "a", runId: "a", status: "running" })
    )
    const { call } = client(answers.fetch)
    const first = await thrown(call(ROUTES.whyRun, { params: { runId: "r" } }))
    expect(first).toBeInstanceOf(RunNotFound)
    expect(first).toMatchObject({ _tag: "RunNotFound", runId: "r" })
    expect(problemOf(first)).toMatchObject({ status: 404, requestId: "req-1" })
    expect(await thrown(call(ROUTES.startRun, { body: { workflow: "w" } }))).toBeInstanceOf(RunExists)
  })

  it("of a newer server keeps its words", async () => {
    const error = await thrown(client(scripted(() => problem("MoonFull", 409)).fetch).call(ROUTES.listRuns))
    expect(error).toBeInstanceOf(Refused)
    expect(error).toMatchObject({ code: "MoonFull", status: 409, detail: "d", hint: "h" })
  })

  it.each(Object.keys(PROBLEMS))("%s has a class, with or without its fields", (code) => {
    const filled = {
      runId: "r", workflow: "w", key: "k", known: [], kind: "signal", name: "n", token: "t", jobId: "j", keyId: "k", method: "PUT",
      allowed: [], offered: [], by: "id", value: "v", status: "running", update: "u", reason: "r", bytesMax: 1, what: "w", bytes: 2,
      path: "p", detail: "d", seq: 1, query: "q", retryAfterSeconds: 1, operation: "o", streamsMax: 1, errors: [], access: "read",
      role: "viewer", host: "h"
    }
    const about = (data: unknown): Problem =>
      ({ type: "t", title: "t", status: 400, code, detail: "d", hint: "h", data, requestId: "q" })
    expect(errorOf(about(filled))).toMatchObject({ _tag: code })
    expect(["Refused", code]).toContain(Reflect.get(errorOf(about(undefined)), "_tag"))
  })
})

describe("a request is sent again", () => {
  it.each([
    ["a network fault", down],
    ["429", () => problem("RateLimited", 429, { retryAfterSeconds: 0 }, { "retry-after": "0" })],
    ["a proxy's 502", () => new Response("bad gateway", { status: 502 })],
    ["503", () => problem("ServerStopping", 503)],
    ["504", () => new Response(null, { status: 504 })],
    ["an answer that breaks off", () => new Response(new ReadableStream({ pull: (to) => to.error(new TypeError("terminated")) }))]
  ])("after %s, under the same id", async (_, fault: Reaction) => {
    const { fetch, seen } = scripted(fault, fault, started)
    expect(await client(fetch).call(ROUTES.startRun, { body: { workflow: "w" } })).toEqual({ runId: "r", existed: false })
    const keys = seen.map(({ headers }) => headers.get("idempotency-key"))
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/)
    expect(keys).toEqual([keys[0], keys[0], keys[0]])
  })

  it("with one message id for all tries, and another for the next call", async () => {
    const accepted: Reaction = () => json({ runId: "r", messageId: "m" }, 202)
    const { fetch, seen } = scripted(down, accepted)
    const { call } = client(fetch)
    for (const _ of [1, 2]) await call(ROUTES.signalRun, { params: { runId: "r", name: "go" }, body: { payload: 1 } })
    await call(ROUTES.cancelRun, { params: { runId: "r" }, body: { messageId: "mine" } })
    const [first, second, third, fourth] = seen.map(({ body }) => Reflect.get(Object(body), "messageId"))
    expect(first).toMatch(/^[0-9a-f]{32}$/)
    expect([second === first, third === first, fourth]).toEqual([true, false, "mine"])
  })

  it("with the caller's idempotency key, and an id for the signal of a start", async () => {
    const { fetch, seen } = scripted(down, started)
    const body = { workflow: "w", signal: { name: "go" } }
    await client(fetch).call(ROUTES.startRun, { body, headers: { "Idempotency-Key": "mine" } })
    expect(seen.map(({ headers }) => headers.get("idempotency-key"))).toEqual(["mine", "mine"])
    expect(seen[0]!.body).toMatchObject({ signal: { name: "go", messageId: expect.stringMatching(/^[0-9a-f]{32}$/) } })
    expect(seen[0]!.body).toEqual(seen[1]!.body)
  })

  it("asks for a run of the caller's own id only after a fault: before, that run is another's", async () => {
    const { fetch, seen } = scripted(down, started)
    await client(fetch).call(ROUTES.startRun, { body: { workflow: "w", id: "order-1" } })
    expect(seen.map(({ headers }) => headers.has("idempotency-key"))).toEqual([false, true])
  })

  it("when it only reads, whatever its method", async () => {
    const { fetch, seen } = scripted(down, () => json({ output: 1 }))
    expect(await client(fetch).call(ROUTES.queryRun, { params: { runId: "r", name: "q" } })).toEqual({ output: 1 })
    expect(seen).toHaveLength(2)
  })

  it("as often as is allowed, and then tells why", async () => {
    const { fetch, seen } = scripted(down)
    const error = await thrown(client(fetch, { retries: { baseMillis: 0, countMax: 2 } }).call(ROUTES.listRuns))
    expect(error).toBeInstanceOf(ServerUnreachable)
    expect(String(error)).toContain("GET http://reprise.test/base/api/v1/runs was tried 3 times")
    expect(String(error)).toContain("connect ECONNREFUSED")
    expect(seen).toHaveLength(3)
  })
})

describe("a request is not sent again", () => {
  it("when it could do something twice", async () => {
    const { fetch, seen } = scripted(down)
    const { call } = client(fetch)
    expect(await thrown(call(ROUTES.forkRun, { params: { runId: "r" }, body: { at: 1 } }))).toBeInstanceOf(ServerUnreachable)
    expect(await thrown(call(ROUTES.resolveAwakeable, { params: { token: "awk_secret" } }))).not.toMatchObject({
      message: expect.stringContaining("awk_secret")
    })
    expect(seen).toHaveLength(2)
  })

  it("when it was refused", async () => {
    const { fetch, seen } = scripted(() => problem("RunNotFound", 404, { runId: "r" }))
    await thrown(client(fetch).call(ROUTES.describeRun, { params: { runId: "r" } }))
    expect(seen).toHaveLength(1)
  })

  it("when the server wants a longer pause than is allowed, unless it waits anyhow", async () => {
    const limited = () => problem("RateLimited", 429, { retryAfterSeconds: 3_600 }, { "retry-after": "3600" })
    const { fetch, seen } = scripted(limited)
    expect(await thrown(client(fetch).call(ROUTES.listRuns))).toEqual(new RateLimited({ retryAfterSeconds: 3_600 }))
    expect(seen).toHaveLength(1)
    const retries = { baseMillis: 0, pauseMillisMax: 1, waitCountMax: 2 }
    await thrown(client(fetch, { retries }).call(ROUTES.listRuns, { isPatient: true }))
    expect(seen).toHaveLength(4)
  })
})

describe("pauses", () => {
  beforeEach(() => void vi.useFakeTimers({ now: 0 }))
  afterEach(() => void vi.useRealTimers())

  /** When each try came, in milliseconds. */
  const tries = async (fault: Reaction, retries: Call.Options["retries"]) => {
    const at: Array<number> = []
    const { fetch } = scripted((request) => {
      at.push(Date.now())
      return fault(request)
    })
    const ended = thrown(client(fetch, { retries }).call(ROUTES.listRuns))
    await vi.runAllTimersAsync()
    await ended
    return at.map((instant, index) => instant - (at[index - 1] ?? 0))
  }

  it("double from half of the base to all of it, up to the longest", async () => {
    const waited = await tries(down, { baseMillis: 1_000, countMax: 4, pauseMillisMax: 3_000 })
    const bounds = [[0, 0], [500, 1_000], [1_000, 2_000], [1_500, 3_000], [1_500, 3_000]] as const
    expect(waited).toHaveLength(bounds.length)
    waited.forEach((millis, index) => {
      expect(millis).toBeGreaterThanOrEqual(bounds[index]![0])
      expect(millis).toBeLessThanOrEqual(bounds[index]![1])
    })
  })

  it.each(["2", new Date(2_000).toUTCString()])("last as long as the server says: %s", async (retryAfter) => {
    const stopping = () => problem("ServerStopping", 503, {}, { "retry-after": retryAfter })
    const [, waited] = await tries(stopping, { countMax: 1, baseMillis: 100 })
    expect(waited).toBeGreaterThanOrEqual(2_000)
    expect(waited).toBeLessThanOrEqual(2_100)
  })

  it("end with the caller's signal, with its reason", async () => {
    const { fetch, seen } = scripted(down)
    const controller = new AbortController()
    const ended = thrown(client(fetch, { retries: { baseMillis: 60_000 } }).call(ROUTES.listRuns, { signal: controller.signal }))
    await vi.advanceTimersByTimeAsync(100)
    controller.abort("enough")
    expect(await ended).toBe("enough")
    expect([seen.length, vi.getTimerCount()]).toEqual([1, 0])
  })

  it("come after a try that takes too long, which is ended", async () => {
    const ends: Array<unknown> = []
    const hanging: Reaction = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => {
        ends.push(Date.now())
        reject(signal.reason)
      }))
    const ended = client(scripted(hanging, () => json({ items: [] })).fetch, { timeoutMillis: 5_000 }).call(ROUTES.listRuns)
    await vi.runAllTimersAsync()
    expect(await ended).toEqual({ items: [] })
    expect(ends).toEqual([5_000])
  })

  it("are none for a call whose signal was aborted before", async () => {
    const { fetch, seen } = scripted(down)
    expect(await thrown(client(fetch).call(ROUTES.listRuns, { signal: AbortSignal.abort("no") }))).toBe("no")
    expect(seen).toEqual([])
  })
})

it("a stream is opened in the type that is asked for, and its body is left to the caller", async () => {
  const { fetch, seen } = scripted(() => problem("TooManyStreams", 503, { streamsMax: 1 }), () => new Response("data: 1\n\n"))
  const response = await client(fetch).open(ROUTES.runEvents, "text/event-stream", { params: { runId: "r" } })
  expect([response.bodyUsed, await response.text(), seen[0]!.headers.get("accept")]).toEqual([false, "data: 1\n\n", "text/event-stream"])
})
