/** JSON as the log stores it, and the type-level test that says whether a value's type is JSON already. */
import { Schema } from "effect"

export type Json = string | number | boolean | null | JsonArray | JsonObject
export type JsonArray = ReadonlyArray<Json>
export type JsonObject = { readonly [key: string]: Json }

/** Any JSON value, for the places where the log holds a payload that it does not interpret. */
export const Json: Schema.Schema<Json> = Schema.suspend((): Schema.Schema<Json> =>
  Schema.Union(
    Schema.String,
    Schema.Number,
    Schema.Boolean,
    Schema.Null,
    Schema.Array(Json),
    Schema.Record({ key: Schema.String, value: Json })
  )
).annotations({ jsonSchema: { description: "Any JSON value.", type: ["string", "number", "boolean", "null", "array", "object"] } })

/**
 * `true` when every value of type `A` survives JSON unchanged, so that no schema is needed. `undefined` and `void`
 * are stored as an absent value. Interfaces count by their fields; functions, dates, maps and `unknown` do not.
 */
export type IsJson<A> = 0 extends 1 & A ? false
  : [unknown] extends [A] ? false
  : [A] extends [string | number | boolean | null | undefined | void] ? true
  : A extends string | number | boolean | null | undefined | void ? true
  : A extends (...args: ReadonlyArray<never>) => unknown ? false
  : A extends Date | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | RegExp | Error | bigint | symbol ? false
  : A extends ReadonlyArray<infer Item> ? IsJson<Item>
  : A extends object ? (false extends { [K in keyof A]-?: K extends symbol ? false : IsJson<A[K]> }[keyof A] ? false : true)
  : false
