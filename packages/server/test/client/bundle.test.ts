/** What a browser gets that starts runs: the client, the definitions, and nothing of what runs them. */
import { build, type Metafile } from "esbuild"
import { resolve } from "node:path"
import { gzipSync } from "node:zlib"
import { beforeAll, describe, expect, it } from "vitest"

const root = resolve(import.meta.dirname, "../../../..")

/** As an application would have it: a workflow that is shared with the server, and a page that uses it. */
const PAGE = `
import { Signal, Step, Workflow } from "@reprise/core"
import { Reprise } from "@reprise/server/client"
import { Effect, Schema } from "effect"

const Approve = Signal.make("approve", { payload: Schema.Struct({ by: Schema.String }) })
const Checkout = Workflow.make("checkout", { input: Schema.Number, output: Schema.String, messages: [Approve] }, (total) =>
  Effect.gen(function*() {
    const { by } = yield* Approve.receive
    return yield* Step.run("charge", Effect.succeed(by + total))
  }))
const client = Reprise.connect({ url: location.origin })
const handle = await client.start(Checkout, 42)
await handle.signal(Approve, { by: "Ada" })
document.title = await handle.result()
`

/** Bytes, minified and gzipped. Seven eighths of them are Effect's: Schema, the runtime, and Stream for signals. */
const BYTES_MAX = 210_000

const bundled = async (contents: string, platform: "browser" | "node" = "browser") => {
  const { metafile, outputFiles } = await build({
    stdin: { contents, resolveDir: resolve(root, "packages/server"), loader: "ts" },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    platform,
    conditions: ["reprise-source"],
    logLevel: "silent"
  })
  const [output] = Object.values(metafile.outputs) as [Metafile["outputs"][string]]
  const modules = Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []))
  return { modules, imports: output.imports.map(({ path }) => path), code: outputFiles[0]!.contents }
}

describe("a page with the client and a workflow", () => {
  let page: Awaited<ReturnType<typeof bundled>>
  beforeAll(async () => {
    page = await bundled(PAGE)
  })

  const own = () => page.modules.flatMap((path) => /packages\/(.*)/.exec(path)?.[1] ?? [])

  it("holds the definitions and the client", () => {
    expect(own()).toEqual(expect.arrayContaining(["core/src/define/Workflow.ts", "server/src/client/Reprise.ts"]))
  })

  it("holds nothing of the engine, the store, the worker or the server", () => {
    const allowed = /^(core\/src\/(define|model)|server\/src\/(api|client))\/|^server\/src\/Errors\.ts$/
    expect(own().filter((path) => !allowed.test(path))).toEqual([])
  })

  it("holds no module of Node and no library of the server", () => {
    expect(page.imports).toEqual([])
    expect(page.modules.filter((path) => /node_modules\/(hono|jose|@hono|better-sqlite3)\//.test(path))).toEqual([])
  })

  it("is of a size that a page can load", () => {
    expect(gzipSync(page.code).length).toBeLessThan(BYTES_MAX)
  })
})

it("the check sees what does not belong into a page", async () => {
  const { imports, modules } = await bundled(`import { Client } from "@reprise/core"\nimport { hostname } from "node:os"
    console.log(Client.list, hostname)`, "node")
  expect(imports).toEqual(["node:os"])
  expect(modules.some((path) => path.endsWith("core/src/client/Runs.ts"))).toBe(true)
})
