/** The routes about access, through the app. */
import { MemoryLog } from "@reprise/testing"
import { Effect, Redacted } from "effect"
import { describe, expect, it } from "vitest"
import type { AuditEntry } from "../../src/api/Model.js"
import * as Auth from "../../src/auth/Auth.js"
import * as Keys from "../../src/auth/Keys.js"
import type { Options } from "../../src/Options.js"
import { type Answer, type Asking, type Rig, serve } from "../served.js"

const PASSWORD = "correct horse battery"
const HOSTNAME = "reprise.test"
const ALL = { auth: [Auth.keys, Auth.basic, Auth.sessions] }

/** An app with an API key of an administrator. */
const begin = async (options: Options = ALL) => {
  const store = MemoryLog.makeStore()
  const made = Keys.create({ name: "root", role: "admin", createdBy: "test" })
  const { apiKey, key } = await Effect.runPromise(Effect.provide(made, MemoryLog.layer(store)))
  const rig = await serve(options, { store })
  const headers = { authorization: `Bearer ${Redacted.value(key)}` }
  const asAdmin = (method: string, path: string, asking: Asking = {}) =>
    rig.ask(method, path, { ...asking, headers: { ...headers, ...asking.headers } })
  return { rig, asAdmin, admin: `root (${apiKey.keyId})`, store }
}

const signIn = (rig: Rig, name: string, password = PASSWORD, headers: Record<string, string> = {}) =>
  rig.ask("POST", "/api/v1/session", { body: { name, password }, headers: { host: HOSTNAME, ...headers } })

const cookieOf = ({ headers }: Answer) => ({ host: HOSTNAME, cookie: headers.get("set-cookie")?.split(";")[0] ?? "" })

describe("API keys", () => {
  it("are made, used, listed without their secrets, and revoked at once", async () => {
    const { admin, asAdmin, rig } = await begin()
    const made = await asAdmin("POST", "/api/v1/keys", { body: { name: "deploy", role: "editor", expiresAt: "2100-01-01T00:00:00Z" } })
    expect(made.status).toBe(201)
    expect(made.json).toMatchObject({ name: "deploy", role: "editor", createdBy: admin, expiresAt: "2100-01-01T00:00:00.000Z" })
    const { key, keyId } = made.json
    const mine = { authorization: `Bearer ${key}` }
    const me = await rig.ask("GET", "/api/v1/me", { headers: mine })
    expect(me.json).toEqual({ name: `deploy (${keyId})`, role: "editor", via: "key" })

    const listed = await asAdmin("GET", "/api/v1/keys")
    expect(listed.json.items.map((item: { name: string }) => item.name).toSorted()).toEqual(["deploy", "root"])
    expect(listed.text).not.toContain(key.split("_")[2])

    expect((await asAdmin("DELETE", `/api/v1/keys/${keyId}`)).status).toBe(204)
    expect((await rig.ask("GET", "/api/v1/me", { headers: mine })).status).toBe(401)
    expect((await asAdmin("DELETE", "/api/v1/keys/none")).json).toMatchObject({ status: 404, code: "ApiKeyUnknown" })
    expect((await asAdmin("POST", "/api/v1/keys", { body: { name: "", role: "viewer" } })).json.code).toBe("NameInvalid")
    expect((await asAdmin("POST", "/api/v1/keys", { body: { name: "x", role: "root" } })).status).toBe(422)
  })
})

