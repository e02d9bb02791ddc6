/** Schemas of workflows and routes as JSON Schema 2020-12. */
import { Errors } from "@reprise/core/engine"
import { JSONSchema, Schema, SchemaAST } from "effect"

interface Declared {
  readonly schema: { readonly ast: SchemaAST.AST } | undefined
}

/** The encoded form of a payload; `undefined` when nobody declared it, or when it has no JSON Schema. */
export const of = (codec: Declared): unknown => (codec.schema === undefined ? undefined : made(codec.schema.ast))

/** The errors that a workflow declares, without those that every workflow may fail with. */
export const ofError = (codec: Declared): unknown => {
  const ast = codec.schema?.ast
  if (ast === undefined || ast === Errors.EngineError.ast) return undefined
  const declared = SchemaAST.isUnion(ast) ? ast.types.filter((type) => type !== Errors.EngineError.ast) : [ast]
  return made(SchemaAST.Union.make(declared))
}

const made = (ast: SchemaAST.AST): unknown => {
  try {
    return withoutIds(JSONSchema.make(Schema.make(ast), { target: "jsonSchema2020-12" }))
  } catch {
    // A declaration of one's own has none; what it takes is for its own schema to say.
    return undefined
  }
}

/** Effect marks what may be anything by an `$id`, which would have to be unique in a document. */
export const withoutIds = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(withoutIds)
  if (typeof schema !== "object" || schema === null) return schema
  const entries = Object.entries(schema).filter(([name, value]) => name !== "$id" || !String(value).startsWith("/schemas/"))
  return Object.fromEntries(entries.map(([name, value]) => [name, withoutIds(value)]))
}
