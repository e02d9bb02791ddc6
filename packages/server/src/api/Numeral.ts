/**
 * Numbers that callers give. As text, in a query, they are written as in JSON: what JavaScript also takes for numbers, such as
 * ` 1`, `0x10` or nothing at all, is a mistake of the caller. Whole numbers end where a double no longer tells two of them apart.
 */
import { ParseResult, Schema } from "effect"

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/i
const JSON_INTEGER = /^-?(?:0|[1-9]\d*)$/

const written = (pattern: RegExp, what: string) =>
  Schema.transformOrFail(Schema.String, Schema.Number, {
    strict: true,
    decode: (text, _, ast) =>
      pattern.test(text) ? ParseResult.succeed(Number(text)) : ParseResult.fail(new ParseResult.Type(ast, text, `it is not ${what}`)),
    encode: (number) => ParseResult.succeed(String(number))
  })

/** A number, as text. */
export const Numeral = written(JSON_NUMBER, "a number")

const Whole = written(JSON_INTEGER, "a whole number").pipe(Schema.int())

/** From 1, as text. */
export const Count = Whole.pipe(Schema.positive(), Schema.lessThanOrEqualTo(Number.MAX_SAFE_INTEGER))

/** From 0, as text. */
export const Position = Whole.pipe(Schema.nonNegative(), Schema.lessThanOrEqualTo(Number.MAX_SAFE_INTEGER))

/** From 1, in a body. */
export const Positive = Schema.Number.pipe(Schema.int(), Schema.positive(), Schema.lessThanOrEqualTo(Number.MAX_SAFE_INTEGER))