describe("users", () => {
  it("are made, listed and removed, and no password is ever repeated", async () => {
    const { asAdmin, rig } = await begin()
    const made = await asAdmin("POST", "/api/v1/users", { body: { name: "Ann", password: PASSWORD, role: "viewer" } })
    expect([made.status, made.json]).toMatchObject([201, { name: "ann", role: "viewer" }])
    const again = await asAdmin("POST", "/api/v1/users", { body: { name: "ann", password: PASSWORD, role: "viewer" } })
    expect(again.json.code).toBe("UserExists")
    for (const password of ["s3cret", "s3cret".repeat(1_000), 5_3_1_7, ["s3cret"], { s3cret: 1 }, null]) {
      const refused = await asAdmin("POST", "/api/v1/users", { body: { name: "bob", password, role: "viewer" } })
      expect(refused.status).toBe(422)
      expect(refused.text).not.toContain("s3cret")
      expect(refused.text).not.toContain("5317")
    }
    expect((await asAdmin("GET", "/api/v1/users")).json.items).toHaveLength(1)
    expect((await asAdmin("DELETE", "/api/v1/users/ANN")).status).toBe(204)
    expect((await asAdmin("DELETE", "/api/v1/users/ann")).json.code).toBe("UserUnknown")
    expect((await signIn(rig, "ann")).json.code).toBe("Unauthenticated")
  })
})

describe("a browser", () => {
  it("signs in, acts with its token, and signs out", async () => {
    const { asAdmin, rig } = await begin()
    await asAdmin("POST", "/api/v1/users", { body: { name: "ann", password: PASSWORD, role: "editor" } })
    const signed = await signIn(rig, "ann")
    expect(signed.status).toBe(201)
    expect(signed.json.caller).toEqual({ name: "ann", role: "editor", via: "session" })
    expect(signed.headers.get("set-cookie")).toMatch(/^__Host-reprise_session=\w+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure$/)

    const cookie = cookieOf(signed)
    const csrf = { "x-csrf-token": signed.json.csrfToken }
    const body = { workflow: "greet", input: { name: "a" } }
    const start = (headers: Record<string, string>) => rig.ask("POST", "/api/v1/runs", { body, headers })
    expect((await start(cookie)).json.code).toBe("CsrfRefused")
    expect((await start({ ...cookie, ...csrf, origin: "https://evil.test" })).json.code).toBe("CsrfRefused")
    expect((await start({ ...cookie, ...csrf, origin: `https://${HOSTNAME}` })).status).toBe(202)

    const me = await rig.ask("GET", "/api/v1/me", { headers: cookie })
    expect(me.headers.get("x-csrf-token")).toBe(signed.json.csrfToken)

    const out = await rig.ask("DELETE", "/api/v1/session", { headers: { ...cookie, ...csrf } })
    expect([out.status, out.headers.get("set-cookie")]).toEqual([204, expect.stringContaining("Max-Age=0")])
    expect((await rig.ask("GET", "/api/v1/me", { headers: cookie })).status).toBe(401)
    // What is left of the old session does not stand in the way of a new one.
    expect((await signIn(rig, "ann", PASSWORD, cookie)).status).toBe(201)
  })

  it("loses its session with its user", async () => {
    const { asAdmin, rig } = await begin()
    const body = { name: "ann", password: PASSWORD, role: "editor" }
    await asAdmin("POST", "/api/v1/users", { body })
    const cookie = cookieOf(await signIn(rig, "ann"))
    await asAdmin("DELETE", "/api/v1/users/ann")
    await asAdmin("POST", "/api/v1/users", { body })
    expect((await rig.ask("GET", "/api/v1/me", { headers: cookie })).status).toBe(401)
  })
})

