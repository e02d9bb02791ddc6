/** The cookie of a session: what a browser keeps, and sends back. */
import { Redacted } from "effect"

const NAME = "reprise_session"
/** Browsers take this name only from the host itself, over TLS; no other host of the domain can plant one. */
const SECURE_NAME = `__Host-${NAME}`
const TOKEN = /^[0-9a-f]{64}$/

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i

/** Whether a `Host` names this machine. */
export const isLoopback = (host: string | undefined): boolean => host !== undefined && LOOPBACK.test(host)

/** The session's token, if there is one and only one. */
export const read = (cookie: string | undefined, host: string | undefined): string | undefined => {
  if (cookie === undefined) return undefined
  const name = `${isLoopback(host) ? NAME : SECURE_NAME}=`
  const values = cookie.split(";").map((part) => part.trim()).filter((part) => part.startsWith(name))
  const token = values[0]?.slice(name.length) ?? ""
  return values.length === 1 && TOKEN.test(token) ? token : undefined
}

const written = (value: string, maxAgeSeconds: number, host: string | undefined): string => {
  const rest = `Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax`
  // A browser on this machine talks to it without TLS.
  return isLoopback(host) ? `${NAME}=${value}; ${rest}` : `${SECURE_NAME}=${value}; ${rest}; Secure`
}

/** The value of `Set-Cookie` that keeps a session. */
export const keep = (token: Redacted.Redacted, maxAgeSeconds: number, host: string | undefined): string =>
  written(Redacted.value(token), maxAgeSeconds, host)

/** The value of `Set-Cookie` that ends it. */
export const drop = (host: string | undefined): string => written("", 0, host)
