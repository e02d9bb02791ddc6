/** Reads the repository's files for the tidy rules, and scans TypeScript as far as these rules need it. */
import { readdirSync, readFileSync } from "node:fs"
import { posix, resolve } from "node:path"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../..", import.meta.url))

export interface Source {
  /** Path from the repository's root, with forward slashes. */
  readonly path: string
  readonly text: string
  /** The text without comments; strings stay. Lines keep their numbers. */
  readonly code: string
  /** The code with the contents of strings blanked too. */
  readonly bare: string
}

/** Path, line and what is wrong there. */
export type Finding = string

/** One rule with an example that it accepts and one that it refuses; the key of an example is a file's path. */
export interface Rule {
  readonly name: string
  readonly check: (files: ReadonlyArray<Source>) => ReadonlyArray<Finding>
  readonly good: Readonly<Record<string, string>>
  readonly bad: Readonly<Record<string, string>>
}

const SKIPPED = /^(node_modules|dist|coverage|\.git|\.demo|\.bench)$/
const TEXT = /\.(ts|tsx|mts|cts|js|mjs|json|md|yml|yaml|sql|sh|txt)$|(^|\/)\.[a-z]+$|(^|\/)(LICENSE|run)$/

/** Every text file of the repository. */
export const readAll = (folder = ""): ReadonlyArray<Source> =>
  readdirSync(resolve(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name)
    if (entry.isDirectory()) return SKIPPED.test(entry.name) ? [] : readAll(path)
    return entry.isFile() && TEXT.test(path) ? [source(path, readFileSync(resolve(root, path), "utf8"))] : []
  })

export const source = (path: string, text: string): Source =>
  /\.(m|c)?(ts|js)x?$/.test(path) ? { path, text, ...strip(text) } : { path, text, code: "", bare: "" }

export const sourcesOf = (files: Readonly<Record<string, string>>): ReadonlyArray<Source> =>
  Object.entries(files).map(([path, text]) => source(path, text))

/** A regular expression can start where no operand has just ended. */
const BEFORE_REGEX = /(^|[(,=:[!&|?{};+\-*%<>~^]|\b(return|typeof|case|in|of|yield|throw))\s*$/

/** Blanks comments (in both results) and the contents of strings, templates and regular expressions (in `bare`). */
const strip = (text: string): { readonly code: string; readonly bare: string } => {
  let code = ""
  let bare = ""
  // Depth of braces at which each open template literal's `${` goes back to text.
  const templates: Array<number> = []
  let depth = 0
  let at = 0
  const blank = (part: string) => part.replace(/[^\n]/g, " ")
  const take = (length: number, kind: "code" | "string" | "comment") => {
    const part = text.slice(at, at + length)
    code += kind === "comment" ? blank(part) : part
    bare += kind === "code" ? part : blank(part)
    at += length
  }
  const until = (pattern: RegExp): number => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0].length ?? 1
  }
  /** Takes template text up to its end or to the next `${`. */
  const template = () => {
    take(until(/(?:[^`\\$]|\\[^]|\$(?!\{))*/y), "string")
    if (text[at] === "$") {
      take(2, "code")
      templates.push(depth)
    } else take(1, "code")
  }
  while (at < text.length) {
    const char = text[at]
    if (text.startsWith("//", at)) take(until(/[^\n]*/y), "comment")
    else if (text.startsWith("/*", at)) take(until(/\/\*[^]*?\*\//y), "comment")
    else if (char === "\"" || char === "'") {
      take(1, "code")
      take(until(char === "\"" ? /(?:[^"\\\n]|\\[^])*/y : /(?:[^'\\\n]|\\[^])*/y), "string")
      take(1, "code")
    } else if (char === "`") {
      take(1, "code")
      template()
    } else if (char === "}" && templates.at(-1) === depth) {
      templates.pop()
      take(1, "code")
      template()
    } else if (char === "/" && BEFORE_REGEX.test(bare.slice(-40))) {
      take(until(/\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y), "string")
    } else {
      if (char === "{") depth += 1
      if (char === "}") depth -= 1
      take(Math.max(1, until(/[^"'`/{}]+/y)), "code")
    }
  }
  return { code, bare }
}

export const lineAt = (text: string, index: number): number => text.slice(0, index).split("\n").length

/** One finding for each match of `pattern` in `text`, which is the file's text, code or bare code. */
export const findAll = (
  file: Source,
  text: string,
  pattern: RegExp,
  what: (match: RegExpMatchArray) => string
): ReadonlyArray<Finding> =>
  [...text.matchAll(pattern)].map((match) => `${file.path}:${lineAt(text, match.index)} ${what(match)}`)

export interface Import {
  readonly specifier: string
  readonly line: number
}

const IMPORT = new RegExp(
  [
    /\b(?:import\b(?:[^"'`;()]*?\bfrom)?|export\b[^"'`;()]*?\bfrom)\s*["']([^"']+)["']/,
    /\b(?:import|require)\s*\(\s*["']([^"']+)["']/,
    /\bnew URL\(\s*["'](\.[^"']+)["']/
  ].map((pattern) => pattern.source).join("|"),
  "g"
)

/** What a file imports, exports from, or names relative to itself; types and dynamic imports included. */
export const importsOf = (file: Source): ReadonlyArray<Import> =>
  [...file.code.matchAll(IMPORT)].map((match) => ({
    specifier: match[1] ?? match[2] ?? match[3] ?? "",
    line: lineAt(file.code, match.index + match[0].length)
  }))

/** The repository path that a relative specifier names; `.js` stands for the `.ts` beside it. */
export const target = (file: Source, specifier: string): string =>
  posix.join(posix.dirname(file.path), specifier).replace(/\.js$/, ".ts")

/** The package of a path such as packages/core/src/index.ts. */
export const packageOf = (path: string): string | undefined => /^packages\/([^/]+)\//.exec(path)?.[1]

export const isSource = (file: Source): boolean => /^packages\/[^/]+\/src\/.*\.tsx?$/.test(file.path)
