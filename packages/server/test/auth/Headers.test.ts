import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Auth from "../../src/auth/Auth.js"
import * as Headers from "../../src/auth/Headers.js"
import { request, whoIs, withAuth } from "./given.js"

const OPS = "https://ops.test"

describe("another origin", () => {
  it("reads nothing, unless it is listed", () => {
    expect(Headers.cors({}, request({ origin: OPS }))).toEqual({})
    expect(Headers.cors({ origins: [OPS] }, request({ origin: "https://evil.test" }))).toEqual({ Vary: "Origin" })
    expect(Headers.cors({ origins: [OPS] }, request({ origin: "null" }))).toEqual({ Vary: "Origin" })
    expect(Headers.cors({ origins: [OPS] }, request())).toEqual({ Vary: "Origin" })
    const allowed = Headers.cors({ origins: ["https://a.test", OPS] }, request({ origin: OPS }))
    expect(allowed).toMatchObject({ Vary: "Origin", "Access-Control-Allow-Origin": OPS })
    expect(allowed).not.toHaveProperty("Access-Control-Allow-Credentials")
  })

  it("is told in advance what it may send", () => {
    const asked = request({ origin: OPS, "access-control-request-method": "POST" }, { method: "OPTIONS" })
    expect(Headers.cors({ origins: [OPS] }, asked)).toMatchObject({
      "Access-Control-Allow-Methods": "GET, POST, DELETE",
      "Access-Control-Allow-Headers": expect.stringContaining("Authorization")
    })
    expect(Headers.cors({ origins: ["https://a.test"] }, asked)).toEqual({ Vary: "Origin" })
  })
})

it("an origin that is none is foreign, also to a request without a host", () => {
  const from = (origin?: string, host?: string) => Headers.isForeign({}, { header: (name) => ({ origin, host })[name] })
  expect([from("null"), from(""), from("https://a.test"), from("null", "a.test")]).toEqual([true, true, true, true])
  expect([from(), from(undefined, "a.test"), from("https://a.test", "A.test"), from("http://a.test:80", "a.test")]).toEqual([false, false, false, false])
})

it("a page runs what the server has put there, and nothing else", () => {
  const headers = Headers.page({ styles: ["a{}"], scripts: [] })
  expect(headers["Content-Security-Policy"]).toContain("style-src 'sha256-")
  expect(headers["Content-Security-Policy"]).toContain("script-src 'none'")
  expect(headers["Content-Security-Policy"]).not.toContain("unsafe")
  expect(Headers.SECURITY).toMatchObject({ "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY" })
})

describe("a server without auth", () => {
  it.scoped("lets everybody do all, but answers for this machine only", () =>
    withAuth({ hosts: ["dev.test:7070"] }, (auth) =>
      Effect.gen(function*() {
        expect(auth.configured).toBe(false)
        expect(yield* whoIs(auth, request())).toBe("anonymous admin")
        expect(yield* whoIs(auth, request({ authorization: "Bearer x" }))).toBe("anonymous admin")
        const here = ["localhost", "localhost:1", "127.0.0.1:7070", "127.1.2.3", "[::1]:7070"]
        for (const host of [...here, "dev.test:7070", "DEV.test:7070", undefined]) {
          expect([host, auth.answersFor(host)]).toEqual([host, true])
        }
        const disguised = ["localhost.evil.test", "127.0.0.1.evil.test", "127.0.0.1@evil.test", "dev.test", ""]
        for (const host of ["evil.test", "evil.test:7070", "192.0.2.1", "[::2]", ...disguised]) {
          expect([host, auth.answersFor(host)]).toEqual([host, false])
        }
      })))

  it.scoped("does nothing for the page of another that a browser on this machine shows", () =>
    withAuth({}, (auth) =>
      Effect.gen(function*() {
        const asked = (headers: Readonly<Record<string, string>>, method = "POST") =>
          whoIs(auth, request({ host: "localhost:7070", ...headers }, { method }))
        expect(yield* asked({ origin: "https://evil.test" })).toBe("CsrfRefused")
        expect(yield* asked({ origin: "http://localhost:3000" })).toBe("CsrfRefused")
        expect(yield* asked({ "sec-fetch-site": "cross-site" }, "DELETE")).toBe("CsrfRefused")
        expect(yield* asked({ origin: "http://localhost:7070" })).toBe("anonymous admin")
        expect(yield* asked({})).toBe("anonymous admin")
      })))
})

describe("a server with auth", () => {
  it.scoped("answers for any host, unless hosts are listed", () =>
    Effect.gen(function*() {
      const any = yield* withAuth({ auth: [Auth.keys] }, Effect.succeed)
      const listed = yield* withAuth({ auth: [Auth.keys], hosts: ["reprise.test"] }, Effect.succeed)
      const hosts = ["reprise.test", "other.test"]
      expect([any, listed].map((auth) => hosts.map((host) => auth.answersFor(host)))).toEqual([[true, true], [true, false]])
    }))

  it.scoped("lets a caller, or an address that shows nothing, make so many requests and no more", () =>
    withAuth({ auth: [Auth.keys], authLimits: { requestBurst: 2, requestsPerSecond: 1 } }, (auth) =>
      Effect.gen(function*() {
        const ann = { name: "ann", role: "viewer", via: "jwt" } as const
        const [first, second, third] = [yield* auth.admit(ann, "a"), yield* auth.admit(ann, "b"), yield* auth.admit(ann, "c")]
        expect([first.refusal, second.refusal, third.refusal?._tag]).toEqual([undefined, undefined, "RateLimited"])
        expect(third.headers).toEqual({ "RateLimit-Limit": "2", "RateLimit-Remaining": "0", "RateLimit-Reset": "2", "Retry-After": "1" })
        expect((yield* auth.admit({ ...ann, via: "key" }, "a")).refusal).toBeUndefined()
        const addresses = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"]
        const strangers = yield* Effect.forEach(addresses, (address) => auth.admit(undefined, address))
        expect(strangers.map(({ refusal }) => refusal?._tag)).toEqual([undefined, undefined, "RateLimited", undefined])
      })))

  it.scoped("answers wrong credentials more slowly when they are many", () =>
    withAuth({ auth: [Auth.keys], authLimits: { failuresOfAddress: 2 } }, (auth) =>
      Effect.gen(function*() {
        const wrong = request({ authorization: "Bearer rpr_x" })
        const answers = yield* Effect.forEach([1, 2, 3], () => whoIs(auth, wrong))
        expect(answers).toEqual(["Unauthenticated", "Unauthenticated", "RateLimited"])
      })))
})
