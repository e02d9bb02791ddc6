import { describe, expect, it } from "@effect/vitest"
import { Records } from "@reprise/core/engine"
import { Effect, Redacted, TestClock } from "effect"
import * as Auth from "../../src/auth/Auth.js"
import * as Password from "../../src/auth/Password.js"
import * as Users from "../../src/auth/Users.js"
import { basic, PASSWORD, records, request, user, whoIs, withAuth } from "./given.js"

const options = { auth: [Auth.basic] }

describe("a user with a password", () => {
  it.scoped("is let in by Basic, with the role that the user has now", () =>
    withAuth(options, (auth) =>
      Effect.gen(function*() {
        yield* user("Ann", "editor")
        expect(yield* auth.authenticate(request(basic("ann", PASSWORD)))).toEqual({ name: "ann", role: "editor", via: "basic" })
        expect(yield* whoIs(auth, request(basic("ANN", PASSWORD)))).toBe("basic editor")
        yield* Users.remove("aNN")
        expect(yield* whoIs(auth, request(basic("ann", PASSWORD)))).toBe("Unauthenticated")
        yield* user("ann", "viewer", "another password")
        expect(yield* whoIs(auth, request(basic("ann", PASSWORD)))).toBe("Unauthenticated")
        expect(yield* whoIs(auth, request(basic("ann", "another password")))).toBe("basic viewer")
      })))

  it.scoped("is refused with anything but the password", () =>
    withAuth({ ...options, authLimits: { failuresOfAddress: 1_000, failuresOfName: 1_000 } }, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        for (const bad of ["", "x", PASSWORD.toUpperCase(), `${PASSWORD} `, PASSWORD.slice(1), `${PASSWORD}\0`, "a".repeat(1_025)]) {
          expect([bad, yield* whoIs(auth, request(basic("ann", bad)))]).toEqual([bad, "Unauthenticated"])
        }
        for (const bad of ["", "bob", "ann ", "ann\0", "__proto__"]) {
          expect([bad, yield* whoIs(auth, request(basic(bad, PASSWORD)))]).toEqual([bad, "Unauthenticated"])
        }
        const noColon = `Basic ${Buffer.from("ann").toString("base64")}`
        const long = `Basic ${"A".repeat(10_000)}`
        for (const bad of ["Basic", "Basic ", "Basic !!!", noColon, "Basic /////w==", `basic ann:${PASSWORD}`, long]) {
          expect([bad, yield* whoIs(auth, request({ authorization: bad }))]).toEqual([bad, "Unauthenticated"])
        }
        expect(yield* whoIs(auth, request(basic("ann", PASSWORD)))).toBe("basic editor")
      })))

  it.scoped("may have a password with colons and any letters, however they are composed", () =>
    withAuth(options, (auth) =>
      Effect.gen(function*() {
        yield* user("ann", "viewer", "pass:wörd:ﬁne🔑")
        expect(yield* whoIs(auth, request(basic("ann", "pass:wo\u0308rd:fine🔑")))).toBe("basic viewer")
      })))

  it.scoped("is not let in by Basic when it is not configured", () =>
    withAuth({ auth: [Auth.keys] }, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        expect(yield* whoIs(auth, request(basic("ann", PASSWORD)))).toBe("Unauthenticated")
      })))

  it.scoped("whose browser sends the password is not taken in by the page of another", () =>
    withAuth(options, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        const asked = (origin: string, method: string) => request({ ...basic("ann", PASSWORD), origin }, { method })
        expect(yield* whoIs(auth, asked("https://evil.test", "POST"))).toBe("CsrfRefused")
        expect(yield* whoIs(auth, asked("null", "DELETE"))).toBe("CsrfRefused")
        expect(yield* whoIs(auth, asked("https://reprise.test", "POST"))).toBe("basic editor")
        expect(yield* whoIs(auth, asked("https://evil.test", "GET"))).toBe("basic editor")
      })))

  it.effect("has one name, whatever its spelling", () =>
    Effect.gen(function*() {
      expect(yield* user("ＡＮＮ.Lee@Example-1")).toMatchObject({ name: "ann.lee@example-1" })
      expect(yield* Effect.flip(user("ann.lee@example-1"))).toMatchObject({ _tag: "UserExists" })
      for (const name of ["", " ", "a b", "a:b", ".a", "a/b", "a\u0000", "a".repeat(101), "\u202eann", "a\u200bb"]) {
        expect([name, yield* Effect.flip(user(name))]).toMatchObject([name, { _tag: "NameInvalid" }])
      }
      expect(yield* Users.list).toEqual([{ name: "ann.lee@example-1", role: "editor", createdAt: 0, createdBy: "test" }])
      expect(yield* Effect.flip(Users.remove("bob"))).toMatchObject({ _tag: "UserUnknown" })
      expect(yield* Effect.flip(Users.remove("a b"))).toMatchObject({ _tag: "UserUnknown" })
    }).pipe(Effect.provide(records())))

  it.effect("is made once, however many make it at once", () =>
    Effect.gen(function*() {
      const made = yield* Effect.forEach([1, 2, 3, 4, 5], () => Effect.either(user("ann")), { concurrency: 5 })
      expect(made.filter(({ _tag }) => _tag === "Right")).toHaveLength(1)
    }).pipe(Effect.provide(records())))

  it.effect("is stored with the parameters of its hash, and without the password", () =>
    Effect.gen(function*() {
      yield* Users.create({ name: "ann", role: "viewer", password: Redacted.make(PASSWORD), createdBy: "test" })
      const [stored] = yield* Effect.flatMap(Records.Records, (store) => store.list("users", { limit: 1 }))
      expect(stored?.value).toMatchObject({ password: { algorithm: "scrypt", N: 32_768, r: 8, p: 3 } })
      expect(JSON.stringify(stored)).not.toContain(PASSWORD)
      const hash = (yield* Users.find("ann"))?.password ?? Password.NOBODY
      expect(yield* Password.verify(Redacted.make(PASSWORD), hash)).toBe(true)
      expect(yield* Password.verify(Redacted.make(`${PASSWORD}.`), hash)).toBe(false)
      expect(yield* Password.verify(Redacted.make(""), Password.NOBODY)).toBe(false)
    }).pipe(Effect.provide(records())))
})

