import { describe, expect, it } from "@effect/vitest"
import { Records } from "@reprise/core/engine"
import { Effect, Redacted, TestClock } from "effect"
import * as Auth from "../../src/auth/Auth.js"
import * as Cookies from "../../src/auth/Cookies.js"
import * as Sessions from "../../src/auth/Sessions.js"
import * as Users from "../../src/auth/Users.js"
import { basic, HOST, PASSWORD, records, request, user, whoIs, withAuth } from "./given.js"

const options = { auth: [Auth.sessions] }

const cookieOf = (token: string) => ({ cookie: `theme=dark; __Host-reprise_session=${token}; a=b` })

/** Signs in, and tells what the browser has then. */
const signIn = (auth: Auth.AuthShape, name = "ann", headers: Readonly<Record<string, string>> = {}) =>
  Effect.map(auth.signIn(name, Redacted.make(PASSWORD), request(headers, { method: "POST" })), ({ csrfToken, token }) => ({
    token: Redacted.value(token),
    cookie: cookieOf(Redacted.value(token)),
    csrf: { "x-csrf-token": csrfToken }
  }))

const size = (collection: string) =>
  Effect.map(Effect.flatMap(Records.Records, (store) => store.list(collection, { limit: 1_000 })), (all) => all.length)

describe("a session", () => {
  it.scoped("stands for its user, with the role of now", () =>
    withAuth(options, (auth) =>
      Effect.gen(function*() {
        yield* user("ann", "operator")
        const { cookie } = yield* signIn(auth, "ANN")
        expect(yield* auth.authenticate(request(cookie))).toEqual({ name: "ann", role: "operator", via: "session" })
      })))

  it.scoped("lets nobody in by another cookie", () =>
    withAuth(options, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        const { token } = yield* signIn(auth)
        const wrong = ["", "x", token.toUpperCase(), token.slice(1), `${token}0`, "0".repeat(64), "a".repeat(100_000)]
        for (const bad of wrong) expect([bad, yield* whoIs(auth, request(cookieOf(bad)))]).toEqual([bad, "nobody"])
        const cookies = [`reprise_session=${token}`, `x__Host-reprise_session=${token}`, `__host-reprise_session=${token}`, token, ";;=;"]
        for (const bad of cookies) expect([bad, yield* whoIs(auth, request({ cookie: bad }))]).toEqual([bad, "nobody"])
        const two = { cookie: `__Host-reprise_session=${token}; __Host-reprise_session=${"0".repeat(64)}` }
        expect(yield* whoIs(auth, request(two))).toBe("nobody")
      })))

  it.scoped("ends when nothing was asked with it for an hour, and after twelve hours in any case", () =>
    withAuth(options, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        const idle = yield* signIn(auth)
        yield* TestClock.adjust("59 minutes")
        expect(yield* whoIs(auth, request(idle.cookie))).toBe("session editor")
        yield* TestClock.adjust("59 minutes")
        expect(yield* whoIs(auth, request(idle.cookie))).toBe("session editor")
        yield* TestClock.adjust("60 minutes")
        expect(yield* whoIs(auth, request(idle.cookie))).toBe("nobody")

        const busy = yield* signIn(auth)
        for (let minutes = 0; minutes < 12 * 60 - 30; minutes += 30) {
          yield* TestClock.adjust("30 minutes")
          expect(yield* whoIs(auth, request(busy.cookie))).toBe("session editor")
        }
        yield* TestClock.adjust("30 minutes")
        expect(yield* whoIs(auth, request(busy.cookie))).toBe("nobody")
        expect([yield* size("sessions"), yield* size("session-uses")]).toEqual([0, 0])
      })))

  it.scoped("ends when its user is removed, and does not come back with another of that name", () =>
    withAuth(options, (auth) =>
      Effect.gen(function*() {
        yield* user("ann", "admin")
        const { cookie } = yield* signIn(auth)
        yield* Users.remove("ann")
        yield* user("ann", "viewer")
        expect(yield* whoIs(auth, request(cookie))).toBe("nobody")
      })))

  it.scoped("ends when its user signs out, and nobody else's with it", () =>
    withAuth(options, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        yield* user("bob")
        const [first, second, other] = [yield* signIn(auth), yield* signIn(auth), yield* signIn(auth, "bob")]
        yield* auth.signOut(request(first.cookie))
        expect(yield* whoIs(auth, request(first.cookie))).toBe("nobody")
        expect(yield* whoIs(auth, request(second.cookie))).toBe("session editor")
        yield* Sessions.closeOf("ann")
        expect(yield* whoIs(auth, request(second.cookie))).toBe("nobody")
        expect(yield* whoIs(auth, request(other.cookie))).toBe("session editor")
      })))

  it.scoped("is a new one at each sign-in, and the one before ends", () =>
    withAuth(options, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        const first = yield* signIn(auth)
        const second = yield* signIn(auth, "ann", first.cookie)
        expect(second.token).not.toBe(first.token)
        expect(yield* whoIs(auth, request(first.cookie))).toBe("nobody")
        expect(yield* whoIs(auth, request(second.cookie))).toBe("session editor")
      })))

  it.scoped("that has ended is cleared away in time", () =>
    withAuth({ ...options, authLimits: { failuresOfName: 1_000 } }, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        for (let index = 0; index < 40; index++) yield* signIn(auth)
        yield* TestClock.adjust("13 hours")
        for (let index = 0; index < 40; index++) yield* signIn(auth)
        expect(yield* size("sessions")).toBeLessThan(60)
      })))

  it.scoped("is not stored as it is", () =>
    withAuth(options, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        const { csrf, token } = yield* signIn(auth)
        const stored = JSON.stringify(yield* Effect.flatMap(Records.Records, (store) => store.list("sessions", { limit: 10 })))
        expect(stored).not.toContain(token)
        expect(stored).not.toContain(csrf["x-csrf-token"])
      })))

  it.scoped("is nothing where sessions are not configured", () =>
    Effect.gen(function*() {
      yield* user("ann")
      const { cookie } = yield* signIn(yield* Auth.make(options))
      const keysOnly = yield* Auth.make({ auth: [Auth.keys] })
      expect(yield* whoIs(keysOnly, request(cookie))).toBe("nobody")
      expect(yield* Effect.flip(signIn(keysOnly))).toMatchObject({ _tag: "Unauthenticated" })
    }).pipe(Effect.provide(records())))

  it.scoped("goes behind other credentials of the same request", () =>
    withAuth({ auth: [Auth.sessions, Auth.basic] }, (auth) =>
      Effect.gen(function*() {
        yield* user("ann", "admin")
        yield* user("bob", "viewer")
        const { cookie } = yield* signIn(auth)
        expect(yield* whoIs(auth, request({ ...cookie, ...basic("bob", PASSWORD) }))).toBe("basic viewer")
        expect(yield* whoIs(auth, request({ ...cookie, ...basic("bob", "wrong") }))).toBe("Unauthenticated")
      })))
})

