/** What is sent on purpose: over a port, byte by byte, or in ways of which each field alone is right. */
import { gzipSync } from "node:zlib"
import { Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { answerOf, HOST, serve } from "../../packages/server/test/served.js"
import { operations } from "./Document.js"
import { wild } from "./Draws.js"
import * as Judge from "./Judge.js"
import * as Wire from "./Wire.js"

const HOST_LINE = "Host: 127.0.0.1\r\n"
const JSON_LINE = "Content-Type: application/json\r\n"

/** A request whose answer ends the connection. */
const asking = (line: string, headers = HOST_LINE, body = ""): string =>
  `${line} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n${body}`

const START = asking("POST /api/v1/runs", `${HOST_LINE}${JSON_LINE}`)
const withBody = (headers: string, body: string) => asking("POST /api/v1/runs", `${HOST_LINE}${JSON_LINE}${headers}`, body)

const WORDS: Readonly<Record<string, readonly [bytes: string, status: number, code?: string]>> = {
  "no host": ["GET /api/v1/runs HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "RequestInvalid"],
  "HTTP of 1996": ["GET /api/v1/runs HTTP/1.0\r\n\r\n", 400, "RequestInvalid"],
  "another host": [asking("GET /api/v1/runs", "Host: evil.example\r\n"), 421, "HostRefused"],
  "another host of a route that nobody has": [asking("GET /x", "Host: evil.example:80\r\n"), 421, "HostRefused"],
  "another host, forwarded": [asking("GET /api/v1/runs", `${HOST_LINE}X-Forwarded-Host: evil.example\r\n`), 200],
  "two hosts, the wrong one first": [asking("GET /api/v1/runs", `Host: evil.example\r\n${HOST_LINE}`), 421, "HostRefused"],
  "a host with a user": [asking("GET /api/v1/runs", "Host: 127.0.0.1@evil.example\r\n"), 400, "RequestInvalid"],
  "a host with a path": [asking("GET /api/v1/runs", "Host: 127.0.0.1/../x\r\n"), 400, "RequestInvalid"],
  "an absolute address": [asking("GET http://127.0.0.1/api/v1/runs"), 200],
  "an absolute address for another host": [asking("GET http://127.0.0.1/api/v1/runs", "Host: evil.example\r\n"), 421, "HostRefused"],
  "a star": [asking("OPTIONS *"), 400, "RequestInvalid"],
  TRACE: [asking("TRACE /api/v1/runs"), 405, "MethodNotAllowed"],
  "a method that nobody knows": [asking("FETCH /api/v1/runs"), 400, "RequestInvalid"],
  "another method, overridden": [asking("GET /api/v1/runs", `${HOST_LINE}X-HTTP-Method-Override: POST\r\n`), 200],
  "an upgrade": [asking("GET /api/v1/runs", `${HOST_LINE}Upgrade: websocket\r\n`), 200],
  "an expectation": [asking("GET /api/v1/runs", `${HOST_LINE}Expect: tea\r\n`), 200],
  "a way out": [asking("GET /api/v1/runs/../../../etc/passwd"), 404, "RouteUnknown"],
  "a way out, encoded": [asking("GET /api/v1/runs/%2e%2e%2f%2e%2e%2fetc%2fpasswd"), 404, "RunNotFound"],
  "a NUL": [asking("GET /api/v1/runs/%00"), 404, "RunNotFound"],
  "half a character": [asking("GET /api/v1/runs/%ED%A0%80"), 400, "RequestInvalid"],
  "half an escape": [asking("GET /api/v1/runs/%z"), 400, "RequestInvalid"],
  "a long id": [asking(`GET /api/v1/runs/${"a".repeat(15_000)}`), 404, "RunNotFound"],
  "a long path": [asking(`GET /${"a/".repeat(10_000)}`), 431, "HeadersTooLarge"],
  "many headers": [asking("GET /api/v1/runs", HOST_LINE + "A: b\r\n".repeat(10_000)), 431, "HeadersTooLarge"],
  "a NUL in a header": [asking("GET /api/v1/runs", `${HOST_LINE}X-Request-Id: a\u0000b\r\n`), 400, "RequestInvalid"],
  "a request id with lines": [asking("GET /api/v1/runs", `${HOST_LINE}X-Request-Id: a\r\n b: c\r\n`), 400, "RequestInvalid"],
  "two lengths": [withBody("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"), 400, "RequestInvalid"],
  "a length and chunks": [withBody("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, "RequestInvalid"],
  "a length below zero": [withBody("Content-Length: -1\r\n", ""), 400, "RequestInvalid"],
  "chunks without sizes": [withBody("Transfer-Encoding: chunked\r\n", "ZZ\r\n{}"), 400, "RequestInvalid"],
  "more than is taken, told": [withBody("Content-Length: 3000000\r\n", "{"), 413, "BodyTooLarge"],
  "no body": [START, 422, "BodyInvalid"],
  "no words at all": ["\u0000\u0001\u0002\r\n\r\n", 400, "RequestInvalid"],
  TLS: ["\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc", 400, "RequestInvalid"]
}

describe("on a port", () => {
  it.each(Object.entries(WORDS))("%s", async (_, [bytes, status, code]) => {
    const { port } = await Wire.listen()
    const heard = await Wire.speak(port, bytes).heard
    const answer = Wire.answerIn(heard)
    expect([answer.status, answer.json?.code], heard).toEqual([status, code])
    expect(Judge.faultOf(answer)).toBeUndefined()
  })

  it("CONNECT leads nowhere", async () => {
    const { port } = await Wire.listen()
    expect(await Wire.speak(port, asking("CONNECT evil.example:80")).heard).toMatch(/^(HTTP\/1\.1 4\d\d |$)/)
  })

  it("a body without a length is not read further than its largest size", async () => {
    const { port } = await Wire.listen({ bodyBytesMax: 10_000 })
    const chunk = `fa0\r\n${" ".repeat(4_000)}\r\n`
    const heard = await Wire.speak(port, withBody("Transfer-Encoding: chunked\r\n", chunk.repeat(3))).heard
    expect(Wire.answerIn(heard).json.code).toBe("BodyTooLarge")
  })

  it("requests in a row are answered in their order, garbage behind them ends the connection", async () => {
    const { port } = await Wire.listen()
    const kept = (path: string) => `GET ${path} HTTP/1.1\r\n${HOST_LINE}\r\n`
    const heard = await Wire.speak(port, kept("/health/live") + kept("/nothing") + asking("GET /api/v1/version")).heard
    expect(heard.match(/HTTP\/1\.1 \d{3}/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 404", "HTTP/1.1 200"])
    const spoilt = await Wire.speak(port, `${kept("/health/live")}\u0001garbage\r\n\r\n`).heard
    expect(spoilt).toMatch(/HTTP\/1\.1 400 [^]*"it is not HTTP"/)
    expect((await Wire.speak(port, asking("GET /health/live")).heard).slice(0, 12)).toBe("HTTP/1.1 200")
  })

  it("a byte now and then is no request, whether of headers or of a body", async () => {
    const { port } = await Wire.listen({ headersMillis: 300, requestMillis: 400 })
    const drip = (beginning: string) => {
      const spoken = Wire.speak(port, beginning)
      const timer = setInterval(() => spoken.socket.write("x"), 50)
      return spoken.heard.finally(() => clearInterval(timer))
    }
    const body = `POST /api/v1/runs HTTP/1.1\r\n${HOST_LINE}${JSON_LINE}Content-Length: 10000\r\n\r\n{"workflow":"`
    const begun = performance.now()
    const all = await Promise.all([drip("GET /api/v1/runs HTTP/1.1\r\nX: "), drip(body), Wire.speak(port, "").heard])
    for (const heard of all) {
      const answer = Wire.answerIn(heard)
      expect([answer.status, answer.json?.code]).toEqual([408, "RequestLate"])
      expect(Judge.faultOf(answer)).toBeUndefined()
    }
    expect(performance.now() - begun).toBeLessThan(2_000)
  })

  it("sockets that say nothing keep nobody out, and are closed", async () => {
    const { port } = await Wire.listen({ headersMillis: 500, requestMillis: 500 })
    const idle = Array.from({ length: 300 }, () => Wire.speak(port, ""))
    expect((await Wire.speak(port, asking("GET /health/live")).heard).slice(0, 12)).toBe("HTTP/1.1 200")
    for (const heard of await Promise.all(idle.map(({ heard }) => heard))) expect(heard).toContain("RequestLate")
  })

  it("whatever comes is answered, and nothing that was sent becomes a header", async () => {
    const { port } = await Wire.listen()
    const names = new Set<string>()
    await fc.assert(
      fc.asyncProperty(wild(operations), async ({ body, headers, method, path }) => {
        const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(body)
        const lines = [...headers, ["content-length", String(bytes.length)]].map(([name, value]) => `${name}: ${value}\r\n`).join("")
        const head = Buffer.from(asking(`${method} ${path}`, `${HOST_LINE}${lines}`), "latin1")
        const heard = await Wire.speak(port, Buffer.concat([head, bytes])).heard
        const answer = Wire.answerIn(heard)
        for (const name of answer.headers.keys()) names.add(name)
        // The answer to HEAD ends with its headers, and a stream is none that this could read.
        const fault = method === "HEAD" || answer.headers.has("transfer-encoding") ? undefined : Judge.faultOf(answer)
        expect([fault, answer.status < 500], `${method} ${path}\n${heard.slice(0, 1_000)}`).toEqual([undefined, true])
      }),
      { numRuns: 1_000, seed: 1, endOnFailure: true }
    )
    expect([...names]).not.toContain("set-cookie")
    expect(names.size).toBeLessThan(30)
  })
})

describe("a body", () => {
  const post = (path: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
    new Request(`${HOST}${path}`, { method: "POST", body, headers: { "content-type": "application/json", ...headers } })

  it("that is compressed is not inflated", async () => {
    const { app } = await serve()
    for (const encoding of ["gzip", "br", "deflate", "gzip, identity", "x"]) {
      const answer = await app.fetch(post("/api/v1/runs", gzipSync("{\"workflow\":\"anything\"}"), { "content-encoding": encoding }))
      expect([answer.status, (await answerOf(answer)).json.code]).toEqual([415, "MediaTypeUnsupported"])
    }
    expect((await app.fetch(post("/api/v1/runs", "{\"workflow\":\"anything\"}", { "content-encoding": "identity" }))).status).toBe(202)
  })

  it("holds no number that becomes another one", async () => {
    const { ask } = await serve()
    for (const input of ["1e999", "-1e999", "[1e999]"]) {
      const answer = await ask("POST", "/api/v1/runs", { raw: `{"workflow":"anything","input":${input}}` })
      expect([answer.status, answer.json.code]).toEqual([422, "PayloadInvalid"])
    }
    const timeout = await ask("POST", "/api/v1/runs", { raw: "{\"workflow\":\"anything\",\"timeoutMillis\":1e999}" })
    expect(timeout.json.code).toBe("BodyInvalid")
  })

  it("that is large and wrong everywhere does not keep the server busy", async () => {
    const { app } = await serve()
    const many = (item: string) => `${`${item},`.repeat(1_900_000 / (item.length + 1))}${item}`
    const fields = Array.from({ length: 150_000 }, (_, index) => `"k${index}":0`).join(",")
    const bodies: ReadonlyArray<readonly [string, string]> = [
      ["/api/v1/bulk", `{"action":"cancel","runIds":[${many("1")}]}`],
      ["/api/v1/bulk", `{"action":"cancel","filter":{"status":[${many("1")}]}}`],
      ["/api/v1/runs/r/fork", `{"at":1,"replace":[${many("{}")}]}`],
      ["/api/v1/runs", `{"workflow":"anything",${fields}}`],
      ["/api/v1/runs", `{"workflow":"anything","startAt":"2026-01-01T00:00:00.${"1".repeat(1_900_000)}"}`]
    ]
    for (const [path, body] of bodies) {
      const begun = performance.now()
      const answer = await app.fetch(post(path, body))
      expect([answer.status, (await answerOf(answer)).json.code]).toEqual([422, "BodyInvalid"])
      // It was over a minute when each fault was told; the bound leaves room for a busy machine.
      expect(performance.now() - begun, path).toBeLessThan(10_000)
    }
    const long = await app.fetch(post("/api/v1/runs", `{"workflow":"${"a".repeat(1_900_000)}"}`))
    expect([long.status, (await long.text()).length < 10_000]).toEqual([404, true])
  })

  it("has tags that are no text", async () => {
    const Shape = Schema.Union(Schema.TaggedStruct("Circle", { radius: Schema.Number }), Schema.TaggedStruct("Square", {}))
    const Draw = Workflow.make("draw", { input: Shape }, () => Effect.void)
    const { ask } = await serve({}, { workflows: [Draw] })
    const tag = { toString: 1 }
    const input = await ask("POST", "/api/v1/runs", { body: { workflow: "draw", input: { _tag: tag } } })
    expect([input.status, input.json.code]).toEqual([422, "PayloadInvalid"])
    const resolution = await ask("POST", "/api/v1/runs/r/steps/1/resolve", { body: { resolution: { _tag: tag } } })
    expect([resolution.status, resolution.json.code]).toEqual([422, "BodyInvalid"])
  })

  it("of whom nobody knows is small", async () => {
    const { app } = await serve()
    const answer = await app.fetch(post("/api/v1/session", JSON.stringify({ name: "a", password: "b".repeat(20_000) })))
    expect([answer.status, (await answerOf(answer)).json.code]).toEqual([413, "BodyTooLarge"])
  })
})

describe("long headers and queries", () => {
  it("are judged at once", async () => {
    const { app } = await serve()
    const spaces = " ".repeat(15_000)
    const repeated = ["a,", "a;q=", "\"", "W/", "="].map((text) => text.repeat(15_000 / text.length))
    const values = [`x${spaces}x`, `wait${spaces}=x`, ...repeated]
    const names = ["accept", "prefer", "if-none-match", "cookie", "authorization", "x-request-id", "last-event-id", "origin"]
    const begun = performance.now()
    for (const name of names) {
      for (const value of values) {
        const answer = await app.fetch(new Request(`${HOST}/api/v1/runs/r/events`, { headers: { [name]: value } }))
        expect(answer.status).toBeLessThan(500)
      }
    }
    const digits = "1".repeat(15_000)
    for (const query of ["a&".repeat(7_500), "status=x&".repeat(1_700), `createdAfter=${digits}`, `limit=${digits}x`]) {
      expect((await app.fetch(new Request(`${HOST}/api/v1/runs?${query}`))).status).toBe(400)
    }
    // A pattern that backtracks would need minutes for each.
    expect(performance.now() - begun).toBeLessThan(10_000)
  })
})

describe("a cursor", () => {
  it("that was changed leads nowhere else than its list goes", async () => {
    const { ask } = await serve()
    for (const workflow of ["anything", "greet", "anything", "greet", "anything"]) {
      await ask("POST", "/api/v1/runs", { body: { workflow, input: { name: "Ada" } } })
    }
    const list = "/api/v1/runs?workflow=anything&limit=1"
    const { json } = await ask("GET", list)
    const cursor: string = json.nextCursor
    const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
    const opened = JSON.parse(Buffer.from(cursor, "base64url").toString())
    const place = fc.nat(cursor.length - 1)
    const changed = fc.oneof(
      fc.tuple(place, fc.constantFrom("A", "a", "0", "_", "-")).map(([at, by]) => cursor.slice(0, at) + by + cursor.slice(at + 1)),
      place.map((length) => cursor.slice(0, length)),
      fc.jsonValue().map(encoded),
      fc.string().map((value) => encoded({ ...opened, r: value })),
      fc.string()
    )
    await fc.assert(
      fc.asyncProperty(changed, async (other) => {
        for (const path of [list, "/api/v1/runs", "/api/v1/audit"]) {
          const at = `${path}${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(other)}`
          const answer = await ask("GET", at)
          expect(["200", "400 CursorInvalid"], at).toContain([answer.status, answer.json.code ?? []].flat().join(" "))
          const others = (answer.json.items ?? []).filter((run: { workflow: string }) => path === list && run.workflow !== "anything")
          expect(others).toEqual([])
        }
      }),
      { numRuns: 200, seed: 1 }
    )
    expect((await ask("GET", `/api/v1/runs?workflow=greet&cursor=${cursor}`)).json.code).toBe("CursorInvalid")
  })
})

describe("without auth", () => {
  it("no route answers under a name that was made to lead here", async () => {
    const { app } = await serve()
    for (const { method, path } of operations) {
      for (const host of ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1:80@evil", "[::1].x"]) {
        const headers = { host, "content-type": "application/json" }
        const answer = await app.fetch(new Request(`${HOST}${path}`, { method, headers, ...(method === "POST" ? { body: "{}" } : {}) }))
        expect([answer.status, (await answerOf(answer)).json.code], `${method} ${path} ${host}`).toEqual([421, "HostRefused"])
      }
    }
  })
})
