/** Where a page of a list begins: opaque to callers, and good only for the list that it came from. */
import { createHash } from "node:crypto"
import { Effect, Either, ParseResult, Schema } from "effect"
import { CursorInvalid } from "./Errors.js"

const Cursor = Schema.Struct({
  /** `next`: the page that follows the run; `prev`: the one before it. */
  d: Schema.Literal("next", "prev"),
  r: Schema.String,
  /** The filter, hashed. */
  f: Schema.String
})

export interface Place {
  readonly direction: "next" | "prev"
  readonly runId: string
}

const parse = ParseResult.decodeUnknownEither(Schema.parseJson(Cursor), { onExcessProperty: "error" })

/** What makes two lists the same. The order of fields does not count. */
const hashOf = (filter: object): string => {
  const fields = Object.entries(filter).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return createHash("sha256").update(JSON.stringify(fields)).digest("base64url").slice(0, 16)
}

export const encode = ({ direction, runId }: Place, filter: object): string =>
  Buffer.from(JSON.stringify({ d: direction, r: runId, f: hashOf(filter) })).toString("base64url")

export const decode = (text: string, filter: object): Effect.Effect<Place, CursorInvalid> => {
  const cursor = parse(Buffer.from(text, "base64url").toString())
  if (Either.isLeft(cursor) || cursor.right.f !== hashOf(filter)) return new CursorInvalid()
  return Effect.succeed({ direction: cursor.right.d, runId: cursor.right.r })
}
