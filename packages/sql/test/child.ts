/** Starts fixture/child.ts as a real process, and hears what it says. */
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { bundle } from "../../../test/harness/bundle.js"

const SCRIPT = fileURLToPath(new URL("./fixture/child.ts", import.meta.url))

export interface Child {
  /** The lines so far, the last complete. */
  readonly lines: Array<string>
  /** Resolves when the child has said `count` lines, or has ended. */
  readonly said: (count: number) => Effect.Effect<void>
  readonly kill: Effect.Effect<void>
}

export const child = (what: "write" | "raise" | "hold" | "powerless", filename: string) =>
  Effect.acquireRelease(
    Effect.map(Effect.promise(() => bundle(SCRIPT)), (program) => start(program, what, filename)),
    (one) => one.kill
  )

const start = (program: string, what: string, filename: string): Child => {
  const child = spawn(process.execPath, [program, what, filename], { stdio: ["pipe", "pipe", "inherit"] })
  const lines: Array<string> = []
  const waiting = new Set<() => void>()
  const check = (): void => waiting.forEach((one) => one())
  let rest = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n")
    rest = parts.pop() ?? ""
    lines.push(...parts)
    check()
  })
  child.once("close", check)
  const said = (count: number) =>
    Effect.async<void>((resume) => {
      const check = (): void => {
        if (lines.length < count && child.exitCode === null && child.signalCode === null) return
        waiting.delete(check)
        resume(Effect.void)
      }
      waiting.add(check)
      check()
    })
  return { lines, said, kill: kill(child) }
}

/** SIGKILL: no handler, no finalizer, no flush. */
const kill = (child: ChildProcess): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("close", () => resume(Effect.void))
    child.kill("SIGKILL")
  })
