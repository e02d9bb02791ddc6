/** Instants: RFC 3339 in UTC on the wire, epoch milliseconds inside. */
import { ParseResult, Schema } from "effect"

const RFC3339 = /^(\d{4}-\d{2}-(\d{2}))T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i

/** `NaN` for what is none: JavaScript takes the 30th of February for a day of March. */
const parse = (text: string): number => {
  const [, date, day] = RFC3339.exec(text) ?? []
  const exists = date !== undefined && new Date(date).getUTCDate() === Number(day)
  return exists ? Date.parse(text) : NaN
}

const Text = Schema.String.annotations({
  identifier: "Instant",
  description: "An instant, RFC 3339, without leap seconds. Answers are in UTC, with milliseconds.",
  jsonSchema: { type: "string", format: "date-time" }
})

export const Instant = Schema.transformOrFail(Text, Schema.Number, {
  strict: true,
  decode: (text, _, ast) => {
    const millis = parse(text)
    return Number.isNaN(millis)
      ? ParseResult.fail(new ParseResult.Type(ast, text, "it is not an instant as RFC 3339 has them, such as 2026-01-31T12:00:00Z"))
      : ParseResult.succeed(millis)
  },
  encode: (millis, _, ast) =>
    Number.isNaN(millis)
      ? ParseResult.fail(new ParseResult.Type(ast, millis, "it is no instant"))
      : ParseResult.succeed(new Date(Math.max(FIRST, Math.min(millis, LAST))).toISOString())
})

/** RFC 3339 has years of four digits: what is due after the last of them, as a timeout of a million years, is due at its end. */
const FIRST = -62_167_219_200_000
const LAST = 253_402_300_799_999
