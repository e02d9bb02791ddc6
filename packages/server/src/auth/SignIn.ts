/**
 * Names with passwords, for Basic and for sessions. A try is paid for before it is made, so that many at once are not more
 * than allowed, and given back when the password was right. A password that was right is remembered for a short time, as a
 * MAC under a key of this process, together with the hash that it fitted: Basic sends it with every request.
 */
import { type Errors, type Records } from "@reprise/core/engine"
import { createHmac, randomBytes } from "node:crypto"
import { Clock, Effect, Redacted } from "effect"
import { RateLimited } from "../Errors.js"
import type { Limits } from "./Limits.js"
import * as Names from "./Names.js"
import * as Password from "./Password.js"
import * as RateLimit from "./RateLimit.js"
import * as Users from "./Users.js"

export interface Desk {
  readonly byAddress: RateLimit.Buckets
  readonly byName: RateLimit.Buckets
  /** Until when, by MAC. */
  readonly right: Map<string, number>
  readonly secret: Buffer
}

export interface Try {
  readonly name: string
  readonly password: Redacted.Redacted
  readonly remoteAddress: string | undefined
}

export interface SignedUser {
  readonly name: string
  readonly user: Users.StoredUser
}

const RIGHT_MILLIS = 60_000
const RIGHT_MAX = 1_000
const SECONDS = 60

export const make = (limits: Limits): Desk => ({
  byAddress: RateLimit.make({ burst: limits.failuresOfAddress, perSecond: limits.failuresOfAddressPerMinute / SECONDS }),
  byName: RateLimit.make({ burst: limits.failuresOfName, perSecond: limits.failuresOfNamePerMinute / SECONDS }),
  right: new Map(),
  secret: randomBytes(32)
})

/** The user, if the password is right. */
export const verify = (
  desk: Desk,
  asked: Try
): Effect.Effect<SignedUser | undefined, RateLimited | Errors.LogError, Records.Records> =>
  Effect.gen(function*() {
    const name = Names.normalise(asked.name)
    const user = name === undefined ? undefined : yield* Users.find(name)
    const mac = user === undefined ? undefined : macOf(desk, user, asked.password)
    const known = mac !== undefined && (desk.right.get(mac) ?? 0) > (yield* Clock.currentTimeMillis)
    const right = known || (yield* tried(desk, { ...asked, name: name ?? "" }, user))
    if (!right || name === undefined || user === undefined || mac === undefined) return undefined
    if (!known) remember(desk, mac, yield* Clock.currentTimeMillis)
    return { name, user }
  })

const tried = (desk: Desk, { name, password, remoteAddress }: Try, user: Users.StoredUser | undefined) =>
  Effect.gen(function*() {
    const address = RateLimit.networkOf(remoteAddress)
    const before = yield* Clock.currentTimeMillis
    yield* pay(desk.byAddress, address, before)
    yield* pay(desk.byName, name, before)
    const right = yield* Password.verify(password, user?.password ?? Password.NOBODY)
    if (!right) return false
    const after = yield* Clock.currentTimeMillis
    RateLimit.giveBack(desk.byAddress, address, after)
    RateLimit.giveBack(desk.byName, name, after)
    return true
  })

const pay = (buckets: RateLimit.Buckets, key: string, now: number): Effect.Effect<void, RateLimited> => {
  const { allowed, retryAfterSeconds } = RateLimit.take(buckets, key, now)
  return allowed ? Effect.void : Effect.fail(new RateLimited({ retryAfterSeconds }))
}

/** Fits only this hash, whose salt no other has: a user that is removed, or gets another password, is not remembered. */
const macOf = ({ secret }: Desk, { password }: Users.StoredUser, given: Redacted.Redacted): string =>
  createHmac("sha256", secret).update(`${password.hash}\0${Redacted.value(given)}`).digest("hex")

const remember = ({ right }: Desk, mac: string, now: number): void => {
  right.set(mac, now + RIGHT_MILLIS)
  const oldest = right.keys().next()
  if (right.size > RIGHT_MAX && oldest.done !== true) right.delete(oldest.value)
}
