/** Every route against every role, by every provider: who may pass does, and nobody else. */
import { MemoryLog } from "@reprise/testing"
import { Effect, Redacted } from "effect"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { describe, expect, it } from "vitest"
import type { Role } from "../src/api/Model.js"
import type { Access, Any } from "../src/api/Route.js"
import { ROUTES } from "../src/api/Routes.js"
import * as Auth from "../src/auth/Auth.js"
import * as Keys from "../src/auth/Keys.js"
import * as Users from "../src/auth/Users.js"
import { HOST, type Rig, serve } from "./served.js"

const PASSWORD = "correct horse battery"
const HOUR = 3_600_000

/** As the table of roles says, apart from the code. */
const MAY: { readonly [R in Role]: ReadonlyArray<Access> } = {
  viewer: ["open", "read"],
  editor: ["open", "read", "write"],
  operator: ["open", "read", "write", "operate"],
  admin: ["open", "read", "write", "operate", "administer"]
}
const ROLES = ["viewer", "editor", "operator", "admin"] as const

const issuer = await generateKeyPair("ES256", { extractable: true })
const jwks = { keys: [{ ...(await exportJWK(issuer.publicKey)), alg: "ES256" }] }
const tokenOf = (role: Role, by = issuer.privateKey, endsIn = HOUR) =>
  new SignJWT({ role, sub: role, iss: "issuer", aud: "reprise", exp: Math.floor((Date.now() + endsIn) / 1_000) })
    .setProtectedHeader({ alg: "ES256" })
    .sign(by)

const options = {
  auth: [Auth.keys, Auth.basic, Auth.sessions, Auth.jwt({ issuer: "issuer", audience: "reprise", keys: jwks })],
  authLimits: { failuresOfAddress: 10_000, failuresOfName: 10_000 }
}

type Credentials = Record<string, string>

/** A store with a key and a user of each role, and a key that is over in each way that there is. */
const prepare = async () => {
  const store = MemoryLog.makeStore()
  const keyOf = (role: Role, expiresAt?: number) =>
    Effect.map(Keys.create({ name: role, role, expiresAt, createdBy: "test" }), ({ apiKey, key }) => ({
      keyId: apiKey.keyId,
      header: { authorization: `Bearer ${Redacted.value(key)}` }
    }))
  const made = Effect.gen(function*() {
    const keys = yield* Effect.forEach(ROLES, (role) => keyOf(role))
    for (const role of ROLES) {
      yield* Users.create({ name: role, role, password: Redacted.make(PASSWORD), createdBy: "test", cost: { N: 16, r: 1, p: 1 } })
    }
    const expired = yield* keyOf("admin", Date.now() - 1)
    const revoked = yield* keyOf("admin")
    yield* Keys.revoke(revoked.keyId)
    return { keys: keys.map(({ header }) => header), expired: expired.header, revoked: revoked.header }
  })
  return { store, ...(await Effect.runPromise(Effect.provide(made, MemoryLog.layer(store)))) }
}

const routes: ReadonlyArray<Any> = Object.values(ROUTES)

/** Asks for nothing in particular: the body is refused, or there is no such run. */
const ask = (rig: Rig, route: Any, headers: Credentials) =>
  rig.ask(route.method, route.path.replaceAll(/\{\w+\}/g, "none"), { headers, ...(route.body === undefined ? {} : { body: {} }) })

const outcome = async (rig: Rig, route: Any, headers: Credentials) => {
  const { json, status } = await ask(rig, route, headers)
  const stopped = status === 401 || status === 403 || status >= 500 || json?.code === "RouteUnknown"
  return stopped ? `${status} ${json?.code}` : "passed"
}

/** What every route says, line by line. */
const walk = async (rig: Rig, headers: () => Promise<Credentials>): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  for (const route of routes) found.push(`${route.name}: ${await outcome(rig, route, await headers())}`)
  return found
}

