/** The compile-time test of what a step or sensor writes to the log. */
import type { Schema } from "effect"
import type { IsJson } from "../model/Json.js"

/** A type that nothing has, whose only field says what is wrong: TypeScript shows it where the effect stands. */
type Wrong<Text extends string, T> = { readonly [K in Text]: T }

/** `unknown` when value and error can be journaled as the options say; otherwise a type that says what is missing. */
export type Journaled<What extends string, A, E, O> = O extends { readonly output: infer S }
  ? [A] extends [Schema.Schema.Type<S>] ? JournaledError<What, E, O>
  : Wrong<`the value does not fit this ${What}'s \`output\` schema`, A>
  : IsJson<A> extends true ? JournaledError<What, E, O>
  : Wrong<`this ${What}'s value is not JSON: give it an \`output\` schema`, A>

export type JournaledError<What extends string, E, O> = O extends { readonly error: infer S }
  ? [E] extends [Schema.Schema.Type<S>] ? unknown
  : Wrong<`the error does not fit this ${What}'s \`error\` schema`, E>
  : [E] extends [never] ? unknown
  : IsJson<E> extends true ? unknown
  : Wrong<`this ${What}'s error is not JSON: give it an \`error\` schema`, E>
