/** Servers as processes, for tests that come from outside: started, asked over their ports, and killed. */
import { buildSync } from "esbuild"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"

export interface Served {
  readonly url: string
  readonly port: number
  /** Ends it as `kill -9` does; at once, when this returns the signal is sent. */
  readonly kill: () => Promise<void>
  /** What it has printed on standard error so far. */
  readonly said: () => string
}

export interface Workshop {
  /** A folder for the files of a test. */
  readonly folder: string
  /** A server on the store with this name; port 0 for one that is free. */
  readonly serve: (name: string, port?: number) => Promise<Served>
  /** Kills what still runs, and removes the folder. */
  readonly close: () => Promise<void>
}

/** A folder for the files of a test. */
export const emptyFolder = (): { readonly path: string; readonly remove: () => void } => {
  const path = mkdtempSync(join(tmpdir(), "reprise-outside-"))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** The server is one file of JavaScript there, which starts much faster than its sources. */
export const workshop = (): Workshop => {
  const { path: folder, remove } = emptyFolder()
  symlinkSync(join(import.meta.dirname, "../../node_modules"), join(folder, "node_modules"))
  buildSync({
    entryPoints: [join(import.meta.dirname, "serve.ts")],
    outfile: join(folder, "serve.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["reprise-source"],
    // Found through the link above.
    external: ["better-sqlite3"],
    logLevel: "error"
  })
  const alive = new Set<Served>()
  const serve = async (name: string, port = 0): Promise<Served> => {
    const child = spawn(process.execPath, [join(folder, "serve.mjs"), join(folder, `${name}.db`), String(port)])
    const served = await listening(child, (gone) => void alive.delete(gone))
    alive.add(served)
    return served
  }
  const close = async (): Promise<void> => {
    await Promise.all([...alive].map(({ kill }) => kill()))
    remove()
  }
  return { folder, serve, close }
}

const listening = async (child: ChildProcess, onEnd: (served: Served) => void): Promise<Served> => {
  let said = ""
  child.stderr?.setEncoding("utf8").on("data", (text: string) => void (said += text))
  const ended = once(child, "close")
  const lines = createInterface(child.stdout!)
  const first = await Promise.race([once(lines, "line"), ended.then(() => undefined)])
  if (first === undefined) throw new Error(`the server did not start:\n${said}`)
  const [url = ""]: ReadonlyArray<string> = first
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL")
    await ended
  }
  const served = { url, port: Number(new URL(url).port), kill, said: () => said }
  void ended.then(() => onEnd(served))
  return served
}

/** An answer as JSON, whatever its status. */
export const ask = async (url: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) => {
  const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }
  const answer = await fetch(url + path, { ...sent, headers: { "content-type": "application/json", ...headers } })
  return { status: answer.status, json: JSON.parse(await answer.text()) }
}
