/** Reads what a file of test/types/bad expects, and compares it with what the compiler said. */
import { type Diagnostic, show } from "./compiler.js"

export interface Misuse {
  readonly file: string
  /** A part of the error that the author must be shown. */
  readonly expected: string
  /** The line where the error must stand. */
  readonly line: number
}

/** The file says `// expect: part of the message` at its top and marks one line with `// <- here`. */
export const read = (file: string, text: string): Misuse => {
  const lines = text.split("\n")
  const expected = /^\/\/ expect: (.+)$/m.exec(text)?.[1]?.trim()
  const marked = lines.flatMap((line, index) => (line.includes("// <- here") ? [index + 1] : []))
  if (expected === undefined) throw new Error(`${file}: the first comment must say "// expect: part of the message"`)
  if (marked.length !== 1) throw new Error(`${file}: exactly one line must end with "// <- here"`)
  return { file, expected, line: marked[0] ?? 0 }
}

/** What is wrong with the compiler's answer, or `undefined` when the author is told what was expected. */
export const judge = (misuse: Misuse, all: ReadonlyArray<Diagnostic>): string | undefined => {
  const found = all.filter(({ file }) => file === misuse.file)
  if (found.length === 0) return `${misuse.file} compiles; it should not`
  const elsewhere = found.filter(({ line }) => line !== misuse.line)
  if (elsewhere.length > 0) return `errors on other lines than ${misuse.line}, which is marked:\n${show(elsewhere)}`
  if (found.some(({ text }) => text.includes(misuse.expected))) return undefined
  return `the message does not say "${misuse.expected}":\n${show(found)}`
}
