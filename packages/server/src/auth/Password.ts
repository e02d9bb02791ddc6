/** Hashes of passwords by scrypt, with the parameters beside them, so that they can be raised later. */
import { createHash, randomBytes, scrypt, timingSafeEqual } from "node:crypto"
import { Effect, Redacted, Schema } from "effect"

export const Hash = Schema.Struct({
  algorithm: Schema.Literal("scrypt"),
  /** Work and memory: 128 · N · r bytes. */
  N: Schema.Number,
  r: Schema.Number,
  p: Schema.Number,
  /** Both in base64. */
  salt: Schema.String,
  hash: Schema.String
})
export type Hash = typeof Hash.Type

export interface Cost {
  readonly N: number
  readonly r: number
  readonly p: number
}

/** 32 MiB, and about a fifth of a second. */
export const COST: Cost = { N: 2 ** 15, r: 8, p: 3 }

const SALT_BYTES = 16
const HASH_BYTES = 32

/** Each holds 32 MiB and a thread of Node's pool, which files need, too. */
const AT_ONCE = 2
const turns = Effect.unsafeMakeSemaphore(AT_ONCE)

/** HMAC, on which scrypt stands, fills short keys up with zeros: without a digest "secret" and "secret\0" would be one password. */
const digestOf = (password: Redacted.Redacted): Buffer =>
  createHash("sha256").update(Redacted.value(password).normalize("NFKC")).digest()

const derive = (password: Redacted.Redacted, salt: Buffer, { N, p, r }: Cost): Effect.Effect<Buffer> =>
  Effect.async<Buffer>((resume) => {
    scrypt(digestOf(password), salt, HASH_BYTES, { N, r, p, maxmem: 256 * N * r }, (error, key) =>
      resume(error === null ? Effect.succeed(key) : Effect.die(error)))
  }).pipe(turns.withPermits(1))

export const make = (password: Redacted.Redacted, cost: Cost = COST): Effect.Effect<Hash> =>
  Effect.gen(function*() {
    const salt = randomBytes(SALT_BYTES)
    const key = yield* derive(password, salt, cost)
    return { algorithm: "scrypt", ...cost, salt: salt.toString("base64"), hash: key.toString("base64") }
  })

export const verify = (password: Redacted.Redacted, { N, hash, p, r, salt }: Hash): Effect.Effect<boolean> =>
  Effect.map(derive(password, Buffer.from(salt, "base64"), { N, r, p }), (key) => {
    const known = Buffer.from(hash, "base64")
    return known.length === key.length && timingSafeEqual(known, key)
  })

/** What nobody's password fits: the name of nobody costs as much as a wrong password. */
export const NOBODY: Hash = { algorithm: "scrypt", ...COST, salt: "AAAAAAAAAAAAAAAAAAAAAA==", hash: "" }