describe("guessing passwords", () => {
  it.scoped("is slow for one name, from wherever it is tried, also when all tries come at once", () =>
    withAuth({ ...options, authLimits: { failuresOfName: 4, failuresOfNamePerMinute: 2 } }, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        const tries = Array.from({ length: 12 }, (_, index) =>
          request(basic("ann", `guess ${index}`), { remoteAddress: `192.0.2.${index}` }))
        const answers = yield* Effect.forEach(tries, (asked) => whoIs(auth, asked), { concurrency: 12 })
        expect(answers.filter((answer) => answer === "Unauthenticated")).toHaveLength(4)
        expect(answers.filter((answer) => answer === "RateLimited")).toHaveLength(8)
        expect(yield* Effect.flip(auth.authenticate(request(basic("ANN", PASSWORD))))).toMatchObject({ retryAfterSeconds: 30 })
        yield* TestClock.adjust("30 seconds")
        expect(yield* whoIs(auth, request(basic("ann", PASSWORD)))).toBe("basic editor")
      })))

  it.scoped("is slow from one address, whatever the names", () =>
    withAuth({ ...options, authLimits: { failuresOfAddress: 3, failuresOfAddressPerMinute: 1 } }, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        const from = (address: string, name: string) => whoIs(auth, request(basic(name, PASSWORD), { remoteAddress: address }))
        const guesses = yield* Effect.forEach(["a", "b", "c", "d", "ann"], (name) => from("2001:db8::1", name))
        expect(guesses).toEqual(["Unauthenticated", "Unauthenticated", "Unauthenticated", "RateLimited", "RateLimited"])
        expect(yield* from("2001:db8::2", "ann")).toBe("RateLimited")
        expect(yield* from("2001:db8:0:1::1", "ann")).toBe("basic editor")
      })))

  it.scoped("keeps nobody out who is right every time, nor whose password is remembered", () =>
    withAuth({ ...options, authLimits: { failuresOfName: 2, failuresOfNamePerMinute: 1 } }, (auth) =>
      Effect.gen(function*() {
        yield* user("ann")
        for (let index = 0; index < 20; index++) {
          yield* TestClock.adjust("2 minutes")
          expect(yield* whoIs(auth, request(basic("ann", PASSWORD)))).toBe("basic editor")
        }
        const guesses = yield* Effect.forEach([1, 2, 3], (index) => whoIs(auth, request(basic("ann", `guess ${index}`))))
        expect(guesses).toEqual(["Unauthenticated", "Unauthenticated", "RateLimited"])
        expect(yield* whoIs(auth, request(basic("ann", PASSWORD)))).toBe("basic editor")
      })))
})
