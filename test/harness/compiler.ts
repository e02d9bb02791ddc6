/** Runs the TypeScript compiler on a project and reads what it says. */
import { execFile } from "node:child_process"
import { relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../..", import.meta.url))

export interface Diagnostic {
  /** Path from the project's folder, with forward slashes; "" for an error of the project itself. */
  readonly file: string
  readonly line: number
  readonly text: string
}

/** Compiles the project in `folder`, which holds a tsconfig.json, without emitting. */
export const compile = (folder: string, ...options: ReadonlyArray<string>): Promise<ReadonlyArray<Diagnostic>> =>
  new Promise((done, failed) => {
    const tsc = resolve(root, "node_modules/typescript/bin/tsc")
    const args = [tsc, "-p", folder, "--noEmit", "--pretty", "false", "--noErrorTruncation", ...options]
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const found = parse(folder, stdout)
      if (error !== null && found.every(({ file }) => file === "")) failed(new Error(`tsc failed: ${stdout}${stderr}`))
      else done(found)
    })
  })

/** A message starts with `path(line,column): error` or, for the project, with `error`; indented lines continue it. */
export const parse = (folder: string, output: string): ReadonlyArray<Diagnostic> => {
  const found: Array<{ file: string; line: number; text: string }> = []
  for (const line of output.split("\n")) {
    const start = /^(?:(.+?)\((\d+),\d+\): )?(error TS\d+: .*)$/.exec(line)
    if (start !== null) {
      const file = start[1] === undefined ? "" : relative(folder, resolve(folder, start[1])).replaceAll("\\", "/")
      found.push({ file, line: Number(start[2] ?? 0), text: start[3] ?? "" })
    } else if (/^\s+\S/.test(line)) {
      const last = found.at(-1)
      if (last !== undefined) last.text += `\n${line}`
    }
  }
  return found
}

export const show = (found: ReadonlyArray<Diagnostic>): string =>
  found.map(({ file, line, text }) => `${file}:${line} ${text}`).join("\n")
