import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from "jose"
import * as Auth from "../../src/auth/Auth.js"
import type * as Jwt from "../../src/auth/Jwt.js"
import { bearer, key, request, whoIs, withAuth } from "./given.js"

const ISSUER = "https://issuer.test/"
const AUDIENCE = "reprise"
/** Instants of tokens are seconds. */
const NOW = 1_800_000_000

const pair = async (kid: string, alg = "ES256") => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { privateKey, publicKey, kid, alg, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } }
}

const ours = await pair("ours")
const theirs = await pair("theirs")
const rsa = await pair("rsa", "RS256")
const sha512 = await pair("sha512", "RS512")
const keys = { keys: [ours.jwk, rsa.jwk, sha512.jwk] }

type Claims = Readonly<Record<string, unknown>>
const CLAIMS: Claims = { iss: ISSUER, aud: AUDIENCE, sub: "ann", role: "editor", exp: NOW + 300, nbf: NOW, iat: NOW }

const sign = (claims: Claims = {}, by = ours, header: object = {}) =>
  Effect.promise(() => {
    const token = new SignJWT({ ...CLAIMS, ...claims }).setProtectedHeader({ alg: by.alg, kid: by.kid, ...header })
    return token.sign(by.privateKey)
  })

const withIssuer = <A, E>(more: Partial<Jwt.Options>, test: (auth: Auth.AuthShape) => Effect.Effect<A, E>) =>
  withAuth({ auth: [Auth.jwt({ issuer: ISSUER, audience: AUDIENCE, keys, ...more })], authLimits: { failuresOfAddress: 1_000 } }, (auth) =>
    Effect.zipRight(TestClock.adjust(NOW * 1_000), test(auth)))

describe("a token", () => {
  it.scoped("of the issuer lets its subject in", () =>
    withIssuer({}, (auth) =>
      Effect.gen(function*() {
        expect(yield* auth.authenticate(request(bearer(yield* sign())))).toEqual({ name: "ann", role: "editor", via: "jwt" })
        expect(yield* whoIs(auth, request(bearer(yield* sign({}, rsa))))).toBe("jwt editor")
        expect(yield* whoIs(auth, request(bearer(yield* sign({ aud: ["other", AUDIENCE] }))))).toBe("jwt editor")
        expect(yield* whoIs(auth, request())).toBe("nobody")
      })))

  it.scoped("that is wrong in any claim lets nobody in", () =>
    withIssuer({}, (auth) =>
      Effect.gen(function*() {
        const wrong: Readonly<Record<string, Claims>> = {
          issuer: { iss: "https://issuer.test" },
          "no issuer": { iss: undefined },
          audience: { aud: "other" },
          "no audience": { aud: undefined },
          expired: { exp: NOW - 31 },
          "no end": { exp: undefined },
          "not yet": { nbf: NOW + 31 },
          role: { role: "root" },
          "role of another case": { role: "Admin" },
          "no role": { role: undefined },
          "role in a list that is none": { role: { 0: "admin" } },
          "no subject": { sub: undefined },
          "empty subject": { sub: "" },
          "subject that forges lines": { sub: "ann\nadmin" },
          "long subject": { sub: "a".repeat(201) },
          "subject that is no text": { sub: undefined, ["name"]: "ann" }
        }
        for (const [what, claims] of Object.entries(wrong)) {
          expect([what, yield* whoIs(auth, request(bearer(yield* sign(claims))))]).toEqual([what, "Unauthenticated"])
        }
      })))

  it.scoped("counts within the tolerance of clocks, and ends by ours", () =>
    withIssuer({ clockToleranceSeconds: 10 }, (auth) =>
      Effect.gen(function*() {
        const token = yield* sign({ exp: NOW + 60, nbf: NOW + 9 })
        expect(yield* whoIs(auth, request(bearer(token)))).toBe("jwt editor")
        yield* TestClock.adjust("69 seconds")
        expect(yield* whoIs(auth, request(bearer(token)))).toBe("jwt editor")
        yield* TestClock.adjust("1 seconds")
        expect(yield* whoIs(auth, request(bearer(token)))).toBe("Unauthenticated")
      })))

  it.scoped("that is not signed by the issuer lets nobody in", () =>
    withIssuer({}, (auth) =>
      Effect.gen(function*() {
        const [head = "", body = "", signature = ""] = (yield* sign()).split(".")
        const admin = Buffer.from(JSON.stringify({ ...CLAIMS, role: "admin" })).toString("base64url")
        const secret = new TextEncoder().encode(yield* Effect.promise(() => exportSPKI(rsa.publicKey)))
        const bySecret = (alg: string) =>
          Effect.promise(() => new SignJWT(CLAIMS).setProtectedHeader({ alg, kid: "rsa" }).sign(secret))
        const wrong = {
          stranger: yield* sign({}, theirs),
          "stranger with our key's id": yield* sign({}, theirs, { kid: "ours" }),
          "stranger who brings a key": yield* sign({}, theirs, { jwk: theirs.jwk }),
          "none": new UnsecuredJWT(CLAIMS).encode(),
          "None": `${Buffer.from("{\"alg\":\"None\"}").toString("base64url")}.${body}.`,
          "public key as a secret": yield* bySecret("HS256"),
          "an algorithm that is not listed": yield* sign({}, sha512),
          "other claims": `${head}.${admin}.${signature}`,
          "no signature": `${head}.${body}.`,
          "two parts": `${head}.${body}`,
          "no token": "x",
          dots: "..",
          long: "a".repeat(9_000),
          "key that is not known": yield* sign({}, ours, { kid: "gone" })
        }
        for (const [what, token] of Object.entries(wrong)) {
          expect([what, yield* whoIs(auth, request(bearer(token)))]).toEqual([what, "Unauthenticated"])
        }
      })))

  it.scoped("may be signed with any algorithm that is listed, and no other", () =>
    withIssuer({ algorithms: ["RS512"] }, (auth) =>
      Effect.gen(function*() {
        expect(yield* whoIs(auth, request(bearer(yield* sign({}, sha512))))).toBe("jwt editor")
        expect(yield* whoIs(auth, request(bearer(yield* sign())))).toBe("Unauthenticated")
      })))

  it.scoped("has the highest role that its claims mean here", () =>
    withIssuer({ roleClaim: ["realm_access", "roles"], roles: { "ops-team": "operator", staff: "viewer" }, nameClaim: "email" }, (auth) =>
      Effect.gen(function*() {
        const asked = (roles: unknown) =>
          Effect.flatMap(sign({ email: "ann@test", realm_access: { roles } }), (token) => whoIs(auth, request(bearer(token))))
        expect(yield* asked(["staff", "ops-team", "other"])).toBe("jwt operator")
        expect(yield* asked("staff")).toBe("jwt viewer")
        for (const none of [["admin"], ["__proto__", "constructor", "toString"], [], undefined, null, 7, [["staff"]]]) {
          expect([none, yield* asked(none)]).toEqual([none, "Unauthenticated"])
        }
        expect(yield* whoIs(auth, request(bearer(yield* sign({ email: "ann@test", realm_access: null }))))).toBe("Unauthenticated")
      })))
})

