/** The document of the running server, read by tools that nobody here wrote, and a program that knows Reprise from it alone. */
import { Validator } from "@seriousme/openapi-schema-validator"
import { execFile } from "node:child_process"
import { cpSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ask, type Served, workshop } from "./Served.js"

const shop = workshop()
let server: Served
const document = join(shop.folder, "openapi.json")
const program = join(shop.folder, "program")

beforeAll(async () => {
  server = await shop.serve("openapi")
  writeFileSync(document, JSON.stringify((await ask(server.url, "/openapi.json")).json))
})
afterAll(() => shop.close())

const packageOf = createRequire(import.meta.url)

/** What a tool of this workspace has said; its exit code must be 0. */
const run = (file: string, ...args: ReadonlyArray<string>): Promise<string> =>
  new Promise((done, failed) => {
    execFile(process.execPath, [file, ...args], { cwd: shop.folder }, (error, stdout, stderr) => {
      if (error === null) done(stdout)
      else failed(new Error(`${file} ${args.join(" ")}\n${stdout}${stderr}`))
    })
  })

const tsc = (...args: ReadonlyArray<string>) => run(join(dirname(packageOf.resolve("typescript/package.json")), "bin/tsc"), ...args)

it("is valid", async () => {
  const { errors, valid } = await new Validator().validate((await ask(server.url, "/openapi.json")).json)
  expect(errors).toBe(undefined)
  expect(valid).toBe(true)
})

describe("a program with types from openapi-typescript", () => {
  beforeAll(async () => {
    const generator = join(dirname(packageOf.resolve("openapi-typescript/package.json")), "bin/cli.js")
    cpSync(join(import.meta.dirname, "program"), program, { recursive: true })
    await run(generator, document, "--output", join(program, "reprise.d.ts"))
    writeFileSync(join(program, "package.json"), JSON.stringify({ type: "module" }))
  })

  it("compiles, and goes through a run on the server", async () => {
    await tsc("-p", program)
    const { order, refused } = await import(pathToFileURL(join(program, "built/program.js")).href)
    expect(await order(server.url)).toEqual([
      "started",
      "once",
      "order k-1 running open",
      "completed: \"3 lamps, approved by Ada\"",
      "1 RunStarted, 2 StepScheduled"
    ])
    expect(await refused(server.url)).toMatchObject({
      status: 422,
      code: "PayloadInvalid",
      errors: [{ path: "body.input.count" }]
    })
  })

  it("does not compile when it asks for what is not there", async () => {
    writeFileSync(
      join(program, "wrong.ts"),
      `import { client } from "./program.js"
const { get, post } = client("")
export const wrong = [
  get("/api/v1/run", { path: { runId: "a" } }),
  get("/api/v1/runs/{runId}", { path: { id: "a" } }),
  post("/api/v1/runs", {}, { workflow: "order", ID: "a" }),
  get("/api/v1/runs", { query: { status: ["done"] } })
]
`
    )
    const said = await tsc("-p", program, "--noEmit").catch((error: unknown) => String(error))
    expect([...said.matchAll(/wrong\.ts\((\d+),/g)].map(([, line]) => Number(line))).toEqual([4, 5, 6, 7])
  })
})
