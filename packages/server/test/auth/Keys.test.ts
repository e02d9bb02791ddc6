import { describe, expect, it } from "@effect/vitest"
import { Records } from "@reprise/core/engine"
import { Deferred, Effect, Fiber, Redacted, TestClock } from "effect"
import * as Auth from "../../src/auth/Auth.js"
import * as Keys from "../../src/auth/Keys.js"
import { bearer, key, records, request, whoIs, withAuth } from "./given.js"

const options = { auth: [Auth.keys] }

describe("an API key", () => {
  it.scoped("lets its owner in, with its role", () =>
    withAuth(options, (auth) =>
      Effect.gen(function*() {
        const { keyId, token } = yield* key("operator")
        expect(yield* auth.authenticate(request(bearer(token)))).toEqual({ name: `deploy (${keyId})`, role: "operator", via: "key" })
        expect(yield* whoIs(auth, request({ authorization: `bearer   ${token} ` }))).toBe("key operator")
      })))

  it.scoped("that is wrong in any way lets nobody in", () =>
    withAuth({ ...options, authLimits: { failuresOfAddress: 1_000 } }, (auth) =>
      Effect.gen(function*() {
        const { keyId, token } = yield* key("admin")
        const other = yield* key("admin")
        const secret = token.split("_")[2] ?? ""
        const wrong = [
          `rpr_${keyId}_${other.token.split("_")[2]}`,
          `rpr_${"0".repeat(16)}_${secret}`,
          token.toUpperCase(),
          `rpr_${keyId}_${secret.toUpperCase()}`,
          `rpr_${keyId.toUpperCase()}_${secret}`,
          token.slice(0, -1),
          `${token}0`,
          `${token}${"0".repeat(10_000)}`,
          `rpr_${keyId}_`,
          `rpr_${keyId}`,
          "rpr_",
          secret,
          `${token},${token}`,
          `${token} ${token}`
        ]
        for (const bad of wrong) expect([bad, yield* whoIs(auth, request(bearer(bad)))]).toEqual([bad, "Unauthenticated"])
        const headers = ["", "Bearer", "Bearer ", token, `Token ${token}`, `Basic ${token}`, `Bearer\t${token}`, `Bearer ${token}\u0000`]
        for (const bad of headers) {
          expect([bad, yield* whoIs(auth, request({ authorization: bad }))]).toEqual([bad, "Unauthenticated"])
        }
        expect(yield* whoIs(auth, request())).toBe("nobody")
        expect(yield* whoIs(auth, request(bearer(token)))).toBe("key admin")
      })))

  it.scoped("ends at its instant, also while it is remembered", () =>
    withAuth({ ...options, authLimits: { keyCacheMillis: 60_000 } }, (auth) =>
      Effect.gen(function*() {
        const { token } = yield* key("viewer", { expiresAt: 10_000 })
        yield* TestClock.adjust(9_999)
        expect(yield* whoIs(auth, request(bearer(token)))).toBe("key viewer")
        yield* TestClock.adjust(1)
        expect(yield* whoIs(auth, request(bearer(token)))).toBe("Unauthenticated")
      })))

  it.scoped("is revoked at once here, and elsewhere when it is no longer remembered", () =>
    withAuth(options, (auth) =>
      Effect.gen(function*() {
        const elsewhere = yield* Auth.make(options)
        const { keyId, token } = yield* key("viewer")
        expect(yield* whoIs(auth, request(bearer(token)))).toBe("key viewer")
        expect(yield* whoIs(elsewhere, request(bearer(token)))).toBe("key viewer")

        yield* Keys.revoke(keyId)
        auth.forgetKey(keyId)
        expect(yield* whoIs(auth, request(bearer(token)))).toBe("Unauthenticated")
        expect(yield* whoIs(elsewhere, request(bearer(token)))).toBe("key viewer")
        yield* TestClock.adjust("5 seconds")
        expect(yield* whoIs(elsewhere, request(bearer(token)))).toBe("Unauthenticated")
      })))

  it.scoped("that is revoked while it is read is not remembered", () =>
    Effect.gen(function*() {
      const store = yield* Records.Records
      const { keyId, token } = yield* key("viewer")
      const [began, goOn] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      /** Reads, and then takes its time to tell. */
      const slow: Records.RecordsShape = {
        ...store,
        get: (collection, id) =>
          Effect.tap(store.get(collection, id), () => Effect.zipRight(Deferred.succeed(began, undefined), Deferred.await(goOn)))
      }
      const auth = yield* Effect.provideService(Auth.make(options), Records.Records, slow)
      const first = yield* Effect.fork(whoIs(auth, request(bearer(token))))
      yield* Deferred.await(began)
      yield* Keys.revoke(keyId)
      auth.forgetKey(keyId)
      yield* Deferred.succeed(goOn, undefined)
      yield* Fiber.join(first)
      expect(yield* whoIs(auth, request(bearer(token)))).toBe("Unauthenticated")
    }).pipe(Effect.provide(records())))

  it.scoped("stays revoked, whatever is written of it afterwards", () =>
    withAuth(options, (auth) =>
      Effect.gen(function*() {
        const { keyId, token } = yield* key("viewer")
        yield* Keys.revoke(keyId)
        yield* TestClock.adjust("1 minute")
        yield* Keys.revoke(keyId)
        expect((yield* Keys.list)[0]).toMatchObject({ keyId, revokedAt: 0 })
        expect(yield* whoIs(auth, request(bearer(token)))).toBe("Unauthenticated")
        expect(yield* Effect.flip(Keys.revoke("0".repeat(16)))).toMatchObject({ _tag: "ApiKeyUnknown" })
      })))

  it.scoped("is never read more often than it is forgotten, nor noted as used more than once a minute", () =>
    Effect.gen(function*() {
      const store = yield* Records.Records
      const calls = { get: 0, put: 0 }
      const counted: Records.RecordsShape = {
        ...store,
        get: (collection, id) => Effect.suspend(() => ((calls.get += 1), store.get(collection, id))),
        put: (collection, id, value) => Effect.suspend(() => ((calls.put += 1), store.put(collection, id, value)))
      }
      const auth = yield* Effect.provideService(Auth.make(options), Records.Records, counted)
      const { keyId, token } = yield* key("viewer")
      for (let second = 0; second < 60; second++) {
        yield* Effect.forEach([1, 2, 3, 4, 5], () => whoIs(auth, request(bearer(token))), { concurrency: 5 })
        yield* TestClock.adjust("1 second")
      }
      expect(calls.put).toBe(1)
      // Five at once find nothing remembered, twelve times a minute.
      expect(calls.get).toBeLessThanOrEqual(60)
      yield* whoIs(auth, request(bearer(token)))
      expect(calls.put).toBe(2)
      expect((yield* Keys.list)[0]).toMatchObject({ keyId, lastUsedAt: 60_000 })
    }).pipe(Effect.provide(records())))

  it.scoped("is not stored, and listed without its secret", () =>
    Effect.gen(function*() {
      const store = yield* Records.Records
      const { keyId, token } = yield* key("admin", { name: " ops ", expiresAt: 5 })
      const secret = token.split("_")[2] ?? "missing"
      const listed = yield* Keys.list
      expect(listed).toEqual([{ keyId, name: "ops", role: "admin", createdAt: 0, createdBy: "test", expiresAt: 5 }])
      expect(JSON.stringify([listed, yield* store.list("api-keys", { limit: 10 })])).not.toContain(secret)
      const created = yield* Keys.create({ name: "b", role: "viewer", createdBy: "test" })
      expect(JSON.stringify(created)).not.toContain(Redacted.value(created.key))
    }).pipe(Effect.provide(records())))

  it.effect("has a name that can be read", () =>
    Effect.gen(function*() {
      for (const name of ["", " ", "a\nb", "\u0000", "a".repeat(101), "a\u2028", "\ud800"]) {
        const refused = yield* Effect.flip(Keys.create({ name, role: "viewer", createdBy: "test" }))
        expect(refused).toMatchObject({ _tag: "NameInvalid" })
      }
    }).pipe(Effect.provide(records())))
})
