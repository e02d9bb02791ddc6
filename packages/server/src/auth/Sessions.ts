/**
 * Sessions of browsers. The token is in a cookie that scripts cannot read; the store has its SHA-256. Each request looks the
 * user up, so that a removal or another role counts at once. What a page must send with each mutation (`X-CSRF-Token`) is
 * made from the token, so that it needs no place of its own.
 */
import { type Errors, type Records } from "@reprise/core/engine"
import { Clock, Effect, Redacted, Schema } from "effect"
import type { Caller } from "../api/Model.js"
import type { Limits } from "./Limits.js"
import * as Secret from "./Secret.js"
import type { SignedUser } from "./SignIn.js"
import * as Stored from "./Stored.js"
import * as Users from "./Users.js"
import * as Uses from "./Uses.js"

const StoredSession = Schema.Struct({
  user: Schema.String,
  userId: Schema.String,
  createdAt: Schema.Number,
  expiresAt: Schema.Number
})

const sessions = Stored.collection("sessions", StoredSession)
const uses = Uses.collection("session-uses")

const TOKEN_BYTES = 32
/** How many old sessions a new one clears away at most. */
const SWEEP = 50

export interface Book {
  readonly idleMillis: number
  readonly millis: number
  readonly uses: Uses.Uses
}

export interface Opened {
  readonly caller: Caller
  readonly token: Redacted.Redacted
  readonly csrfToken: string
  /** At the latest; earlier when nothing is asked with it. */
  readonly expiresAt: number
  readonly seconds: number
}

export const make = (limits: Limits): Book => ({
  idleMillis: limits.sessionIdleMillis,
  millis: limits.sessionMillis,
  uses: Uses.make(uses)
})

const callerOf = (name: string, { role }: Users.StoredUser): Caller => ({ name, role, via: "session" })

/** What a page must send with a mutation. Who knows it does not know the token. */
export const csrfOf = (token: Redacted.Redacted): string => Secret.hash(Redacted.make(`csrf ${Redacted.value(token)}`))

/** Begins a session for a user whose password was right. */
export const open = (book: Book, { name, user }: SignedUser): Effect.Effect<Opened, Errors.LogError, Records.Records> =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    yield* sweep(book, now)
    const token = Redacted.make(Secret.random(TOKEN_BYTES))
    const expiresAt = now + book.millis
    yield* sessions.put(Secret.hash(token), { user: name, userId: user.userId, createdAt: now, expiresAt })
    return { caller: callerOf(name, user), token, csrfToken: csrfOf(token), expiresAt, seconds: Math.floor(book.millis / 1_000) }
  })

/** Whose session it is; nobody's, if it has ended. */
export const find = (
  book: Book,
  token: Redacted.Redacted
): Effect.Effect<Caller | undefined, Errors.LogError, Records.Records> =>
  Effect.gen(function*() {
    const id = Secret.hash(token)
    const session = yield* sessions.get(id)
    if (session === undefined) return undefined
    const now = yield* Clock.currentTimeMillis
    const used = (yield* uses.get(id))?.at ?? session.createdAt
    const user = yield* Users.find(session.user)
    if (session.expiresAt <= now || used + book.idleMillis <= now || user?.userId !== session.userId) {
      yield* removeById(id)
      return undefined
    }
    yield* Uses.touch(book.uses, id)
    return callerOf(session.user, user)
  })

/** Ends a session. */
export const close = (token: Redacted.Redacted): Effect.Effect<void, Errors.LogError, Records.Records> =>
  removeById(Secret.hash(token))

/** Ends the sessions of a user. */
export const closeOf = (user: string): Effect.Effect<void, Errors.LogError, Records.Records> =>
  Effect.gen(function*() {
    const theirs = (yield* sessions.all).filter(({ value }) => value.user === user)
    yield* Effect.forEach(theirs, ({ id }) => removeById(id), { discard: true })
  })

const removeById = (id: string) => Effect.zipRight(sessions.remove(id), Effect.asVoid(uses.remove(id)))

/** Clears away what has ended, from a random place on: ids are hashes, so that each place is as good. */
const sweep = (book: Book, now: number) =>
  Effect.gen(function*() {
    const page = { after: Secret.random(TOKEN_BYTES), limit: SWEEP }
    const ended = (yield* sessions.list(page)).filter(({ value }) => value.expiresAt <= now)
    // A use that was written while its session ended has nothing that it is about.
    const left = (yield* uses.list(page)).filter(({ value }) => value.at + book.millis <= now)
    yield* Effect.forEach([...ended, ...left], ({ id }) => removeById(id), { discard: true })
  })
