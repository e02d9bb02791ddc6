/** Plants each mutant in a copy and lets the checks look for it. */
import { spawn } from "node:child_process"
import * as Copy from "./Copy.js"
import type { Hunter, Mutant } from "./mutants.js"

export interface Caught {
  readonly mutant: Mutant
  readonly isCaught: boolean
  /** Seeds played until it was noticed; `undefined` where the hunter does not play seeds. */
  readonly seeds: number | undefined
  /** What was noticed first. */
  readonly seen: string
}

/** Seeds after which a mutant counts as a survivor. */
const SEEDS_MAX = 1_000

const NODE = ["--conditions=reprise-source", "--import", "tsx"]
const VITEST = ["node_modules/vitest/vitest.mjs", "run", "--config", "test/vitest.config.ts"]

const COMMANDS: { readonly [H in Hunter]: ReadonlyArray<string> } = {
  seeds: [...NODE, "test/mutants/catch.ts", String(SEEDS_MAX)],
  families: [...VITEST, "test/programs/families.test.ts"],
  corpus: [...VITEST, "test/replay-check"]
}

/** A mutant that hangs the process has been noticed, too: by whoever waits. */
const PATIENCE_MILLIS = 180_000

const run = (folder: string, hunter: Hunter): Promise<{ readonly code: number; readonly output: string }> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, COMMANDS[hunter], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    const hear = (chunk: Buffer): void => void (output += chunk.toString())
    child.stdout.on("data", hear)
    child.stderr.on("data", hear)
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MILLIS)
    child.on("close", (code) => {
      clearTimeout(timer)
      resolve({ code: code ?? -1, output: code === null ? "nothing was answered any more" : output })
    })
  })

/** Hunts in `lanes` copies side by side; `told` hears of each mutant as soon as it is known what became of it. */
export const hunt = async (
  mutants: ReadonlyArray<Mutant>,
  lanes: number,
  told: (caught: Caught) => void
): Promise<ReadonlyArray<Caught>> => {
  const results: Array<Caught> = []
  const left = [...mutants]
  const work = async (): Promise<void> => {
    const copy = Copy.make()
    try {
      for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
        const caught = await catchOne(copy, mutant)
        results.push(caught)
        told(caught)
      }
    } finally {
      copy.remove()
    }
  }
  await Promise.all(Array.from({ length: lanes }, work))
  return results
}

const catchOne = async (copy: Copy.Copy, mutant: Mutant): Promise<Caught> => {
  const remove = Copy.plant(copy, mutant)
  const { code, output } = await run(copy.folder, mutant.hunter ?? "seeds")
  remove()
  const told = output.split("\n").findLast((line) => line.startsWith("{\"seeds\""))
  if (told === undefined) return { mutant, isCaught: code !== 0, seeds: undefined, seen: firstComplaint(output) }
  return { mutant, isCaught: code !== 0, ...(JSON.parse(told) as { readonly seeds: number; readonly seen: string }) }
}

const firstComplaint = (output: string): string =>
  output.split("\n").find((line) => /Error|FAIL|misfit|false alarm/.test(line))?.trim() ?? output.slice(-200)

export const show = ({ isCaught, mutant, seeds, seen }: Caught): string => {
  const how = seeds === undefined ? `by ${mutant.hunter}` : `after ${seeds} seeds`
  const what = `${mutant.breaks.padEnd(4)} ${mutant.name}: ${how}`
  return isCaught ? `caught   ${what}: ${seen.slice(0, 90)}` : `SURVIVED ${what}`
}
