/** No secret comes out: not in answers, not in logs, not in the audit log, not in the store; whatever is asked, right or wrong. */
import { MemoryLog } from "@reprise/testing"
import { Effect, FastCheck as fc, Inspectable, Redacted } from "effect"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { expect, it } from "vitest"
import type { Any } from "../../src/api/Route.js"
import { ROUTES } from "../../src/api/Routes.js"
import * as Auth from "../../src/auth/Auth.js"
import * as Keys from "../../src/auth/Keys.js"
import * as Sessions from "../../src/auth/Sessions.js"
import * as Users from "../../src/auth/Users.js"
import { type Answer, serve } from "../served.js"

const HOSTNAME = "reprise.test"
const PASSWORD = "pa55word-of-ann-1"

const issuer = await generateKeyPair("ES256", { extractable: true })
const jwks = { keys: [{ ...(await exportJWK(issuer.publicKey)), alg: "ES256" }] }
const token = await new SignJWT({ role: "admin", sub: "ann", iss: "issuer", aud: "reprise", exp: 4_000_000_000 })
  .setProtectedHeader({ alg: "ES256" })
  .sign(issuer.privateKey)

const begin = async () => {
  const store = MemoryLog.makeStore()
  const made = Effect.gen(function*() {
    const password = Redacted.make(PASSWORD)
    yield* Users.create({ name: "ann", role: "admin", password, createdBy: "test", cost: { N: 16, r: 1, p: 1 } })
    const [good, revoked] = [yield* Keys.create(key), yield* Keys.create(key)]
    yield* Keys.revoke(revoked.apiKey.keyId)
    return [good, revoked].map((created) => Redacted.value(created.key))
  })
  const key = { name: "root", role: "admin", createdBy: "test" } as const
  const keys = await Effect.runPromise(Effect.provide(made, MemoryLog.layer(store)))
  const jwt = Auth.jwt({ issuer: "issuer", audience: "reprise", keys: jwks })
  const authLimits = { failuresOfAddress: 100_000, failuresOfName: 100_000, requestBurst: 100_000 }
  const rig = await serve({ auth: [Auth.keys, Auth.basic, Auth.sessions, jwt], authLimits }, { store })
  const signed = await rig.ask("POST", "/api/v1/session", { body: { name: "ann", password: PASSWORD }, headers: { host: HOSTNAME } })
  const session = signed.headers.get("set-cookie")?.split(/[=;]/)[1] ?? ""
  expect(session).toMatch(/^[0-9a-f]{64}$/)
  return { rig, store, keys, session, csrf: Sessions.csrfOf(Redacted.make(session)) }
}

const base64 = (text: string) => Buffer.from(text).toString("base64")

/** The part of a secret that is one. */
const coreOf = (secret: string): string => secret.split(/[_.]/).at(-1) ?? secret

it("no secret comes out, whatever is asked", { timeout: 300_000 }, async () => {
  const { csrf, keys, rig, session, store } = await begin()
  const secrets = [PASSWORD, "wr0ng-pa55word", ...keys, session, token, `${token}x`, csrf]

  const routes: ReadonlyArray<Any> = Object.values(ROUTES).filter(({ name }) => name !== "createKey" && name !== "closeSession")
  const anyHeaders = fc.constantFrom(...secrets).chain((secret) =>
    fc.constantFrom<Readonly<Record<string, string>>>(
      { authorization: `Bearer ${secret}` },
      { authorization: `Bearer  ${secret} x` },
      { authorization: secret },
      { authorization: `Basic ${base64(`ann:${secret}`)}` },
      { authorization: `Basic ${secret}` },
      { authorization: `Token ${secret}` },
      { cookie: `__Host-reprise_session=${secret}` },
      { cookie: `__Host-reprise_session=${session}`, "x-csrf-token": secret },
      { cookie: `__Host-reprise_session=${session}`, "x-csrf-token": csrf },
      { cookie: `${secret}=${secret}`, "x-csrf-token": secret, "x-api-key": secret }
    ))
  const anyBody = fc.constantFrom(...secrets).chain((secret) =>
    fc.constantFrom<unknown>(
      {},
      { name: "ann", password: secret },
      { name: "ann", password: [secret], role: "admin" },
      { name: "ann", password: { [secret]: secret }, role: "admin" },
      { name: "ann", password: secret.repeat(40), role: "admin" },
      { name: "ann", password: secret.slice(0, 11), role: "admin" },
      { name: "bob", password: secret, role: "none" }
    ))
  const requests = fc.record({ route: fc.constantFrom(...routes), headers: anyHeaders, body: anyBody })

  const expectNone = (what: string, text: string, except: ReadonlyArray<string> = []) => {
    const found = secrets.map(coreOf).filter((secret) => !except.includes(secret) && text.includes(secret))
    expect(found, `${what} tells a secret: ${text}`).toEqual([])
  }
  /** Who has a session is told its token against forgery. */
  const expectSilent = (route: Any, { headers, text }: Answer) => {
    const shown = route.name === "whoAmI" || route.name === "openSession" ? [csrf] : []
    const told = [...headers].filter(([name]) => name !== "set-cookie").flat().join("\n")
    expectNone(route.name, `${text}\n${told}`, shown)
  }

  await fc.assert(
    fc.asyncProperty(requests, async ({ body, headers, route }) => {
      const path = route.path.replaceAll(/\{\w+\}/g, "none")
      const asking = { headers: { host: HOSTNAME, ...headers }, ...(route.body === undefined ? {} : { body }) }
      expectSilent(route, await rig.ask(route.method, path, asking))
    }),
    { numRuns: 600 }
  )

  const audit = await rig.ask("GET", "/api/v1/audit?limit=1000", { headers: { authorization: `Bearer ${keys[0]}` } })
  expect(audit.json.items.length).toBeGreaterThan(100)
  expectNone("the audit log", audit.text)
  expectNone("the log", rig.logged.join("\n"))
  expectNone("the store", Inspectable.toStringUnknown([...store.records].map(([name, documents]) => [name, [...documents]])))
})

it("what holds a secret does not show it", async () => {
  const key = Redacted.make(PASSWORD)
  const made = await Effect.runPromise(
    Keys.create({ name: "a", role: "viewer", createdBy: "test" }).pipe(Effect.provide(MemoryLog.layer(MemoryLog.makeStore())))
  )
  for (const value of [key, made]) {
    for (const text of [JSON.stringify(value), String(value), Inspectable.toStringUnknown(value)]) {
      expect(text).not.toContain(PASSWORD)
      expect(text).not.toContain(coreOf(Redacted.value(made.key)))
    }
  }
})
