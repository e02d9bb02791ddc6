/** The command line as processes, and without one for what needs none: a start takes a second. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { stripVTControlCharacters } from "node:util"
import { Cli } from "@reprise/cli"
import { Effect } from "effect"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command in this process. */
export const within = (...args: ReadonlyArray<string>): Promise<Ended> => {
  const said = { out: "", err: "" }
  const say = (where: "out" | "err") => (...parts: ReadonlyArray<unknown>) =>
    Effect.sync(() => void (said[where] += `${stripVTControlCharacters(parts.join(" "))}\n`))
  const run = Effect.consoleWith((console) =>
    Effect.withConsole(Cli.run(["node", "reprise", ...args]), { ...console, log: say("out"), error: say("err") }))
  return Effect.runPromise(Effect.map(run, (code) => ({ code, ...said })))
}

/** A process that serves, or works. */
export interface Process {
  /** What it prints as JSON once it is ready: each time, for `dev`. */
  readonly ready: () => Promise<{ readonly url: string; readonly store: string; readonly pid: number }>
  /** Resolves when standard error has said this, since the last call. */
  readonly says: (what: string) => Promise<void>
  readonly signal: (signal: NodeJS.Signals) => void
  readonly ended: Promise<Ended>
}

export const begin = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}): Process => {
  const child = spawn(process.execPath, ["--conditions=reprise-source", "--import", "tsx", main, ...args, "--json"], {
    cwd: root,
    env: { ...process.env, ...env }
  })
  const said = { out: "", err: "", read: 0 }
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (said.err += text))
  const ended = once(child, "close").then(([code, signal]) => ({ code: code ?? (signal === "SIGKILL" ? 137 : -1), ...said }))
  const over = { is: false }
  void ended.then(() => void (over.is = true))
  const says = async (what: string): Promise<void> => {
    const at = said.err.indexOf(what, said.read)
    if (at >= 0) return void (said.read = at + what.length)
    if (over.is) throw new Error(`it has ended without saying ${JSON.stringify(what)}:\n${said.err}`)
    await Promise.race([once(child.stderr, "data"), ended])
    return says(what)
  }
  return {
    ready: async () => {
      const { value } = await lines.next()
      if (value === undefined) throw new Error(`it is not ready:\n${said.err}`)
      return JSON.parse(value)
    },
    says,
    signal: (signal) => void child.kill(signal),
    ended
  }
}
