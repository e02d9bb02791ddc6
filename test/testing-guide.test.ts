/** The page "Test a workflow" shows what is really printed, and its tests pass, but for the one that must not. */
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join, resolve } from "node:path"
import { expect, it } from "vitest"
import { root } from "./harness/compiler.js"
import { blocksOf } from "./harness/markdown.js"

const blocks = blocksOf(readFileSync(resolve(root, "docs/guide/14-testing.md"), "utf8"))
const vitest = createRequire(import.meta.url).resolve("vitest/vitest.mjs")

/** Runs the page's code as the one test file of a project. */
const run = (code: string): Promise<string> =>
  new Promise((done) => {
    mkdirSync(resolve(root, "node_modules/.cache"), { recursive: true })
    const folder = mkdtempSync(resolve(root, "node_modules/.cache/guide-"))
    writeFileSync(join(folder, "page.test.ts"), code)
    const conditions = `["reprise-source", "node", "import", "module", "default"]`
    const config = `export default { resolve: { conditions: ${conditions} },
      ssr: { resolve: { conditions: ${conditions}, externalConditions: ${conditions} } },
      test: { testTimeout: 60_000, exclude: [] } }`
    writeFileSync(join(folder, "vitest.config.mjs"), config)
    const env = { ...process.env, CI: "1", NO_COLOR: "1" }
    execFile(process.execPath, [vitest, "run", "--root", folder], { cwd: folder, env, timeout: 110_000 }, (_, stdout, stderr) => {
      rmSync(folder, { recursive: true, force: true })
      done(stdout + stderr)
    })
  })

const trimmed = (text: string): string => text.split("\n").map((line) => line.trim()).filter((line) => line !== "").join("\n")

it("the page is true", { timeout: 120_000 }, async () => {
  const programs: Array<string> = []
  for (const { code, info } of blocks.filter(({ info }) => info.startsWith("ts"))) {
    const text = code.join("\n")
    if (info === "ts") programs.push(text)
    else programs.push(`${programs.pop()}\n${text}`)
  }
  const story = blocks.find(({ info }) => info === "text")?.code.join("\n") ?? "no story"
  const [order = "", checkout = ""] = programs
  const [orders, checkouts] = [await run(order), await run(checkout)]
  expect(orders).toContain("Tests  7 passed (7)")
  expect(checkouts).toContain("Tests  1 failed | 1 passed (2)")
  expect(trimmed(checkouts)).toContain(trimmed(story))
  expect(checkouts).toContain("npx vitest run page.test.ts -t 'takes what it should, whatever happens'")
})
