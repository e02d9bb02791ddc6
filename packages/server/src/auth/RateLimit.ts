/**
 * Token buckets in memory: each key has `burst` tokens, and `perSecond` come back. A bucket that is full again is the same as
 * none, so that few are kept; beyond `BUCKETS_MAX` the one that was used least recently is forgotten.
 */
import { isIPv6 } from "node:net"

export interface Rate {
  readonly burst: number
  readonly perSecond: number
}

interface Bucket {
  tokens: number
  at: number
}

export interface Buckets {
  readonly rate: Rate
  readonly held: Map<string, Bucket>
}

/** How a key stands. */
export interface Standing {
  /** Whether there was a token to take. */
  readonly allowed: boolean
  readonly limit: number
  readonly remaining: number
  /** Until the bucket is full again. */
  readonly resetSeconds: number
  /** Until there is a token; 0 when there is one. */
  readonly retryAfterSeconds: number
}

const BUCKETS_MAX = 10_000

export const make = (rate: Rate): Buckets => ({ rate, held: new Map() })

/** The bucket as it is at `now`, put last in the order of use. */
const touch = ({ held, rate }: Buckets, key: string, now: number): Bucket => {
  const known = held.get(key)
  const bucket = known ?? { tokens: rate.burst, at: now }
  // A clock that goes back gives nothing and takes nothing.
  const passed = Math.max(0, now - bucket.at)
  bucket.tokens = Math.min(rate.burst, bucket.tokens + (passed / 1_000) * rate.perSecond)
  bucket.at = now
  held.delete(key)
  held.set(key, bucket)
  if (held.size > BUCKETS_MAX) {
    const oldest = held.keys().next()
    if (oldest.done !== true) held.delete(oldest.value)
  }
  return bucket
}

const seconds = (tokens: number, { perSecond }: Rate): number => Math.ceil(Math.max(0, tokens) / perSecond)

/** Takes a token, if there is one. */
export const take = (buckets: Buckets, key: string, now: number): Standing => {
  const bucket = touch(buckets, key, now)
  const allowed = bucket.tokens >= 1
  if (allowed) bucket.tokens -= 1
  return {
    allowed,
    limit: buckets.rate.burst,
    remaining: Math.floor(bucket.tokens),
    resetSeconds: seconds(buckets.rate.burst - bucket.tokens, buckets.rate),
    retryAfterSeconds: seconds(1 - bucket.tokens, buckets.rate)
  }
}

/** Puts back a token that was taken for what turned out to cost nothing. */
export const giveBack = (buckets: Buckets, key: string, now: number): void => {
  const bucket = touch(buckets, key, now)
  bucket.tokens = Math.min(buckets.rate.burst, bucket.tokens + 1)
}

/** The headers that tell a caller how it stands. */
export const headers = (standing: Standing): Readonly<Record<string, string>> => ({
  "RateLimit-Limit": String(standing.limit),
  "RateLimit-Remaining": String(standing.remaining),
  "RateLimit-Reset": String(standing.resetSeconds),
  ...(standing.allowed ? {} : { "Retry-After": String(standing.retryAfterSeconds) })
})

const MAPPED = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i

/** Who has one address of IPv6 has 2^64 of them: what counts is the network. */
export const networkOf = (address: string | undefined): string => {
  const plain = (address ?? "none").replace(MAPPED, "")
  if (!isIPv6(plain)) return plain
  const [head = "", tail] = (plain.split("%")[0] ?? "").split("::")
  const groups = (text: string | undefined) => (text === undefined || text === "" ? [] : text.split(":"))
  const zeros = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length
  const all = [...groups(head), ...Array.from({ length: Math.max(0, zeros) }, () => "0"), ...groups(tail)]
  return `${all.slice(0, 4).map((group) => parseInt(group, 16).toString(16)).join(":")}::/64`
}
