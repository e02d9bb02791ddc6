/** What every answer says to browsers, and which browsers' requests are answered at all. */
import { createHash } from "node:crypto"
import * as Cookies from "./Cookies.js"
import type { Incoming } from "./Credentials.js"

export interface Policy {
  /** Origins whose pages may ask and read answers, such as `https://ops.example.com`. Default: none but the server's own. */
  readonly origins?: ReadonlyArray<string>
  /** Hosts that the server answers for beside this machine's names, such as `reprise.internal:7070`. */
  readonly hosts?: ReadonlyArray<string>
}

const COMMON = {
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=()"
}

/** For answers that are no pages. Nothing of them is kept by others, and asked for again before it is used. */
export const SECURITY: Readonly<Record<string, string>> = {
  ...COMMON,
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Cache-Control": "private, no-cache"
}

const sources = (inline: ReadonlyArray<string>): string =>
  inline.length === 0 ? "'none'" : inline.map((text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`).join(" ")

/** For a page with these texts of `<style>` and `<script>`, and no others. */
export const page = (inline: { readonly styles: ReadonlyArray<string>; readonly scripts: ReadonlyArray<string> }) => ({
  ...COMMON,
  "Content-Security-Policy": `default-src 'none'; style-src ${sources(inline.styles)}; script-src ${sources(inline.scripts)}; ` +
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cache-Control": "private, no-cache"
})

const ASKED = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer, X-Request-Id"
const ANSWERED =
  "ETag, Location, Preference-Applied, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id"
const PREFLIGHT_SECONDS = "600"

/** What lets a page of another origin read the answer: nothing, unless the origin is listed. Cookies are never among it. */
export const cors = (
  { origins = [] }: Policy,
  { header, method }: Pick<Incoming, "header" | "method">
): Readonly<Record<string, string>> => {
  if (origins.length === 0) return {}
  const origin = header("origin")
  if (origin === undefined || !origins.includes(origin)) return { Vary: "Origin" }
  const allowed = {
    Vary: "Origin",
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Expose-Headers": ANSWERED,
    "Cross-Origin-Resource-Policy": "cross-origin"
  }
  if (method !== "OPTIONS" || header("access-control-request-method") === undefined) return allowed
  return {
    ...allowed,
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": ASKED,
    "Access-Control-Max-Age": PREFLIGHT_SECONDS
  }
}

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"])

export const isMutation = (method: string): boolean => !SAFE.has(method)

/** Whether a page of another origin makes a browser send this. Programs that are no browsers send no origin. */
export const isForeign = ({ origins = [] }: Policy, { header }: Pick<Incoming, "header">): boolean => {
  const origin = header("origin")
  if (origin === undefined) return header("sec-fetch-site") === "cross-site"
  const host = hostOf(origin)
  return !origins.includes(origin) && (host === undefined || host !== header("host")?.toLowerCase())
}

const hostOf = (origin: string): string | undefined => {
  try {
    return new URL(origin).host.toLowerCase()
  } catch {
    return undefined
  }
}

/**
 * Whether the server answers for a host. Without auth, who reaches it may do all: a page whose name was made to lead to
 * this machine (DNS rebinding) must not reach it. A request without a host came over no network.
 */
export const answersFor = ({ hosts = [] }: Policy, host: string | undefined, configured: boolean): boolean =>
  host === undefined || (configured && hosts.length === 0) || Cookies.isLoopback(host) || hosts.includes(host.toLowerCase())
