/**
 * Service.ts as a process: `serve STORE LEDGER LIFE`. It answers requests, a line of JSON each, until its standard input
 * ends; when the store cannot be opened it says why and ends with 1.
 */
import { Cause, Effect, Exit, Runtime } from "effect"
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import { type Request, serve } from "./Service.js"

const [filename = "", ledger = "", life = ""] = process.argv.slice(2)

const say = (line: unknown): void => void writeSync(1, `${JSON.stringify(line)}\n`)

const listen = Effect.runtime<never>()

const exit = await Effect.runPromiseExit(serve({ filename, ledger }, life, (ask) =>
  Effect.flatMap(listen, (runtime) =>
    Effect.async<void>((resume) => {
      say({ opened: true })
      createInterface({ input: process.stdin })
        .on("line", (line) => {
          const { id, request } = JSON.parse(line) as { readonly id: number; readonly request: Request }
          Runtime.runFork(runtime)(Effect.map(ask(request), (answer) => say({ id, answer })))
        })
        .on("close", () => resume(Effect.void))
    }))))

if (Exit.isFailure(exit)) {
  const error = Cause.squash(exit.cause)
  const tag = typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "no name"
  say({ notOpened: tag, message: error instanceof Error ? error.message : String(error) })
  process.exitCode = 1
}