describe("the audit log", () => {
  it("has every mutation with who asked and what became of it, and no reading", async () => {
    const { admin, asAdmin, rig } = await begin()
    await asAdmin("POST", "/api/v1/users", { body: { name: "ann", password: PASSWORD, role: "viewer" } })
    await signIn(rig, "ann")
    await signIn(rig, "ann", "wrong password")
    const { json: started } = await asAdmin("POST", "/api/v1/runs", { body: { workflow: "greet", input: { name: "payload-of-ann" } } })
    await asAdmin("GET", "/api/v1/runs")
    await asAdmin("POST", "/api/v1/awakeables/t0ken/resolve", { body: {} })
    const basic = { authorization: `Basic ${Buffer.from(`ann:${PASSWORD}`).toString("base64")}` }
    await rig.ask("POST", "/api/v1/runs", { body: { workflow: "greet" }, headers: basic })
    const { json, text } = await asAdmin("GET", "/api/v1/audit")
    const shown = json.items.map(({ action, caller, code, runId, status }: AuditEntry) => [action, caller?.name, status, code, runId])
    expect(shown).toEqual([
      ["startRun", "ann", 403, "Forbidden", undefined],
      ["resolveAwakeable", admin, 404, "AwakeableUnknown", undefined],
      ["startRun", admin, 202, undefined, started.runId],
      ["openSession", undefined, 401, "Unauthenticated", undefined],
      ["openSession", "ann", 201, undefined, undefined],
      ["createUser", admin, 201, undefined, undefined]
    ])
    for (const secret of [PASSWORD, "wrong password", "payload-of-ann", "t0ken"]) expect(text).not.toContain(secret)
    const { json: page } = await asAdmin("GET", "/api/v1/audit?limit=4")
    const rest = await asAdmin("GET", `/api/v1/audit?limit=4&cursor=${page.nextCursor}`)
    expect([...page.items, ...rest.json.items]).toEqual(json.items)
    expect((await asAdmin("GET", "/api/v1/audit?cursor=x")).json.code).toBe("CursorInvalid")
  })

  it("has what a caller asked who did not wait for the answer", async () => {
    const { admin, asAdmin } = await begin()
    const gone = new AbortController()
    const body = { workflow: "order", input: { total: 1 } }
    const asked = asAdmin("POST", "/api/v1/runs", { body, headers: { prefer: "wait=60" }, signal: gone.signal })
    for (let tries = 0; tries < 1_000; tries++) {
      if ((await asAdmin("GET", "/api/v1/runs")).json.items.length > 0) break
    }
    gone.abort()
    await asked
    const { json } = await asAdmin("GET", "/api/v1/audit")
    expect(json.items).toMatchObject([{ action: "startRun", caller: { name: admin } }])
  })
})

describe("requests", () => {
  it("are bounded, and told so", async () => {
    const { asAdmin } = await begin({ ...ALL, authLimits: { requestBurst: 2, requestsPerSecond: 0.01 } })
    const first = await asAdmin("GET", "/api/v1/me")
    expect([first.status, first.headers.get("ratelimit-limit"), first.headers.get("ratelimit-remaining")]).toEqual([200, "2", "1"])
    await asAdmin("GET", "/api/v1/me")
    const third = await asAdmin("GET", "/api/v1/me")
    expect(third.json).toMatchObject({ status: 429, code: "RateLimited" })
    expect(Number(third.headers.get("retry-after"))).toBeGreaterThan(90)
  })

  it("of other origins are answered when these are listed", async () => {
    const origin = "https://ops.test"
    const { rig } = await begin({ ...ALL, origins: [origin] })
    const preflight = await rig.ask("OPTIONS", "/api/v1/runs", { headers: { origin, "access-control-request-method": "POST" } })
    expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([204, origin])
    const refused = await rig.ask("GET", "/api/v1/me", { headers: { origin } })
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([401, origin])
    const { rig: closed } = await begin()
    const none = await closed.ask("OPTIONS", "/api/v1/runs", { headers: { origin, "access-control-request-method": "POST" } })
    expect(none.headers.get("access-control-allow-origin")).toBeNull()
  })

  it("by the name of another reach no server without auth", async () => {
    const rig = await serve()
    for (const path of ["/api/v1/runs", "/health/live", "/none", "/openapi.json"]) {
      expect((await rig.ask("GET", path, { headers: { host: "evil.test" } })).json).toMatchObject({ status: 421, code: "HostRefused" })
    }
    expect((await rig.ask("GET", "/api/v1/me", { headers: { host: "localhost:7070" } })).json.via).toBe("anonymous")
    const body = { workflow: "greet", input: { name: "a" } }
    const forged = await rig.ask("POST", "/api/v1/runs", { body, headers: { host: "localhost:7070", origin: "https://evil.test" } })
    expect(forged.json.code).toBe("CsrfRefused")
  })
})
