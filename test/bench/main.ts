/**
 * `npm run bench -- [NAME...] [--json]`: runs the benches one after another and prints a table, or JSON objects, one a
 * line.
 *
 * - Each runs in a process of its own, with an empty folder on the disk of the repository.
 * - Every commit is flushed to the disk (`synchronous=FULL`).
 * - What is called warm is done a few times before the clock starts, because a server is warm for most of its life.
 * - Several repetitions; the median counts. A limit is measured between the repetitions, on the same disk at that time.
 * - Results are checked. A wrong one fails the command; a missed target only says so.
 */
import { type ChildProcess, fork } from "node:child_process"
import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { type Bench, isMet, type Measured, type Result, withRatio } from "./Bench.js"
import { benches } from "./benches.js"
import { header, line } from "./Table.js"

const ONE = fileURLToPath(new URL("one.ts", import.meta.url))
const FOLDER = fileURLToPath(new URL(`../../.bench/${process.pid}`, import.meta.url))
/** A bench that hangs is wrong. */
const MILLIS_MAX = 240_000

let running: ChildProcess | undefined

const measure = (bench: Bench): Promise<Measured | string> => {
  const folder = join(FOLDER, bench.name)
  mkdirSync(folder, { recursive: true })
  return new Promise<Measured | string>((resolve) => {
    const child = fork(ONE, [bench.name, folder], {
      execArgv: [...(bench.nodeFlags ?? []), ...process.execArgv],
      stdio: ["ignore", 2, 2, "ipc"]
    })
    running = child
    const late = setTimeout(() => {
      child.kill("SIGKILL")
      resolve(`no result within ${MILLIS_MAX / 1_000} s`)
    }, MILLIS_MAX)
    child.on("message", (measured) => resolve(measured as Measured))
    child.on("exit", (code, signal) => {
      clearTimeout(late)
      rmSync(folder, { recursive: true, force: true })
      resolve(`its process ended with ${signal ?? code}; what it said is above`)
    })
  })
}

const jsonOf = (bench: Bench, result: Result): string => {
  const { value, ...more } = result
  const target = bench.target === undefined ? {} : { target: bench.target, met: isMet(bench.target, result) }
  return JSON.stringify({ bench: bench.name, value, unit: bench.unit, ...more, ...target })
}

const chosen = (names: ReadonlyArray<string>): ReadonlyArray<Bench> => {
  const unknown = names.filter((name) => !benches.some((bench) => bench.name === name))
  if (unknown.length === 0) return names.length === 0 ? benches : benches.filter(({ name }) => names.includes(name))
  process.stderr.write(`There is no bench "${unknown[0]}". There are: ${benches.map(({ name }) => name).join(", ")}\n`)
  return []
}

const main = async (): Promise<number> => {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { json: { type: "boolean" } } })
  const list = chosen(positionals)
  let wrong = list.length === 0 ? 1 : 0
  if (values.json !== true && wrong === 0) process.stdout.write(`${header}\n`)
  for (const bench of list) {
    const measured = await measure(bench)
    if (typeof measured === "string") {
      wrong += 1
      const json = JSON.stringify({ bench: bench.name, wrong: measured })
      process.stdout.write(`${values.json === true ? json : `${bench.name}  WRONG: ${measured}`}\n`)
    } else {
      const result = withRatio(measured)
      process.stdout.write(`${values.json === true ? jsonOf(bench, result) : line(bench, result)}\n`)
    }
  }
  return wrong === 0 ? 0 : 1
}

const clean = (): void => rmSync(FOLDER, { recursive: true, force: true })
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    running?.kill("SIGKILL")
    clean()
    process.exit(130)
  })
}
try {
  process.exitCode = await main()
} finally {
  clean()
}
