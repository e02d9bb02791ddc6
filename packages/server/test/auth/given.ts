/** What tests of auth begin with: a store in memory, cheap passwords, requests. */
import type { Records } from "@reprise/core/engine"
import { MemoryLog } from "@reprise/testing"
import { Effect, type Layer, Redacted, type Scope } from "effect"
import * as Auth from "../../src/auth/Auth.js"
import type { Incoming } from "../../src/auth/Credentials.js"
import * as Keys from "../../src/auth/Keys.js"
import * as Users from "../../src/auth/Users.js"
import type { Role } from "../../src/api/Model.js"

export const records = (): Layer.Layer<Records.Records> => MemoryLog.layer(MemoryLog.makeStore())

export const HOST = "reprise.test"
export const PASSWORD = "correct horse battery"

export const request = (headers: Readonly<Record<string, string>> = {}, more: Partial<Incoming> = {}): Incoming => {
  const all: Readonly<Record<string, string>> = { host: HOST, ...headers }
  return { method: "GET", remoteAddress: "192.0.2.1", header: (name) => all[name], ...more }
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

export const basic = (name: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`
})

/** Cheap enough to be made many times. */
const COST = { N: 16, r: 1, p: 1 }

export const user = (name: string, role: Role = "editor", password = PASSWORD) =>
  Users.create({ name, role, password: Redacted.make(password), createdBy: "test", cost: COST })

export const key = (role: Role, more: Partial<Keys.NewKey> = {}) =>
  Effect.map(Keys.create({ name: "deploy", role, createdBy: "test", ...more }), ({ apiKey, key }) => ({
    keyId: apiKey.keyId,
    token: Redacted.value(key)
  }))

/** The tag of the refusal, or the caller's name and role; `nobody` when no credentials were shown. */
export const whoIs = (auth: Auth.AuthShape, asked: Incoming): Effect.Effect<string> =>
  auth.authenticate(asked).pipe(
    Effect.map((caller) => (caller === undefined ? "nobody" : `${caller.via} ${caller.role}`)),
    Effect.catchAll(({ _tag }) => Effect.succeed<string>(_tag))
  )

/** Runs a test with a store of its own, and auth on it. */
export const withAuth = <A, E>(
  options: Auth.Options,
  test: (auth: Auth.AuthShape) => Effect.Effect<A, E, Records.Records | Scope.Scope>
): Effect.Effect<A, E, Scope.Scope> => Effect.flatMap(Auth.make(options), test).pipe(Effect.provide(records()))
