/** A server as a process of its own: `serve.mjs STORE PORT`. Says where it is, and serves until it is killed. */
import { Server } from "@reprise/server"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Logger, LogLevel } from "effect"
import { workflows } from "./workflows.js"

const [filename = "", port = ""] = process.argv.slice(2)

const main = Effect.gen(function*() {
  const { url } = yield* Server.Server
  process.stdout.write(`${url}\n`)
  yield* Effect.async<never>(() => {})
})

const engine = Layer.provideMerge(Worker.layer({ workflows }), Sqlite.layer({ filename }))

const live = Layer.provide(Server.layer({ port: Number(port) }), engine)

await Effect.runPromise(main.pipe(Effect.provide(live), Logger.withMinimumLogLevel(LogLevel.Error)))