describe("a mutation with a session", () => {
  it.scoped("needs the token of that session, and a page of the server", () =>
    withAuth(options, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        const { cookie, csrf, token } = yield* signIn(auth)
        const other = yield* signIn(auth)
        const asked = (headers: Readonly<Record<string, string>>, method = "POST") =>
          whoIs(auth, request({ ...cookie, ...headers }, { method }))
        const own = { origin: `https://${HOST}` }
        expect(yield* asked({ ...csrf, ...own })).toBe("session editor")
        expect(yield* asked(csrf, "DELETE")).toBe("session editor")
        for (const method of ["POST", "DELETE", "PUT", "PATCH", "TRACE", "post"]) {
          expect([method, yield* asked(own, method)]).toEqual([method, "CsrfRefused"])
        }
        for (const bad of ["", "x", token, csrf["x-csrf-token"].toUpperCase(), other.csrf["x-csrf-token"], "a".repeat(100_000)]) {
          expect([bad, yield* asked({ ...own, "x-csrf-token": bad })]).toEqual([bad, "CsrfRefused"])
        }
        for (const origin of ["https://evil.test", `https://${HOST}.evil.test`, `https://${HOST}:8443`, "null", "", "x"]) {
          expect([origin, yield* asked({ ...csrf, origin })]).toEqual([origin, "CsrfRefused"])
        }
        expect(yield* asked({ ...csrf, "sec-fetch-site": "cross-site" })).toBe("CsrfRefused")
        for (const method of ["GET", "HEAD", "OPTIONS"]) expect(yield* asked({}, method)).toBe("session editor")
      })))

  it.scoped("may come from an origin that is listed", () =>
    withAuth({ ...options, origins: ["https://ops.test"] }, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        const { cookie, csrf } = yield* signIn(auth)
        const asked = request({ ...cookie, ...csrf, origin: "https://ops.test" }, { method: "POST" })
        expect(yield* whoIs(auth, asked)).toBe("session editor")
      })))
})

describe("signing in", () => {
  it.scoped("is for those who know the password, from a page of the server", () =>
    withAuth(options, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        const tried = (name: string, password: string, headers = {}) =>
          Effect.map(Effect.flip(auth.signIn(name, Redacted.make(password), request(headers))), ({ _tag }) => _tag)
        expect(yield* tried("ann", "wrong")).toBe("Unauthenticated")
        expect(yield* tried("bob", PASSWORD)).toBe("Unauthenticated")
        expect(yield* tried("ann", PASSWORD, { origin: "https://evil.test" })).toBe("CsrfRefused")
      })))

  it.scoped("is slow for those who guess", () =>
    withAuth({ ...options, authLimits: { failuresOfName: 2 } }, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        const guess = Effect.map(Effect.flip(auth.signIn("ann", Redacted.make("guess"), request())), ({ _tag }) => _tag)
        expect([yield* guess, yield* guess, yield* guess]).toEqual(["Unauthenticated", "Unauthenticated", "RateLimited"])
        expect(yield* Effect.flip(signIn(auth))).toMatchObject({ _tag: "RateLimited" })
      })))
})

it("a cookie is kept from scripts, from other sites, and from the network, except on this machine", () => {
  const token = Redacted.make("0".repeat(64))
  const rest = "Path=/; Max-Age=60; HttpOnly; SameSite=Lax"
  expect(Cookies.keep(token, 60, HOST)).toBe(`__Host-reprise_session=${"0".repeat(64)}; ${rest}; Secure`)
  expect(Cookies.keep(token, 60, undefined)).toContain("; Secure")
  for (const host of ["localhost", "localhost:7070", "127.0.0.1:1", "[::1]:7070", "LOCALHOST"]) {
    expect(Cookies.keep(token, 60, host)).toBe(`reprise_session=${"0".repeat(64)}; ${rest}`)
    expect(Cookies.read(`reprise_session=${"0".repeat(64)}`, host)).toBe("0".repeat(64))
  }
  for (const host of ["localhost.evil.test", "127.0.0.1.evil.test", "evil.test:80", "xlocalhost", "127.0.0.1:x"]) {
    expect(Cookies.keep(token, 60, host)).toContain("; Secure")
  }
  expect(Cookies.drop(HOST)).toContain("Max-Age=0")
})
