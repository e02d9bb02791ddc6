/**
 * Every example is run as its reader would run it: a process of its own, in an empty folder. It must exit with 0 and
 * print what its closing comment says. There, a line `…` stands for any lines, and `<…>` for anything within a line.
 * The first is started from its source, as readers do, and so are those that print places in it; the others as
 * JavaScript, which starts in a fifth of the time.
 */
import { execFile } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { beforeAll, describe, expect, it } from "vitest"
import { bundles } from "./harness/bundle.js"
import { root } from "./harness/compiler.js"

const LINES_MAX = 80
const folder = resolve(root, "examples")
const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href

const names = existsSync(folder) ? readdirSync(folder).filter((name) => /^\d\d-.*\.ts$/.test(name)).toSorted() : []

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const run = (args: ReadonlyArray<string>): Promise<Ended> =>
  new Promise((done) => {
    const cwd = mkdtempSync(join(tmpdir(), "reprise-example-"))
    execFile(process.execPath, [...args], { cwd, timeout: 50_000 }, (error, stdout, stderr) => {
      rmSync(cwd, { recursive: true, force: true })
      done({ code: error === null ? 0 : typeof error.code === "number" ? error.code : 1, stdout, stderr })
    })
  })

const expectedOf = (text: string): string | undefined => /\/\* output:\n([^]*?)\n?\*\/\s*$/.exec(text)?.[1]

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** Lines with their ends, so that `…` can stand for no line at all. */
const matches = (expected: string, actual: string): boolean => {
  const lines = expected.trim().split("\n").map((line) =>
    line.trim() === "…" ? "(?:.*\\n)*?" : `${escape(line.trimEnd()).replace(/<…>/g, ".*?")}[ \\t]*\\n`
  )
  return new RegExp(`^${lines.join("")}$`).test(`${actual.trim()}\n`)
}

describe("examples", () => {
  it("exist once the README does", () => {
    expect(names.length > 0 || !existsSync(resolve(root, "README.md"))).toBe(true)
  })

  let programs: ReadonlyArray<string> = []
  beforeAll(async () => {
    programs = await bundles(names.map((name) => resolve(folder, name)))
  })

  for (const [i, name] of names.entries()) {
    it(`${name} prints what it says`, { timeout: 60_000 }, async () => {
      const text = readFileSync(resolve(folder, name), "utf8")
      const length = text.trimEnd().split("\n").length
      expect(length, `${name} has more than ${LINES_MAX} lines`).toBeLessThanOrEqual(LINES_MAX)

      const expected = expectedOf(text) ?? ""
      expect(expected, `${name} must end with a comment: /* output: … */`).not.toBe("")
      const isFromSource = i === 0 || expected.includes(".ts:")
      const ended = await run(isFromSource ? ["--conditions=reprise-source", "--import", tsx, resolve(folder, name)] : [programs[i]!])
      expect(ended.code, `${name} ended with ${ended.code}:\n${ended.stdout}${ended.stderr}`).toBe(0)
      expect(matches(expected, ended.stdout) ? expected : ended.stdout.trim()).toBe(expected)
    })
  }
})

describe("the comparison", () => {
  it("takes … for any lines and <…> for anything in a line", () => {
    expect(matches("a\n…\nd <…> f", "a\nb\nc\nd e f\n")).toBe(true)
    expect(matches("a\n…\nb", "a\nb")).toBe(true)
    expect(matches("a <…>", "a b\nc")).toBe(false)
    expect(matches("a.c", "abc")).toBe(false)
  })

  it("reads the closing comment", () => {
    expect(expectedOf("main()\n\n/* output:\nhello\nworld\n*/\n")).toBe("hello\nworld")
    expect(expectedOf("main()\n")).toBe(undefined)
  })
})
