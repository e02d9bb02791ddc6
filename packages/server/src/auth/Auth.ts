/**
 * Who asks. Providers are tried by what a request shows; once one is configured, a request that shows nothing is nobody's,
 * and nobody may do nothing. Without a provider everybody may do all, and the server listens on this machine only.
 *
 * What the pipeline of requests does with it, in this order:
 * - `answersFor`: whether the server answers for the host that the request names;
 * - `authenticate`, unless the route is open: credentials that are wrong are refused, also where none were needed;
 * - `admit`: one request less of what the caller may make;
 * - then the role is compared with the route's access (Role.ts).
 */
import { type Errors, Records } from "@reprise/core/engine"
import { Clock, Context, Effect, type Redacted, type Scope } from "effect"
import type { Caller } from "../api/Model.js"
import { CsrfRefused, type IssuerUnavailable, RateLimited, Unauthenticated } from "../Errors.js"
import * as Audit from "./Audit.js"
import * as Credentials from "./Credentials.js"
import * as Headers from "./Headers.js"
import * as Jwt from "./Jwt.js"
import * as Keys from "./Keys.js"
import * as Limits from "./Limits.js"
import * as RateLimit from "./RateLimit.js"
import * as Secret from "./Secret.js"
import * as Sessions from "./Sessions.js"
import * as SignIn from "./SignIn.js"

/** One way in which callers may show who they are. */
export type Provider =
  | { readonly _tag: "Keys" }
  | { readonly _tag: "Basic" }
  | { readonly _tag: "Sessions" }
  | { readonly _tag: "Jwt"; readonly options: Jwt.Options }

/** API keys: `Authorization: Bearer rpr_…`. */
export const keys: Provider = { _tag: "Keys" }

/** Users with their passwords, in each request: `Authorization: Basic …`. */
export const basic: Provider = { _tag: "Basic" }

/** Users who have signed in with a browser: a cookie. */
export const sessions: Provider = { _tag: "Sessions" }

/** Tokens of an issuer: `Authorization: Bearer …`. */
export const jwt = (options: Jwt.Options): Provider => ({ _tag: "Jwt", options })

export interface Options extends Headers.Policy {
  /** Default: none, which lets everybody in, and the server listens on this machine only. */
  readonly auth?: ReadonlyArray<Provider>
  readonly authLimits?: Partial<Limits.Limits>
}

export type Refused = Unauthenticated | CsrfRefused | RateLimited | IssuerUnavailable | Errors.LogError

/** Whether a request may be answered now, and the headers that say how its caller stands. */
export interface Admission {
  readonly refusal: RateLimited | undefined
  readonly headers: Readonly<Record<string, string>>
}

export interface AuthShape {
  /** Whether there is a provider. */
  readonly configured: boolean
  readonly answersFor: (host: string | undefined) => boolean
  /** `undefined`: the request shows no credentials. */
  readonly authenticate: (request: Credentials.Incoming) => Effect.Effect<Caller | undefined, Refused>
  readonly admit: (caller: Caller | undefined, remoteAddress: string | undefined) => Effect.Effect<Admission>
  /** Begins a session for whoever knows the password. */
  readonly signIn: (
    name: string,
    password: Redacted.Redacted,
    request: Credentials.Incoming
  ) => Effect.Effect<Sessions.Opened, Refused>
  /** Ends the session that the request comes with. */
  readonly signOut: (request: Credentials.Incoming) => Effect.Effect<void, Errors.LogError>
  /** To be called when a key was revoked: what is remembered of it counts no longer. */
  readonly forgetKey: (keyId: string) => void
  readonly audit: Audit.Audit
}

export class Auth extends Context.Tag("@reprise/server/Auth")<Auth, AuthShape>() {}

interface State {
  readonly has: ReadonlySet<Provider["_tag"]>
  readonly policy: Headers.Policy
  readonly keyring: Keys.Keyring
  readonly desk: SignIn.Desk
  readonly book: Sessions.Book
  readonly issuers: ReadonlyArray<Jwt.Issuer>
  readonly requests: RateLimit.Buckets
  /** Wrong credentials other than passwords, by address. */
  readonly failures: RateLimit.Buckets
}

const stateOf = (options: Options, limits: Limits.Limits): State => ({
  has: new Set((options.auth ?? []).map(({ _tag }) => _tag)),
  policy: options,
  keyring: Keys.keyring(limits.keyCacheMillis),
  desk: SignIn.make(limits),
  book: Sessions.make(limits),
  issuers: (options.auth ?? []).flatMap((provider) => (provider._tag === "Jwt" ? [Jwt.make(provider.options)] : [])),
  requests: RateLimit.make({ burst: limits.requestBurst, perSecond: limits.requestsPerSecond }),
  failures: RateLimit.make({ burst: limits.failuresOfAddress, perSecond: limits.failuresOfAddressPerMinute / 60 })
})

export const make = (options: Options): Effect.Effect<AuthShape, never, Records.Records | Scope.Scope> =>
  Effect.gen(function*() {
    const limits = { ...Limits.defaults, ...options.authLimits }
    const state = stateOf(options, limits)
    const configured = state.has.size > 0
    const provided = Effect.provideService(Records.Records, yield* Records.Records)
    return {
      configured,
      answersFor: (host) => Headers.answersFor(options, host, configured),
      authenticate: (request) => provided(configured ? authenticate(state, request) : anonymous(state, request)),
      admit: (caller, address) => (configured ? admit(state, caller, address) : Effect.succeed(FREE)),
      signIn: (name, password, request) => provided(signIn(state, name, password, request)),
      signOut: (request) => provided(signOut(request)),
      forgetKey: (keyId) => Keys.forget(state.keyring, keyId),
      audit: yield* Audit.make(limits.auditEntriesMax)
    }
  })

