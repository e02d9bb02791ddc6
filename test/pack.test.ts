/**
 * What a user gets: the packages are built, packed and installed into an empty project, where plain Node runs a workflow
 * and the published types are checked.
 */
import { execFile } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { compile, root, show } from "./harness/compiler.js"

const packages = readdirSync(resolve(root, "packages")).filter((name) =>
  existsSync(resolve(root, "packages", name, "src/index.ts"))
)
const project = mkdtempSync(join(tmpdir(), "reprise-pack-"))
const scope = join(project, "node_modules/@reprise")

const run = (command: string, args: ReadonlyArray<string>, cwd: string): Promise<string> =>
  new Promise((done, failed) => {
    execFile(command, args, { cwd, timeout: 120_000, shell: process.platform === "win32" }, (error, stdout, stderr) => {
      if (error === null) done(stdout)
      else failed(new Error(`${command} ${args.join(" ")}\n${stdout}${stderr}`))
    })
  })

const pack = async (name: string): Promise<string> => {
  const args = ["pack", "--silent", "--ignore-scripts", "--pack-destination", project]
  return (await run("npm", args, resolve(root, "packages", name))).trim()
}

const versionOf = (name: string): string =>
  (JSON.parse(readFileSync(resolve(root, "node_modules", name, "package.json"), "utf8")) as { readonly version: string }).version

/** Installs the tarballs with what they depend on, and Node's types for TypeScript. Only better-sqlite3 is not compiled once more: that takes a minute. */
const install = async (tarballs: ReadonlyArray<string>): Promise<void> => {
  const paths = tarballs.map((tarball) => join(project, tarball))
  const types = `@types/node@${versionOf("@types/node")}`
  await run("npm", ["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", ...paths, types], project)
  const addon = "node_modules/better-sqlite3/build"
  cpSync(resolve(root, addon), join(project, addon), { recursive: true })
}

const WORKFLOW = `
import { Effect, Layer, Schema } from "effect"
import { Client, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"

const Greet = Workflow.make("greet", { input: Schema.String }, (name) =>
  Effect.gen(function*() {
    const greeting = yield* Step.run("compose", Effect.sync(() => "Hello, " + name))
    yield* Effect.sleep("10 millis")
    return greeting
  }))

const app = Worker.layer({ workflows: [Greet] }).pipe(Layer.provide(Sqlite.layer({ filename: "runs.db" })))
`

beforeAll(async () => {
  await run(process.execPath, [".ci/build.mjs"], root)
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }))
  await install(await Promise.all(packages.map(pack)))
}, 180_000)

afterAll(() => rmSync(project, { recursive: true, force: true }))

describe.each(packages)("@reprise/%s", (name) => {
  it("holds what its package.json promises, a README and the licence, and no tests", () => {
    const { bin, exports } = JSON.parse(readFileSync(join(scope, name, "package.json"), "utf8")) as Record<string, unknown>
    const promised = JSON.stringify([bin, exports]).match(/(?:\.\/)?[\w./-]+\.(?:d\.ts|js|ts|mjs)/g) ?? []
    const missing = [...promised, "README.md", "LICENSE"].filter((path) => !existsSync(join(scope, name, path)))
    expect(promised.length).toBeGreaterThan(0)
    expect(missing).toEqual([])
    expect(readdirSync(join(scope, name))).not.toContain("test")
  })
})

it("plain Node runs a workflow", { timeout: 60_000 }, async () => {
  const main = "console.log(await Effect.runPromise(Client.execute(Greet, \"Ada\").pipe(Effect.provide(app))))"
  writeFileSync(join(project, "main.js"), WORKFLOW + main)
  expect(await run(process.execPath, ["main.js"], project)).toBe("Hello, Ada\n")
})

it("the command reprise checks a store on workflows in TypeScript", { timeout: 60_000 }, async () => {
  await run("npm", ["install", "--ignore-scripts", "--prefer-offline", `tsx@${versionOf("tsx")}`], project)
  const workflow = WORKFLOW.replace(/const app = .*/, "")
  writeFileSync(join(project, "entry.ts"), `${workflow}export const workflows: ReadonlyArray<unknown> = [Greet]\n`)
  writeFileSync(join(project, "store.js"), `${WORKFLOW}await Effect.runPromise(Effect.provide(Client.execute(Greet, "Ada"), app))\n`)
  await run(process.execPath, ["store.js"], project)
  const check = ["reprise", "check", "--store", "runs.db", "--workflows", "entry.ts", "--closed", "9"]
  expect(await run("npx", check, project)).toMatch(/^Replayed 0 open runs and \d closed: all fit this build\.\n$/)
})

it("the published types fit", { timeout: 60_000 }, async () => {
  const checks = `
export const greeting: Effect.Effect<string, unknown, Client.Client> = Client.execute(Greet, "Ada")
// @ts-expect-error the input is a string
export const wrong = Client.execute(Greet, 1)
export { app }
`
  writeFileSync(join(project, "types.ts"), WORKFLOW + checks)
  const compilerOptions = {
    module: "NodeNext",
    target: "ES2022",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ["node"]
  }
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["types.ts"] }))
  const found = await compile(project)
  expect(found, show(found)).toHaveLength(0)
})
