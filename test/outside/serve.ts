/**
 * A server as a process of its own: `serve.mjs STORE PORT [PAGES]`. Says where it is, and serves until it is killed. What is in
 * the folder of pages has the origin of the server, as it would behind one proxy.
 */
import { App, Server } from "@reprise/server"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Logger, LogLevel } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { workflows } from "./workflows.js"

const [filename = "", port = "", pages] = process.argv.slice(2)

const TYPES: Readonly<Record<string, string>> = { html: "text/html", js: "text/javascript" }

/** A page, for a path such as `/pages/a.html`. */
const pageOf = (url: string): Response | undefined => {
  const [, name = "", ending = ""] = /^[^/]+\/\/[^/]+\/pages\/(\w+\.(\w+))$/.exec(url) ?? []
  const type = TYPES[ending]
  if (pages === undefined || type === undefined) return undefined
  return new Response(readFileSync(join(pages, name)), { headers: { "content-type": type } })
}

const main = Effect.gen(function*() {
  const app = yield* App.make()
  const paged: App.App = { ...app, fetch: async (request, from) => pageOf(request.url) ?? app.fetch(request, from) }
  const { url } = yield* Server.listen(paged, { port: Number(port) })
  process.stdout.write(`${url}\n`)
  yield* Effect.async<never>(() => {})
})

const engine = Layer.provideMerge(Worker.layer({ workflows }), Sqlite.layer({ filename }))

await Effect.runPromise(main.pipe(Effect.scoped, Effect.provide(engine), Logger.withMinimumLogLevel(LogLevel.Error)))
