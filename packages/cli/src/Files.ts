/** Files that a command reads and writes. */
import { Console, Effect } from "effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { FileUnusable } from "./Errors.js"

const attempt = <A>(path: string, run: () => A): Effect.Effect<A, FileUnusable> =>
  Effect.try({ try: run, catch: (cause) => new FileUnusable({ path, detail: cause instanceof Error ? cause.message : String(cause) }) })

export const readJson = (path: string): Effect.Effect<unknown, FileUnusable> =>
  attempt(path, (): unknown => JSON.parse(readFileSync(path, "utf8")))

/** To a new file, or to standard output. */
export const write = (path: string | undefined, text: string): Effect.Effect<void, FileUnusable> =>
  path === undefined
    ? Console.log(text)
    : Effect.zipRight(isFree(path), attempt(path, () => writeFileSync(path, `${text}\n`, { flag: "wx" })))

/** Asked before long work, too. */
export const isFree = (path: string): Effect.Effect<void, FileUnusable> =>
  Effect.suspend(() => existsSync(path) ? new FileUnusable({ path, detail: "a file of that name exists" }) : Effect.void)
