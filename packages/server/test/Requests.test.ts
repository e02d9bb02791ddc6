import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Answer, type Asking, type Rig, requestOf, serve } from "./served.js"

const start = (rig: Rig, asking: Asking) => rig.ask("POST", "/api/v1/runs", asking)
const BODY = { workflow: "anything", input: 1 }

const problem = ({ headers, json, status }: Answer) => {
  expect(headers.get("content-type")).toBe("application/problem+json")
  expect(json.status).toBe(status)
  expect(json.requestId).toBe(headers.get("x-request-id"))
  expect(json.hint).not.toBe("")
  return [status, json.code]
}

const pathsOf = ({ json }: Answer): ReadonlyArray<string> => json.errors.map(({ path }: { path: string }) => path)

describe("the body", () => {
  it("must be declared to be JSON, even when it is empty", async () => {
    const rig = await serve()
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/jsonx", ""]) {
      const answer = await start(rig, { raw: JSON.stringify(BODY), headers: { "content-type": type } })
      expect(problem(answer), type).toEqual([415, "MediaTypeUnsupported"])
    }
    const none = await rig.app.fetch(new Request("http://127.0.0.1/api/v1/runs/r/cancel", { method: "POST" }))
    expect(none.status).toBe(415)
    for (const type of ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""]) {
      expect((await start(rig, { raw: JSON.stringify(BODY), headers: { "content-type": type } })).status, type).toBe(202)
    }
  })

  it("has a largest size, whether it says its length or not", async () => {
    const rig = await serve({ bodyBytesMax: 1_000 })
    const large = JSON.stringify({ ...BODY, input: "x".repeat(1_000) })
    expect(problem(await start(rig, { raw: large }))).toEqual([413, "BodyTooLarge"])
    expect(problem(await start(rig, { raw: large, headers: { "content-length": String(large.length) } }))).toEqual([413, "BodyTooLarge"])
    expect(problem(await start(rig, { raw: large, headers: { "content-length": "10" } }))).toEqual([413, "BodyTooLarge"])
    const exact = JSON.stringify({ ...BODY, input: "" })
    expect((await start(rig, { raw: `${exact}${" ".repeat(1_000 - exact.length)}` })).status).toBe(202)
  })

  it("is not read further than its largest size", async () => {
    const rig = await serve({ bodyBytesMax: 1_000 })
    let pulled = 0
    let cancelled = false
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 1
        controller.enqueue(new Uint8Array(500).fill(32))
      },
      cancel: () => {
        cancelled = true
      }
    })
    expect(problem(await start(rig, { raw: endless }))).toEqual([413, "BodyTooLarge"])
    expect(cancelled).toBe(true)
    expect(pulled).toBeLessThan(10)
  })

  it("must be JSON, in UTF-8, and not too deep", async () => {
    const rig = await serve()
    const bad = ["{", "{'a':1}", "nul", "{}{}", "[1,]", new Uint8Array([34, 0xff, 34]), "[".repeat(101) + "]".repeat(101)]
    for (const raw of bad) expect(problem(await start(rig, { raw }))).toEqual([400, "BodyMalformed"])
    const deep = `${"[".repeat(99)}${"]".repeat(99)}`
    expect((await start(rig, { raw: `{"workflow":"anything","input":${deep}}` })).status).toBe(202)
    // Brackets inside of strings are none.
    expect((await start(rig, { body: { workflow: "anything", input: "[{\\\"".repeat(200) } })).status).toBe(202)
  })

  it("that is empty counts as one without fields", async () => {
    const rig = await serve()
    expect(problem(await start(rig, { raw: "" }))).toEqual([422, "BodyInvalid"])
    expect(problem(await rig.ask("POST", "/api/v1/runs/none/cancel"))).toEqual([404, "RunNotFound"])
  })

  it("says of every field what is wrong with it", async () => {
    const answer = await start(await serve(), {
      body: { input: 1, key: 7, onConflict: "ask", startAt: "2026-01-31", timeoutMillis: -1, colour: "red", signal: {} }
    })
    expect(problem(answer)).toEqual([422, "BodyInvalid"])
    expect(pathsOf(answer).toSorted()).toEqual([
      "body.colour",
      "body.key",
      "body.onConflict",
      "body.signal.name",
      "body.startAt",
      "body.timeoutMillis",
      "body.workflow"
    ])
  })

  it("is refused when it is no object", async () => {
    const rig = await serve()
    for (const raw of ["null", "[]", "1", "\"x\"", "true"]) expect(problem(await start(rig, { raw }))).toEqual([422, "BodyInvalid"])
  })

  it("names of prototypes are names like others", async () => {
    const rig = await serve()
    const input = "{\"__proto__\":{\"admin\":true},\"constructor\":{\"prototype\":{\"admin\":true}},\"a\":1}"
    const answer = await start(rig, { raw: `{"workflow":"anything","id":"r","input":${input}}` })
    expect(answer.status).toBe(202)
    expect(Reflect.get({}, "admin")).toBeUndefined()
    const events = await rig.ask("GET", "/api/v1/runs/r/events")
    expect(JSON.stringify(events.json.items[0].event.input)).toBe(input)
    const polluted = await start(rig, { raw: "{\"workflow\":\"anything\",\"__proto__\":{\"id\":\"x\"}}" })
    expect(pathsOf(polluted)).toEqual(["body.__proto__"])
  })
})