describe("the keys of an issuer", () => {
  const far = (fetch: typeof globalThis.fetch) => ({ keys: new URL("https://issuer.test/keys"), fetch })

  it.scoped("are fetched once, and again for a key that is new", () => {
    let fetched = 0
    return withIssuer(far(() => Promise.resolve(Response.json(((fetched += 1), keys)))), (auth) =>
      Effect.gen(function*() {
        const token = yield* sign()
        const answers = yield* Effect.forEach(Array.from({ length: 20 }), () => whoIs(auth, request(bearer(token))), { concurrency: 20 })
        expect(new Set(answers)).toEqual(new Set(["jwt editor"]))
        expect(fetched).toBe(1)
        // Strangers cannot make the server ask the issuer again and again.
        const strange = yield* sign({}, theirs)
        for (let index = 0; index < 20; index++) expect(yield* whoIs(auth, request(bearer(strange)))).toBe("Unauthenticated")
        expect(fetched).toBeLessThanOrEqual(2)
      }))
  })

  it.scoped("that cannot be had refuse nobody for good", () => {
    const ways: ReadonlyArray<() => Promise<Response>> = [
      () => Promise.reject(new TypeError("fetch failed")),
      () => Promise.resolve(new Response("down", { status: 503 })),
      () => Promise.resolve(new Response("<html>")),
      () => Promise.resolve(Response.json({ keys: 7 }))
    ]
    return Effect.forEach(ways, (way) =>
      withIssuer(far(way), (auth) =>
        Effect.gen(function*() {
          expect(yield* whoIs(auth, request(bearer(yield* sign())))).toBe("IssuerUnavailable")
        })))
  })
})

it.scoped("several issuers, and API keys, stand beside each other", () => {
  const down = { keys: new URL("https://down.test/keys"), fetch: () => Promise.reject(new Error("down")) }
  const broken = { issuer: "https://down.test", audience: AUDIENCE, ...down }
  const other = { issuer: "https://other.test", audience: AUDIENCE, keys: { keys: [theirs.jwk] } }
  const auth = [Auth.keys, Auth.jwt(broken), Auth.jwt({ issuer: ISSUER, audience: AUDIENCE, keys }), Auth.jwt(other)]
  return withAuth({ auth }, (auth) =>
    Effect.gen(function*() {
      yield* TestClock.adjust(NOW * 1_000)
      expect(yield* whoIs(auth, request(bearer(yield* sign())))).toBe("jwt editor")
      expect(yield* whoIs(auth, request(bearer(yield* sign({ iss: "https://other.test" }, theirs))))).toBe("jwt editor")
      expect(yield* whoIs(auth, request(bearer(yield* sign({}, theirs))))).toBe("IssuerUnavailable")
      const { token } = yield* key("viewer")
      expect(yield* whoIs(auth, request(bearer(token)))).toBe("key viewer")
    }))
})
