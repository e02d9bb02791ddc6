/** Starts serve.ts as a real process, asks it, and watches it die. */
import { buildSync } from "esbuild"
import { Data, Deferred, Effect, FiberId } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Answer, Ask, Place } from "./Service.js"

/** The process has ended, and leaves a question without an answer. */
export class Gone extends Data.TaggedError("Gone")<{ readonly end: End }> {}

/** The process could not open its store, and says why. */
export class NotOpened extends Data.TaggedError("NotOpened")<{ readonly tag: string; readonly detail: string; readonly end: End }> {}

export interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** What it has said on its standard output, other than answers, and on its standard error. */
  readonly said: string
}

export interface Server {
  readonly pid: number
  /** Succeeds once it takes questions. */
  readonly opened: Effect.Effect<void, Gone | NotOpened>
  readonly ask: Ask<Gone>
  /** Lets it close its store and end. */
  readonly close: Effect.Effect<End>
  readonly send: (signal: NodeJS.Signals) => void
  readonly ended: Effect.Effect<End>
  /** So far, as in `End`. */
  readonly said: () => string
}

/** A folder for the files of a test, with serve.ts and open.ts in it, each as one file of JavaScript, which starts much faster. */
export const workshop = (): { readonly root: string; readonly remove: () => void } => {
  const root = mkdtempSync(join(tmpdir(), "reprise-torture-"))
  symlinkSync(join(import.meta.dirname, "../../node_modules"), join(root, "node_modules"))
  buildSync({
    entryPoints: ["serve.ts", "open.ts"].map((name) => join(import.meta.dirname, name)),
    outdir: root,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["reprise-source"],
    // Found through the link above.
    external: ["better-sqlite3"],
    logLevel: "error"
  })
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) }
}

/** `wrapper` is a command that starts a command, such as strace with its options. */
export const start = (root: string, place: Place, life: string, wrapper: ReadonlyArray<string> = []) =>
  Effect.acquireRelease(
    Effect.sync(() => run([...wrapper, process.execPath, join(root, "serve.mjs"), place.filename, place.ledger, life])),
    ({ ended, send }) => Effect.zipRight(Effect.sync(() => send("SIGKILL")), ended)
  )

const run = ([command = "", ...args]: ReadonlyArray<string>): Server => {
  // In a group of its own, so that a signal reaches it through the wrapper.
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], detached: true })
  const opened = Deferred.unsafeMake<void, Gone | NotOpened>(FiberId.none)
  const ended = Deferred.unsafeMake<End>(FiberId.none)
  const asked = new Map<number, (answer: Effect.Effect<Answer, Gone>) => void>()
  let said = ""
  let refusal: { readonly tag: string; readonly detail: string } | undefined
  let count = 0

  const hear = (line: string): void => {
    const told = parsed(line)
    if (told === undefined) said += `${line}\n`
    else if ("opened" in told) Deferred.unsafeDone(opened, Effect.void)
    else if ("notOpened" in told) refusal = { tag: told.notOpened, detail: told.message }
    else {
      asked.get(told.id)?.(Effect.succeed(told.answer))
      asked.delete(told.id)
    }
  }
  linesOf(child, hear)
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (said += text))
  // It may die with a question in its pipe.
  child.stdin.on("error", () => {})
  const finish = (end: End): void => {
    const gone = new Gone({ end })
    Deferred.unsafeDone(opened, Effect.fail(refusal === undefined ? gone : new NotOpened({ ...refusal, end })))
    Deferred.unsafeDone(ended, Effect.succeed(end))
    for (const answer of asked.values()) answer(Effect.fail(gone))
    asked.clear()
  }
  child.on("error", (error) => finish({ code: null, signal: null, said: String(error) }))
  child.on("close", (code, signal) => finish({ code, signal, said }))

  const isEnded = Deferred.isDone(ended)
  const ask: Ask<Gone> = (request) =>
    Effect.flatMap(isEnded, (gone) =>
      gone
        ? Effect.flatMap(Deferred.await(ended), (end) => new Gone({ end }))
        : Effect.async((resume) => {
          count += 1
          asked.set(count, resume)
          child.stdin.write(`${JSON.stringify({ id: count, request })}\n`)
        }))
  return {
    pid: child.pid ?? 0,
    opened: Deferred.await(opened),
    ask,
    close: Effect.zipRight(Effect.sync(() => child.stdin.end()), Deferred.await(ended)),
    send: (signal) => {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) sendTo(-child.pid, signal)
    },
    ended: Deferred.await(ended),
    said: () => said
  }
}

/** Complete lines only: what a killed process has said half of is no answer. */
export const linesOf = (child: ChildProcess, hear: (line: string) => void): void => {
  let rest = ""
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n")
    rest = lines.pop() ?? ""
    lines.forEach(hear)
  })
}

type Told = { readonly opened: true } | { readonly notOpened: string; readonly message: string } | {
  readonly id: number
  readonly answer: Answer
}

/** Log lines come by the same way. */
const parsed = (line: string): Told | undefined => (/^\{"(opened|notOpened|id)":/.test(line) ? JSON.parse(line) as Told : undefined)

const sendTo = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended meanwhile.
  }
}