const basicOf = (name: string, password = PASSWORD): Credentials => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`
})

/** A new session each time, because one of the routes ends it. */
const sessionOf = async (rig: Rig, name: string): Promise<Credentials> => {
  const body = { name, password: PASSWORD }
  const { headers, json } = await rig.ask("POST", "/api/v1/session", { body, headers: { host: "127.0.0.1" } })
  const cookie = headers.get("set-cookie")?.split(";")[0] ?? ""
  return { host: "127.0.0.1", cookie, "x-csrf-token": json.csrfToken, origin: HOST }
}

/** Which routes need more than reading, or nothing, apart from the code: a route that says too little of itself is found here. */
const ACCESS: Partial<Record<Access, string>> = {
  open: "docs live openApi openSession ready version",
  write: "cancelKey cancelRun forkRun pauseKey pauseRun queryKey queryRun rejectAwakeable resolveAwakeable resolveStep resumeKey " +
    "resumeRun signalKey signalRun startBulk startRun terminateKey terminateRun updateKey updateRun",
  administer: "createKey createUser listAudit listKeys listUsers removeUser revokeKey"
}
const DEMANDS = new Map(Object.entries(ACCESS).flatMap(([access, names]) => names.split(" ").map((name) => [name, access] as const)))
const accessOf = (name: string): string => DEMANDS.get(name) ?? "read"

/** What every route should say. */
const asRole = (role: Role) =>
  routes.map(({ name }) => `${name}: ${MAY[role].some((access) => access === accessOf(name)) ? "passed" : "403 Forbidden"}`)
const asNobody = routes.map(({ name }) => `${name}: ${accessOf(name) === "open" ? "passed" : "401 Unauthenticated"}`)

describe("every route", () => {
  it("says of itself what it demands", () => {
    expect(routes.map(({ access, name }) => [name, access])).toEqual(routes.map(({ name }) => [name, accessOf(name)]))
    const names = new Set(routes.map(({ name }) => name))
    expect([...DEMANDS.keys()].filter((name) => !names.has(name))).toEqual([])
  })

  it("lets each role do what it may, by each provider", async () => {
    const { keys, store } = await prepare()
    const rig = await serve(options, { store })
    for (const [index, role] of ROLES.entries()) {
      expect(await walk(rig, async () => keys[index] ?? {}), `key of a ${role}`).toEqual(asRole(role))
      expect(await walk(rig, async () => basicOf(role)), `password of a ${role}`).toEqual(asRole(role))
      expect(await walk(rig, async () => ({ authorization: `Bearer ${await tokenOf(role)}` })), `token of a ${role}`).toEqual(asRole(role))
      expect(await walk(rig, () => sessionOf(rig, role)), `session of a ${role}`).toEqual(asRole(role))
    }
  })

  it("is closed to those who show nothing, or what does not count", async () => {
    const { expired, keys, revoked, store } = await prepare()
    const rig = await serve(options, { store })
    const stranger = await generateKeyPair("ES256")
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
    const wrong: Readonly<Record<string, Credentials>> = {
      nothing: {},
      "expired key": expired,
      "revoked key": revoked,
      "key of another case": { authorization: keys[3]?.["authorization"]?.toUpperCase() ?? "" },
      "wrong key": bearer(`rpr_${"0".repeat(16)}_${"0".repeat(64)}`),
      "wrong password": basicOf("admin", "wrong"),
      "expired token": bearer(await tokenOf("admin", issuer.privateKey, -HOUR)),
      "token of a stranger": bearer(await tokenOf("admin", stranger.privateKey)),
      "unknown scheme": { authorization: "Digest x" },
      "wrong cookie": { host: "127.0.0.1", cookie: `reprise_session=${"0".repeat(64)}` }
    }
    for (const [who, headers] of Object.entries(wrong)) expect(await walk(rig, async () => headers), who).toEqual(asNobody)
  })
})
