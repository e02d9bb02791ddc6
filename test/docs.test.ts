/**
 * The pages tell the truth: their code compiles, and that of every `@example`; their links lead somewhere; errors and
 * events are all described.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { posix, resolve } from "node:path"
import { describe, expect, it } from "vitest"
import { type Block, anchorsOf, blocksOf, examplesOf, firstCellsOf, headingsOf, linksOf } from "./harness/markdown.js"
import { compile, root } from "./harness/compiler.js"
import { eventTags } from "./tidy/purity.js"
import { isSource, readAll } from "./tidy/source.js"

const files = readAll()
const pages = files.filter(({ path }) => path.endsWith(".md"))
/** Until the README is there, the pages are not written yet. */
const written = pages.some(({ path }) => path === "README.md")

/**
 * The blocks of a page joined into programs: a block marked `continued` goes on where the block before it ended. Each
 * program keeps its blocks on the lines of the page, so that the compiler's line is the page's line.
 */
const programsOf = (blocks: ReadonlyArray<Block>): ReadonlyArray<string> => {
  const programs: Array<Array<string>> = []
  for (const { code, info, line } of blocks) {
    const last = programs.at(-1)
    const lines = last !== undefined && /\bcontinued\b/.test(info) ? last : []
    if (lines !== last) programs.push(lines)
    code.forEach((text, index) => {
      lines[line - 1 + index] = text
    })
  }
  return programs.map((lines) => Array.from(lines, (line) => line ?? "").join("\n"))
}

const isCode = ({ info }: Block): boolean => /^(ts|tsx|typescript)\b/.test(info)

describe("code in the pages", () => {
  const withCode = [
    ...pages.map(({ path, text }) => ({ path, blocks: blocksOf(text).filter(isCode) })),
    ...files.filter(isSource).map(({ path, text }) => ({ path, blocks: examplesOf(text) }))
  ]

  it("is marked ts, or ts continued", () => {
    const wrong = withCode.flatMap(({ blocks, path }) =>
      blocks.flatMap(({ info, line }) => (/^ts( continued)?$/.test(info) ? [] : [`${path}:${line - 1} ${info}`]))
    )
    expect(wrong, "every ts block is compiled; there is no way round it").toEqual([])
  })

  it("compiles", { timeout: 120_000 }, async () => {
    mkdirSync(resolve(root, "node_modules/.cache"), { recursive: true })
    // Inside node_modules, so that the packages are found as they are by a user.
    const folder = mkdtempSync(resolve(root, "node_modules/.cache/docs-"))
    try {
      const names = new Map<string, string>()
      for (const { blocks, path } of withCode) {
        programsOf(blocks).forEach((program, index) => {
          const name = `${path.replace(/[^\w]/g, "_")}_${index}.ts`
          names.set(name, path)
          writeFileSync(resolve(folder, name), `${program}\nexport {}\n`)
        })
      }
      const options = { noUnusedLocals: false, noUnusedParameters: false }
      const config = { extends: resolve(root, "tsconfig.json"), compilerOptions: options, files: [...names.keys()] }
      writeFileSync(resolve(folder, "tsconfig.json"), JSON.stringify(config))
      writeFileSync(resolve(folder, "package.json"), JSON.stringify({ type: "module" }))
      const found = names.size === 0 ? [] : await compile(folder)
      // Errors of the packages' own sources are the type check's to report.
      const errors = found.flatMap(({ file, line, text }) =>
        names.has(file) ? [`${names.get(file)}:${line} ${text}`] : []
      )
      expect(errors, `code in the pages does not compile:\n${errors.join("\n")}`).toHaveLength(0)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

it("links lead to files and headings that exist", () => {
  const broken = pages.flatMap(({ path, text }) =>
    linksOf(text).flatMap(({ line, target }) => {
      const [file = "", anchor] = decodeURI(target).split("#")
      const to = file === "" ? path : posix.normalize(posix.join(posix.dirname(path), file))
      if (!existsSync(resolve(root, to))) return [`${path}:${line} ${target}: there is no ${to}`]
      if (anchor === undefined || !to.endsWith(".md")) return []
      const anchors = anchorsOf(readFileSync(resolve(root, to), "utf8"))
      return anchors.has(anchor) ? [] : [`${path}:${line} ${target}: ${to} has no heading "${anchor}"`]
    })
  )
  expect(broken, `broken links:\n${broken.join("\n")}`).toHaveLength(0)
})

const pageText = (path: string): string | undefined => pages.find((page) => page.path === path)?.text

it("every error has a heading in docs/errors.md", () => {
  const tags = files
    .filter(({ path }) => /^packages\/[^/]+\/src\/(.*\/)?Errors\.ts$/.test(path))
    .flatMap(({ code }) => [...code.matchAll(/class (\w+) extends (?:Schema|Data)\.TaggedError/g)])
    .map((match) => match[1] ?? "")
  expect(tags.length).toBeGreaterThan(0)

  const text = pageText("docs/errors.md")
  if (text === undefined && !written) return
  const missing = tags.filter((tag) => !headingsOf(text ?? "").includes(tag))
  expect(missing, "these errors have no heading in docs/errors.md").toEqual([])
})

it("every event has a row in docs/log.md", () => {
  const tags = eventTags(files)
  expect(tags.length).toBeGreaterThan(0)

  const text = pageText("docs/log.md")
  if (text === undefined && !written) return
  const missing = tags.filter((tag) => !firstCellsOf(text ?? "").has(tag))
  expect(missing, "these events have no row in a table of docs/log.md").toEqual([])
})

describe("the reader of pages", () => {
  const page = [
    "# A `b` & c",
    "[d](#a-b--c) `[e](f)` [g]: no",
    "```ts",
    "const h = 1",
    "```",
    "```ts continued",
    "h + 1",
    "```",
    "```sh",
    "# not a heading",
    "```",
    "| `I` | j |"
  ].join("\n")

  it("finds blocks and joins those that continue", () => {
    expect(blocksOf(page).map(({ info }) => info)).toEqual(["ts", "ts continued", "sh"])
    expect(programsOf(blocksOf(page).filter(isCode))).toEqual(["\n\n\nconst h = 1\n\n\nh + 1"])
  })

  it("finds examples in comments", () => {
    const comment = "/**\n * Why.\n * @example\n * a\n *   b\n * @see c\n */"
    expect(examplesOf(comment)).toEqual([{ info: "ts", line: 4, code: ["a", "  b"] }])
  })

  it("finds headings, anchors, links and cells", () => {
    expect(headingsOf(page)).toEqual(["A b & c"])
    expect([...anchorsOf(page)]).toEqual(["a-b--c"])
    expect(linksOf(page)).toEqual([{ target: "#a-b--c", line: 2 }])
    expect(firstCellsOf(page).has("I")).toBe(true)
  })
})
