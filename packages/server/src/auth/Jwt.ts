/**
 * Tokens of an issuer (JWT), by its public keys. Only the algorithms that are listed count, all of them with a public key:
 * a token without a signature, or signed with a secret, is never one of ours.
 */
import { Clock, Effect, Redacted } from "effect"
import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose"
import type { Caller, Role } from "../api/Model.js"
import { IssuerUnavailable } from "../Errors.js"
import * as Roles from "./Role.js"

export type Algorithm = "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA" | "Ed25519"

export interface Options {
  /** The `iss` of its tokens, to the letter. */
  readonly issuer: string
  /** The `aud` of tokens that are meant for this server: one of these. */
  readonly audience: string | ReadonlyArray<string>
  /** Where the issuer's public keys are, or the keys themselves. */
  readonly keys: URL | JSONWebKeySet
  /** Default: RS256, ES256 and EdDSA. */
  readonly algorithms?: ReadonlyArray<Algorithm>
  /** How far the issuer's clock may be off. Default: 30. */
  readonly clockToleranceSeconds?: number
  /** The claim that names the caller. Default: `sub`. */
  readonly nameClaim?: string
  /** The claim that holds roles, or the way to it: `["realm_access", "roles"]`. Default: `role`. */
  readonly roleClaim?: string | ReadonlyArray<string>
  /** Which of ours each of the issuer's roles is. The highest counts; without any, the token lets nobody in. Default: the same words. */
  readonly roles?: Readonly<Record<string, Role>>
  /** How the keys are fetched. */
  readonly fetch?: typeof globalThis.fetch
}

const ALGORITHMS: ReadonlyArray<Algorithm> = ["RS256", "ES256", "EdDSA"]
const CLOCK_TOLERANCE_SECONDS = 30
/** Longest time for the issuer to answer. */
const FETCH_MILLIS = 5_000
const NAME_CHARS_MAX = 200
const PRINTABLE = /^[^\p{C}\p{Zl}\p{Zp}]+$/u

export interface Issuer {
  readonly options: Options
  readonly keys: ReturnType<typeof createLocalJWKSet> | ReturnType<typeof createRemoteJWKSet>
}

export const make = (options: Options): Issuer => ({ options, keys: keysOf(options) })

const keysOf = ({ fetch, keys }: Options): Issuer["keys"] => {
  if (!(keys instanceof URL)) return createLocalJWKSet(keys)
  const given = fetch === undefined ? {} : { [customFetch]: fetch }
  return createRemoteJWKSet(keys, { timeoutDuration: FETCH_MILLIS, ...given })
}

/** Who the token is about; nobody, if it does not count here. */
export const verify = (issuer: Issuer, token: Redacted.Redacted): Effect.Effect<Caller | undefined, IssuerUnavailable> =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const claims = yield* Effect.tryPromise({
      try: () => claimsOf(issuer, token, new Date(now)),
      catch: (error) => error
    }).pipe(Effect.catchAll((error) => (isRefusal(error) ? Effect.succeed(undefined) : unavailable(issuer, error))))
    return claims === undefined ? undefined : callerOf(issuer.options, claims)
  })

const claimsOf = async ({ keys, options }: Issuer, token: Redacted.Redacted, currentDate: Date): Promise<JWTPayload> => {
  const { payload } = await jwtVerify(Redacted.value(token), keys, {
    issuer: options.issuer,
    audience: typeof options.audience === "string" ? options.audience : [...options.audience],
    algorithms: [...(options.algorithms ?? ALGORITHMS)],
    clockTolerance: options.clockToleranceSeconds ?? CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ["exp"],
    currentDate
  })
  return payload
}

/** Whether it is the token that is wrong, and not the way to the keys. */
const isRefusal = (error: unknown): boolean =>
  error instanceof errors.JOSEError && !["ERR_JOSE_GENERIC", "ERR_JWKS_TIMEOUT", "ERR_JWKS_INVALID"].includes(error.code)

const unavailable = ({ options }: Issuer, error: unknown) =>
  Effect.zipRight(
    Effect.logWarning(`the keys of the issuer ${options.issuer} cannot be read`, error),
    new IssuerUnavailable()
  )

const callerOf = (options: Options, claims: JWTPayload): Caller | undefined => {
  const name = claims[options.nameClaim ?? "sub"]
  const role = roleOf(options, claims)
  if (typeof name !== "string" || role === undefined) return undefined
  return name.length <= NAME_CHARS_MAX && PRINTABLE.test(name) ? { name, role, via: "jwt" } : undefined
}

const roleOf = ({ roleClaim = "role", roles }: Options, claims: JWTPayload): Role | undefined => {
  const way = typeof roleClaim === "string" ? [roleClaim] : roleClaim
  const found = way.reduce<unknown>(fieldOf, claims)
  const theirs: ReadonlyArray<unknown> = Array.isArray(found) ? found : [found]
  return Roles.highest(theirs.flatMap((their) => {
    const ours = roles === undefined ? Roles.ROLES.find((role) => role === their) : fieldOf(roles, their)
    return Roles.ROLES.filter((role) => role === ours)
  }))
}

/** A field of an object's own. */
const fieldOf = (from: unknown, name: unknown): unknown =>
  typeof from === "object" && from !== null && typeof name === "string"
    ? Object.entries(from).find(([key]) => key === name)?.[1]
    : undefined
