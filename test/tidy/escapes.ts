/** Where types may be overruled: `any` and casts, counted for each file. */
import { type Finding, isSource, type Rule, type Source } from "./source.js"

/** How often a file says `any`, how often `as`, and why it must. The numbers may only go down. */
const ALLOWED: Readonly<Record<string, readonly [any: number, casts: number, reason: string]>> = {}

const RENAMING = /\b(?:import|export)\s+(?:type\s+)?(?:\*\s+as\s+\w+|\w+\s*,)?\s*(?:\{[^}]*\})?/g

export const countEscapes = (file: Source): { readonly any: number; readonly casts: number } => {
  const bare = file.bare.replace(RENAMING, "")
  return {
    any: bare.match(/(?<![.\w])any\b(?!\s*[:(.])/g)?.length ?? 0,
    casts: bare.match(/(?<![.\w])as\s+(?!const\b)(?=[\w{[(])/g)?.length ?? 0
  }
}

const check = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files.filter(isSource).flatMap((file) => {
    const { any, casts } = countEscapes(file)
    const [anyMax, castsMax] = ALLOWED[file.path] ?? [0, 0, ""]
    if (any === anyMax && casts === castsMax) return []
    const advice = any > anyMax || casts > castsMax ? "write it without" : "lower the numbers there"
    return [`${file.path} has ${any} any, ${casts} casts; test/tidy/escapes.ts says ${anyMax}, ${castsMax}: ${advice}`]
  })

export const escapes: Rule = {
  name: "any and casts are as few as the table says",
  check,
  good: { "packages/core/src/A.ts": "import { b as c } from \"d\"\nconst many = Effect.any(c) // as any" },
  bad: { "packages/core/src/A.ts": "const a = b as C" }
}