// ---- authenticate ----

const ANONYMOUS: Caller = { name: "anonymous", role: "admin", via: "anonymous" }

/** A browser on this machine also shows pages of others; these must not act through it. */
const anonymous = ({ policy }: State, request: Credentials.Incoming): Effect.Effect<Caller, CsrfRefused> =>
  Headers.isMutation(request.method) && Headers.isForeign(policy, request) ? new CsrfRefused() : Effect.succeed(ANONYMOUS)

type Found<A = Caller | undefined> = Effect.Effect<A, Refused, Records.Records>

const authenticate = (state: State, request: Credentials.Incoming): Found => {
  const presented = Credentials.of(request)
  switch (presented._tag) {
    case "None":
      return Effect.succeed(undefined)
    case "Session":
      return state.has.has("Sessions") ? ofSession(state, request, presented.token) : Effect.succeed(undefined)
    case "Password":
      return state.has.has("Basic") ? ofPassword(state, request, presented) : failed(state, request)
    default:
      return Effect.flatMap(ofBearer(state, presented), (caller) =>
        caller === undefined ? failed(state, request) : Effect.succeed(caller))
  }
}

const NOBODY: Found = Effect.succeed(undefined)

const ofBearer = (state: State, presented: Exclude<Credentials.Presented, { _tag: "None" | "Session" | "Password" }>): Found => {
  switch (presented._tag) {
    case "Key":
      return state.has.has("Keys") ? Keys.verify(state.keyring, presented.key) : NOBODY
    case "Token":
      return ofToken(state, presented.token)
    case "Malformed":
      return NOBODY
  }
}

/** The first issuer that knows the token; one that cannot be asked is told only when no other knows it. */
const ofToken = ({ issuers }: State, token: Redacted.Redacted): Found =>
  Effect.gen(function*() {
    let unavailable: IssuerUnavailable | undefined
    for (const issuer of issuers) {
      const found = yield* Effect.either(Jwt.verify(issuer, token))
      if (found._tag === "Left") unavailable = found.left
      else if (found.right !== undefined) return found.right
    }
    return unavailable === undefined ? undefined : yield* unavailable
  })

/** A browser that was given a password sends it with requests of any page: those of others are refused. */
const ofPassword = (
  state: State,
  request: Credentials.Incoming,
  { name, password }: { readonly name: string; readonly password: Redacted.Redacted }
): Found =>
  Effect.gen(function*() {
    if (Headers.isMutation(request.method) && Headers.isForeign(state.policy, request)) return yield* new CsrfRefused()
    const signed = yield* SignIn.verify(state.desk, { name, password, remoteAddress: request.remoteAddress })
    if (signed === undefined) return yield* new Unauthenticated()
    return { name: signed.name, role: signed.user.role, via: "basic" }
  })

/** A session that has ended is none: a browser goes on sending its cookie, also to sign in again. */
const ofSession = (state: State, request: Credentials.Incoming, token: Redacted.Redacted): Found =>
  Effect.gen(function*() {
    const caller = yield* Sessions.find(state.book, token)
    if (caller === undefined || !Headers.isMutation(request.method)) return caller
    const sent = request.header("x-csrf-token") ?? ""
    const ours = Secret.same(sent, Sessions.csrfOf(token)) && !Headers.isForeign(state.policy, request)
    return ours ? caller : yield* new CsrfRefused()
  })

const failed = ({ failures }: State, { remoteAddress }: Credentials.Incoming): Found<never> =>
  Effect.gen(function*() {
    const standing = RateLimit.take(failures, RateLimit.networkOf(remoteAddress), yield* Clock.currentTimeMillis)
    return yield* standing.allowed ? new Unauthenticated() : new RateLimited({ retryAfterSeconds: standing.retryAfterSeconds })
  })

// ---- admit ----

const FREE: Admission = { refusal: undefined, headers: {} }

const admit = ({ requests }: State, caller: Caller | undefined, address: string | undefined): Effect.Effect<Admission> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const key = caller === undefined ? `address ${RateLimit.networkOf(address)}` : `${caller.via} ${caller.name}`
    const standing = RateLimit.take(requests, key, now)
    const { allowed, retryAfterSeconds } = standing
    return { refusal: allowed ? undefined : new RateLimited({ retryAfterSeconds }), headers: RateLimit.headers(standing) }
  })

// ---- sessions ----

const signIn = (state: State, name: string, password: Redacted.Redacted, request: Credentials.Incoming): Found<Sessions.Opened> =>
  Effect.gen(function*() {
    if (Headers.isForeign(state.policy, request)) return yield* new CsrfRefused()
    if (!state.has.has("Sessions")) return yield* new Unauthenticated()
    const signed = yield* SignIn.verify(state.desk, { name, password, remoteAddress: request.remoteAddress })
    if (signed === undefined) return yield* new Unauthenticated()
    // The session that this browser had, if any, is left behind by its new cookie.
    yield* signOut(request)
    return yield* Sessions.open(state.book, signed)
  })

const signOut = (request: Credentials.Incoming) => {
  const presented = Credentials.of(request)
  return presented._tag === "Session" ? Sessions.close(presented.token) : Effect.void
}
