/** What a request shows of its caller, taken apart and not yet believed. A secret leaves this file redacted. */
import { Redacted } from "effect"
import { PASSWORD_CHARS_MAX } from "../api/routes/Access.js"
import * as Cookies from "./Cookies.js"
import { PREFIX } from "./Keys.js"

/** Of a request, what auth looks at. */
export interface Incoming {
  /** By its lower-case name. */
  readonly header: (name: string) => string | undefined
  readonly method: string
  /** Missing for a request that came over no network. */
  readonly remoteAddress: string | undefined
}

export type Presented =
  | { readonly _tag: "None" }
  | { readonly _tag: "Malformed" }
  | { readonly _tag: "Key"; readonly key: Redacted.Redacted }
  | { readonly _tag: "Token"; readonly token: Redacted.Redacted }
  | { readonly _tag: "Password"; readonly name: string; readonly password: Redacted.Redacted }
  | { readonly _tag: "Session"; readonly token: Redacted.Redacted }

/** Longest value of the header; tokens of some issuers are long. */
const CHARS_MAX = 8_192
const BEARER = /^Bearer +([\w.~+/-]+=*)$/i
const BASIC = /^Basic +([A-Za-z0-9+/]+={0,2})$/i

const MALFORMED: Presented = { _tag: "Malformed" }

/** `Authorization` goes before the cookie: who sends it means it. */
export const of = ({ header }: Incoming): Presented => {
  const authorization = header("authorization")
  if (authorization !== undefined) return ofAuthorization(authorization.trim())
  const session = Cookies.read(header("cookie"), header("host"))
  return session === undefined ? { _tag: "None" } : { _tag: "Session", token: Redacted.make(session) }
}

const ofAuthorization = (value: string): Presented => {
  if (value.length > CHARS_MAX) return MALFORMED
  const bearer = BEARER.exec(value)?.[1]
  if (bearer !== undefined) {
    const secret = Redacted.make(bearer)
    return bearer.startsWith(PREFIX) ? { _tag: "Key", key: secret } : { _tag: "Token", token: secret }
  }
  const basic = BASIC.exec(value)?.[1]
  return basic === undefined ? MALFORMED : ofBasic(basic)
}

const utf8 = new TextDecoder("utf-8", { fatal: true })

const ofBasic = (encoded: string): Presented => {
  const text = decoded(encoded)
  const colon = text?.indexOf(":") ?? -1
  if (text === undefined || colon < 1 || text.length - colon > PASSWORD_CHARS_MAX + 1) return MALFORMED
  return { _tag: "Password", name: text.slice(0, colon), password: Redacted.make(text.slice(colon + 1)) }
}

const decoded = (encoded: string): string | undefined => {
  try {
    return utf8.decode(Buffer.from(encoded, "base64"))
  } catch {
    return undefined
  }
}
