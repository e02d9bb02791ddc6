/**
 * API keys: `rpr_<id>_<secret>`. The id and the SHA-256 of the secret are stored; the secret is shown once. `create`, `list`
 * and `revoke` need the store only, and no server.
 *
 * A key that was good is remembered for a short time. A revocation in this process forgets it; a read that was under way
 * meanwhile is not remembered.
 */
import { type Errors, type Records } from "@reprise/core/engine"
import { Clock, Effect, Redacted, Schema } from "effect"
import { type ApiKey, type Caller, Role } from "../api/Model.js"
import { ApiKeyUnknown } from "../Errors.js"
import * as Names from "./Names.js"
import * as Secret from "./Secret.js"
import * as Stored from "./Stored.js"
import * as Uses from "./Uses.js"

export const PREFIX = "rpr_"
const KEY = /^rpr_([0-9a-f]{16})_([0-9a-f]{64})$/
const KEY_CHARS = PREFIX.length + 16 + 1 + 64
const ID_BYTES = 8
const SECRET_BYTES = 32
/** Keys that are remembered. */
const REMEMBERED_MAX = 1_000

const exact = { exact: true } as const
const StoredKey = Schema.Struct({
  name: Schema.String,
  role: Role,
  /** Of the secret. */
  hash: Schema.String,
  createdAt: Schema.Number,
  createdBy: Schema.String,
  expiresAt: Schema.optionalWith(Schema.Number, exact),
  revokedAt: Schema.optionalWith(Schema.Number, exact)
})
type StoredKey = typeof StoredKey.Type

const keys = Stored.collection("api-keys", StoredKey)
const uses = Uses.collection("api-key-uses")

// ---- keeping keys ----

export interface NewKey {
  readonly name: string
  readonly role: Role
  /** Epoch milliseconds. Default: never. */
  readonly expiresAt?: number | undefined
  readonly createdBy: string
}

export interface Created {
  readonly apiKey: ApiKey
  /** The whole key. It cannot be read again. */
  readonly key: Redacted.Redacted
}

const told = (keyId: string, stored: StoredKey, lastUsedAt: number | undefined): ApiKey => ({
  keyId,
  name: stored.name,
  role: stored.role,
  createdAt: stored.createdAt,
  createdBy: stored.createdBy,
  ...(stored.expiresAt === undefined ? {} : { expiresAt: stored.expiresAt }),
  ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
  ...(stored.revokedAt === undefined ? {} : { revokedAt: stored.revokedAt })
})

/** Makes a key. */
export const create = (asked: NewKey): Effect.Effect<Created, Errors.NameInvalid | Errors.LogError, Records.Records> =>
  Effect.gen(function*() {
    const name = yield* Names.key(asked.name)
    const keyId = Secret.random(ID_BYTES)
    const secret = Redacted.make(Secret.random(SECRET_BYTES))
    const stored: StoredKey = {
      name,
      role: asked.role,
      hash: Secret.hash(secret),
      createdAt: yield* Clock.currentTimeMillis,
      createdBy: asked.createdBy,
      ...(asked.expiresAt === undefined ? {} : { expiresAt: asked.expiresAt })
    }
    yield* keys.put(keyId, stored)
    return { apiKey: told(keyId, stored, undefined), key: Redacted.make(`${PREFIX}${keyId}_${Redacted.value(secret)}`) }
  })

/** All keys, the newest first, without their secrets. */
export const list: Effect.Effect<ReadonlyArray<ApiKey>, Errors.LogError, Records.Records> = Effect.gen(function*() {
  const used = yield* Uses.all(uses)
  const documents = yield* keys.all
  return documents.map(({ id, value }) => told(id, value, used.get(id))).sort((a, b) => b.createdAt - a.createdAt)
})

/** Revokes a key for good. One that is revoked already stays so since then. */
export const revoke = (keyId: string): Effect.Effect<void, ApiKeyUnknown | Errors.LogError, Records.Records> =>
  Effect.gen(function*() {
    const stored = yield* keys.get(keyId)
    if (stored === undefined) return yield* new ApiKeyUnknown({ keyId })
    if (stored.revokedAt !== undefined) return
    yield* keys.put(keyId, { ...stored, revokedAt: yield* Clock.currentTimeMillis })
  })

// ---- using keys ----

interface Remembered {
  readonly stored: StoredKey
  readonly until: number
}

export interface Keyring {
  readonly remembered: Map<string, Remembered>
  readonly cacheMillis: number
  readonly uses: Uses.Uses
  /** Counts what was forgotten. */
  forgotten: number
}

export const keyring = (cacheMillis: number): Keyring => ({ remembered: new Map(), cacheMillis, uses: Uses.make(uses), forgotten: 0 })

/** What was remembered of a key counts no longer. */
export const forget = (ring: Keyring, keyId: string): void => {
  ring.remembered.delete(keyId)
  ring.forgotten += 1
}

const find = (ring: Keyring, keyId: string, now: number) =>
  Effect.gen(function*() {
    const known = ring.remembered.get(keyId)
    if (known !== undefined && known.until > now) return known.stored
    ring.remembered.delete(keyId)
    const before = ring.forgotten
    const stored = yield* keys.get(keyId)
    if (stored === undefined || ring.forgotten !== before) return stored
    ring.remembered.set(keyId, { stored, until: now + ring.cacheMillis })
    const oldest = ring.remembered.keys().next()
    if (ring.remembered.size > REMEMBERED_MAX && oldest.done !== true) ring.remembered.delete(oldest.value)
    return stored
  })

/** Compared with when there is no such key. */
const NOBODY = "0".repeat(64)

/** Who has the key; nobody, if it is not one, or not any more. */
export const verify = (
  ring: Keyring,
  token: Redacted.Redacted
): Effect.Effect<Caller | undefined, Errors.LogError, Records.Records> =>
  Effect.gen(function*() {
    const text = Redacted.value(token)
    const [, keyId, secret] = (text.length === KEY_CHARS ? KEY.exec(text) : null) ?? []
    if (keyId === undefined || secret === undefined) return undefined
    const now = yield* Clock.currentTimeMillis
    const stored = yield* find(ring, keyId, now)
    const good = Secret.same(Secret.hash(Redacted.make(secret)), stored?.hash ?? NOBODY)
    if (stored === undefined || !good || stored.revokedAt !== undefined) return undefined
    if (stored.expiresAt !== undefined && stored.expiresAt <= now) return undefined
    yield* Uses.touch(ring.uses, keyId)
    // Two keys may have one name; the id says which it was.
    return { name: `${stored.name} (${keyId})`, role: stored.role, via: "key" }
  })