describe("the query", () => {
  it("takes no field that the route does not have, and single ones once", async () => {
    const rig = await serve()
    const answer = await rig.ask("GET", "/api/v1/runs?limit=1&limit=2&colour=red&status=running&status=failed")
    expect(problem(answer)).toEqual([400, "RequestInvalid"])
    expect(pathsOf(answer)).toEqual(["query.limit", "query.colour"])
    expect(problem(await rig.ask("GET", "/health/live?x"))).toEqual([400, "RequestInvalid"])
    expect((await rig.ask("GET", "/api/v1/runs?status=running&status=failed")).status).toBe(200)
    expect((await rig.ask("GET", "/api/v1/runs?")).status).toBe(200)
  })

  it("is decoded by the schema of the route", async () => {
    const rig = await serve()
    const bad = ["limit=0", "limit=1001", "limit=1.5", "limit=x", "limit=", "paused=yes", "status=open", "createdAfter=today", "total=1"]
    for (const query of bad) {
      const answer = await rig.ask("GET", `/api/v1/runs?${query}`)
      expect(problem(answer), query).toEqual([400, "RequestInvalid"])
      expect(pathsOf(answer)[0], query).toMatch(new RegExp(`^query\\.${query.split("=")[0]}`))
    }
  })
})

describe("the path", () => {
  it("is decoded once", async () => {
    const rig = await serve()
    for (const id of ["a/b", "a%2Fb", "a b", "ä?#", "%", "..%2f", "日本"]) {
      expect((await start(rig, { body: { ...BODY, id } })).headers.get("location")).toBe(`/api/v1/runs/${encodeURIComponent(id)}`)
      expect((await rig.ask("GET", `/api/v1/runs/${encodeURIComponent(id)}`)).json.runId).toBe(id)
    }
  })

  it("that is odd is not found, or not valid", async () => {
    const rig = await serve()
    const names = ["__proto__", "constructor", "*", ":runId", "a".repeat(5_000)]
    const odd = [...names, "..", "%2e%2e", "%00", "%0a", "%ED%A0%80", "%ff", "%", "%2525"]
    for (const segment of odd) {
      for (const path of [`/api/v1/runs/${segment}`, `/api/v1/runs/${segment}/why`, `/api/v1/workflows/${segment}`]) {
        const answer = await rig.ask("GET", path)
        expect([200, 400, 404], `${path} answers ${answer.status}`).toContain(answer.status)
      }
    }
  })

  it("of no route is not found, and neither is one with a slash at its end", async () => {
    const rig = await serve()
    for (const path of ["/", "/api", "/api/v1", "/api/v1/runs/", "/api/v1/run", "//api/v1/runs", "/API/v1/runs", "/api/v1/runs//why"]) {
      expect(problem(await rig.ask("GET", path)), path).toEqual([404, "RouteUnknown"])
    }
  })
})

describe("methods", () => {
  it("that a route does not have are named with those that it has", async () => {
    const rig = await serve()
    for (const method of ["PUT", "PATCH", "DELETE", "PROPFIND"]) {
      const answer = await rig.ask(method, "/api/v1/runs")
      expect(problem(answer)).toEqual([405, "MethodNotAllowed"])
      expect(answer.headers.get("allow")).toBe("GET, HEAD, OPTIONS, POST")
    }
    const options = await rig.ask("OPTIONS", "/api/v1/runs/r/cancel")
    expect([options.status, options.text, options.headers.get("allow")]).toEqual([204, "", "OPTIONS, POST"])
  })

  it("HEAD is GET without its body", async () => {
    const rig = await serve()
    const [head, get] = [await rig.ask("HEAD", "/api/v1/workflows"), await rig.ask("GET", "/api/v1/workflows")]
    expect([head.status, head.text, head.headers.get("content-type")]).toEqual([200, "", get.headers.get("content-type")])
    expect((await rig.ask("HEAD", "/api/v1/runs/none")).status).toBe(404)
  })
})

describe("request ids", () => {
  it("are taken from the caller when they are plain, and made otherwise", async () => {
    const rig = await serve()
    const idFor = async (given: string) =>
      (await rig.ask("GET", "/health/live", { headers: { "x-request-id": given } })).headers.get("x-request-id")
    expect(await idFor("abc-123_4.5:6")).toBe("abc-123_4.5:6")
    for (const odd of ["a b", "\"", "level=fatal msg=x", "a".repeat(129), "ä"]) expect(await idFor(odd)).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe("whatever is sent", () => {
  it("is never answered with 500", { timeout: 60_000 }, async () => {
    const rig = await serve()
    const run = "/api/v1/runs/r"
    const paths = fc.constantFrom("/api/v1/runs", `${run}/signals/s`, `${run}/fork`, "/api/v1/awakeables/t/resolve", "/api/v1/bulk")
    const json = fc.jsonValue({ maxDepth: 4 })
    const body = fc.oneof(json, fc.record({ workflow: fc.constantFrom("greet", "order", "anything"), input: json, id: fc.string() }))
    await fc.assert(
      fc.asyncProperty(paths, body, fc.dictionary(fc.string(), fc.string()), async (path, value, query) => {
        const search = new URLSearchParams(query).toString()
        for (const method of ["POST", "GET"]) {
          const at = search === "" ? path : `${path}?${search}`
          const response = await rig.app.fetch(requestOf(method, at, method === "POST" ? { body: value } : {}))
          expect(response.status, `${method} ${at} ${JSON.stringify(value)}`).toBeLessThan(500)
        }
      }),
      { numRuns: 300 }
    )
  })
})
