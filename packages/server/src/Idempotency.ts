/**
 * The header `Idempotency-Key`: a request that is repeated with its key does nothing twice. There is no table of keys. What
 * a request makes has an id that is worked out from the key and from who sent it, and the store refuses a second one
 * (docs/decisions/0034-idempotency-keys-are-ids.md).
 */
import { createHash } from "node:crypto"
import { Effect } from "effect"
import type { Caller } from "./api/Model.js"
import { RequestInvalid } from "./Errors.js"

/** As for names. */
const CHARS_MAX = 256
const PRINTABLE = /^[\x20-\x7e]+$/

interface Headed {
  readonly header: (name: string) => string | undefined
}

/** The key of a request, if it has one. */
export const keyOf = (asked: Headed): Effect.Effect<string | undefined, RequestInvalid> => {
  const key = asked.header("idempotency-key")
  if (key === undefined || (key.length <= CHARS_MAX && PRINTABLE.test(key))) return Effect.succeed(key)
  const message = `it must be one to ${CHARS_MAX} printable characters of ASCII`
  return new RequestInvalid({ errors: [{ path: "header.Idempotency-Key", message }] })
}

/** The id of what a key stands for. Two callers may use one key. */
export const idOf = (prefix: "idem_" | "bulk_", caller: Caller, key: string): string =>
  prefix + createHash("sha256").update(JSON.stringify([caller.name, key])).digest("hex").slice(0, 32)
