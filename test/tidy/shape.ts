/** How a file looks: names, lengths, exports, type parameters, casts. */
import { findAll, type Finding, isSource, lineAt, type Rule, type Source } from "./source.js"

const CODE = /^(packages\/[^/]+\/(src|test)|test|examples|\.ci)\/.*\.(ts|tsx|mjs)$/

const noBarrels = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files.flatMap((file) => findAll(file, file.bare, /\bexport\s*\*\s*from\b/g, () => "`export *` without a name"))

/** A file is named after its one noun. */
const fileNames = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files
    .filter(({ path }) => CODE.test(path) && /\/(utils?|common|helpers?|types|misc|shared)\.\w+$/i.test(path))
    .map(({ path }) => `${path} says nothing about what is in it`)

const noMarkers = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files
    .filter(({ path }) => CODE.test(path) && !path.startsWith("test/tidy/"))
    .flatMap((file) => findAll(file, file.text, /\b(TODO|FIXME|XXX)\b/g, ([word]) => `${word}: open an issue instead`))

const LINE_CHARS_MAX = 140

const lineLength = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files.filter(({ path }) => CODE.test(path)).flatMap((file) =>
    file.text.split("\n").flatMap((line, index) =>
      // A long URL or pattern cannot be broken.
      line.length > LINE_CHARS_MAX && !/https?:\/\/|^\s*\/.*\/[a-z]*,?$/.test(line)
        ? [`${file.path}:${index + 1} ${line.length} characters; at most ${LINE_CHARS_MAX}`]
        : []
    )
  )

const TYPE_PARAMETERS_MAX = 4

/** The text between `<` at `start` and its partner; arrows inside are no closing brackets. */
const bracketed = (text: string, start: number): string => {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    if (text[at] === "<") depth += 1
    if (text[at] === ">" && text[at - 1] !== "=") depth -= 1
    if (depth === 0) return text.slice(start + 1, at)
  }
  return ""
}

/** Commas outside any bracket separate parameters. */
const countParameters = (list: string): number => {
  let depth = 0
  let count = list.trim() === "" ? 0 : 1
  for (const char of list.replaceAll("=>", "").replace(/,\s*$/, "")) {
    if ("<([{".includes(char)) depth += 1
    if (">)]}".includes(char)) depth -= 1
    if (char === "," && depth === 0) count += 1
  }
  return count
}

const GENERIC = new RegExp(
  "\\bexport (?:declare )?(?:(?:async )?function\\*? |type |interface |(?:abstract )?class )(\\w+)<" +
    "|\\bexport const (\\w+)(?:: | = )(?:async )?<",
  "g"
)

const typeParameters = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files.filter(isSource).flatMap((file) =>
    [...file.bare.matchAll(GENERIC)].flatMap((match) => {
      const count = countParameters(bracketed(file.bare, match.index + match[0].length - 1))
      if (count <= TYPE_PARAMETERS_MAX) return []
      return [`${file.path}:${lineAt(file.bare, match.index)} ${match[1] ?? match[2]} has ${count} type parameters`]
    })
  )

const NOT_ALWAYS =
  /\b(?:it|test|describe)(?:\.\w+)*\.(?:skip|skipIf|runIf|only|todo|fails)\b|\b(?:xit|xdescribe|fit)\(|\bretry: ?[1-9]/g

/** A test that does not always run, or runs until it passes, proves nothing. */
const noSkippedTests = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files.filter(({ path }) => path.endsWith(".test.ts")).flatMap((file) =>
    findAll(file, file.bare, NOT_ALWAYS, ([call]) => `${call} in a test`)
  )

export const shape: ReadonlyArray<Rule> = [
  {
    name: "no export * without a name",
    check: noBarrels,
    good: { "packages/core/src/index.ts": "export * as Step from \"./Step.js\"" },
    bad: { "packages/core/src/index.ts": "export * from \"./Step.js\"" }
  },
  {
    name: "files are named after what is in them",
    check: fileNames,
    good: { "packages/core/src/model/Payload.ts": "", "test/types/good.ts": "" },
    bad: { "packages/core/src/model/utils.ts": "" }
  },
  {
    name: "no notes to self",
    check: noMarkers,
    good: { "packages/core/src/A.ts": "// The todo list of a run." },
    bad: { "packages/core/src/A.ts": "// TODO: later" }
  },
  {
    name: `lines have at most ${LINE_CHARS_MAX} characters`,
    check: lineLength,
    good: { "packages/core/src/A.ts": "a".repeat(LINE_CHARS_MAX) },
    bad: { "packages/core/src/A.ts": "a".repeat(LINE_CHARS_MAX + 1) }
  },
  {
    name: `exported generics have at most ${TYPE_PARAMETERS_MAX} type parameters`,
    check: typeParameters,
    good: { "packages/core/src/A.ts": "export const make = <A, E extends F<A, [A, A]> = (a: A, b: A) => A>() => 1" },
    bad: { "packages/core/src/A.ts": "export interface Five<\n  A,\n  B,\n  C,\n  D,\n  E\n> {}" }
  },
  {
    name: "every test runs, once",
    check: noSkippedTests,
    good: { "test/a.test.ts": "it(\"skips .only what it must\", () => list.only())" },
    bad: { "test/a.test.ts": "it.effect.skip(\"later\", () => a)" }
  }
]
