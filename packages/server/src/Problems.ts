/** From a refusal to the document that tells it (api/Problem.ts has the table). */
import { Either, ParseResult, Schema } from "effect"
import type { Refusal } from "./api/Handler.js"
import { type Code, type Problem, PROBLEMS } from "./api/Problem.js"
import type { Issue } from "./Errors.js"

export const isCode = (tag: string): tag is Code => Object.hasOwn(PROBLEMS, tag)

/** A refusal of what stands at one place of the body, so that its path can be told from there. */
export interface Placed extends Refusal {
  readonly _tag: "PayloadInvalid" | "PayloadTooLarge"
  readonly place: string
  readonly error: Refusal
}

/**
 * Tells where in the body a value stands that a workflow's own schema refuses. Other refusals are left as they are.
 *
 * To be used with `Effect.mapError`.
 */
export const at = (place: string) => <E extends Refusal>(error: E): E | Placed => {
  const { _tag, message } = error
  return _tag === "PayloadInvalid" || _tag === "PayloadTooLarge" ? { _tag, message, place, error } : error
}

const isPlaced = (refusal: Refusal): refusal is Placed => "place" in refusal

/** The document; a tag that is not in the table is a defect, and not for this function. */
export const problemOf = (refusal: Refusal & { readonly _tag: Code }, requestId: string): Problem => {
  const error = isPlaced(refusal) ? refusal.error : refusal
  const errors = issuesOf(refusal)
  const data = dataOf(error)
  const { status, title } = PROBLEMS[refusal._tag]
  return {
    type: `urn:reprise:problem:${refusal._tag}`,
    title,
    status,
    code: refusal._tag,
    detail: detailOf(error),
    hint: textOf(error, "hint") ?? "",
    ...(errors === undefined ? {} : { errors }),
    ...(data === undefined ? {} : { data }),
    requestId
  }
}

const textOf = (error: object, field: string): string | undefined => {
  const value: unknown = Reflect.get(error, field)
  return typeof value === "string" ? value : undefined
}

/** What happened, without the hint, which has a field of its own. The cause of a failed store stays in the server's log. */
const detailOf = (error: Refusal): string => {
  if (error._tag === "LogError") return `The store failed to ${textOf(error, "operation") ?? "answer"}.`
  return error.message.split("\n  hint: ", 1)[0] ?? ""
}

const issuesOf = (refusal: Refusal): ReadonlyArray<Issue> | undefined => {
  if (isPlaced(refusal)) {
    const { error, place } = refusal
    const path = textOf(error, "path") ?? ""
    return [{ path: path === "" ? place : `${place}.${path}`, message: textOf(error, "detail") ?? detailOf(error) }]
  }
  const errors: unknown = Reflect.get(refusal, "errors")
  return Array.isArray(errors) ? errors : undefined
}

/** The fields, as the class of the error encodes them. */
const dataOf = (error: Refusal): object | undefined => {
  if (error._tag === "LogError") return { operation: textOf(error, "operation") }
  const schema: unknown = error.constructor
  if (!Schema.isSchema(schema)) return undefined
  const encoded = ParseResult.encodeUnknownEither(unserviced(schema))(error)
  return Either.isRight(encoded) && typeof encoded.right === "object" && encoded.right !== null ? withoutTag(encoded.right) : undefined
}

/** No error of ours needs a service to be encoded. */
const unserviced = (schema: Schema.Schema.All): Schema.Schema<unknown> => Schema.make(schema.ast)

const withoutTag = (fields: object): object | undefined => {
  const entries = Object.entries(fields).filter(([name]) => name !== "_tag")
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}
