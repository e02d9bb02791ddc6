/** Plants each mutant in a copy and lets the checks look for it. */
import { spawn } from "node:child_process"
import * as Copy from "./Copy.js"
import type { Hunter, Mutant } from "./mutants.js"

/** Where to look for a mutant: its seeds, from the first to the last. */
export interface Search {
  readonly mutant: Mutant
  readonly first: number
  readonly last: number
}

export interface Found {
  readonly mutant: Mutant
  /** The seed that has noticed it; `undefined` when none has. */
  readonly seed: number | undefined
  /** What was noticed first. */
  readonly seen: string
}

/** A mutant of which nothing was noticed by then counts as a survivor. */
export const SEEDS_MAX = 1_000

/** Whoever looks for it, from its first seed on. */
export const hunterOf = ({ hunter }: Mutant): Hunter => hunter ?? "seeds"

/** Plays go on without end only where a planted bug lets them. */
const PATIENCE_MILLIS = 300_000

interface Ended {
  readonly code: number | null
  readonly output: string
}

/** Plays seeds in a copy; `ranges` are such as "1-20,77". */
const play = (folder: string, hunter: Hunter, ranges: string): Promise<Ended> =>
  new Promise((resolve) => {
    const args = ["--conditions=reprise-source", "--import", "tsx", "test/mutants/catch.ts", hunter, ranges]
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    const hear = (chunk: Buffer): void => void (output += chunk.toString())
    child.stdout.on("data", hear)
    child.stderr.on("data", hear)
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MILLIS)
    child.on("close", (code) => {
      clearTimeout(timer)
      resolve({ code, output })
    })
  })

/** Only a complaint counts: what ends in another way has shown nothing. */
const complaintIn = ({ code, output }: Ended): { readonly seed: number; readonly seen: string } | undefined => {
  if (code !== 0) throw new Error(`the seeds could not be played:\n${output.slice(-2_000)}`)
  const said = output.split("\n").findLast((line) => line.startsWith("{\"seed\""))
  return said === undefined ? undefined : JSON.parse(said) as { readonly seed: number; readonly seen: string }
}

/** Hunts in `lanes` copies side by side; `told` hears of each mutant as soon as it is known what became of it. */
export const hunt = async (
  searches: ReadonlyArray<Search>,
  lanes: number,
  told: (found: Found) => void = () => {}
): Promise<ReadonlyArray<Found>> => {
  const all: Array<Found> = []
  const left = [...searches]
  const work = async (): Promise<void> => {
    const copy = Copy.make()
    try {
      for (let search = left.shift(); search !== undefined; search = left.shift()) {
        const found = await find(copy, search)
        all.push(found)
        told(found)
      }
    } finally {
      copy.remove()
    }
  }
  await Promise.all(Array.from({ length: lanes }, work))
  return all
}

const find = async (copy: Copy.Copy, { first, last, mutant }: Search): Promise<Found> => {
  const remove = Copy.plant(copy, mutant)
  try {
    const found = complaintIn(await play(copy.folder, hunterOf(mutant), `${first}-${last}`))
    return { mutant, seed: found?.seed, seen: found?.seen ?? "" }
  } finally {
    remove()
  }
}

/** The first complaint about these seeds in a copy with nothing planted: there should be none. */
export const falseAlarm = async (hunter: Hunter, ranges: string): Promise<string> => {
  const copy = Copy.make()
  try {
    const found = complaintIn(await play(copy.folder, hunter, ranges))
    return found === undefined ? "" : `${hunter} ${found.seed}: ${found.seen}`
  } finally {
    copy.remove()
  }
}

export const show = ({ mutant, seed, seen }: Found): string => {
  const what = `${mutant.breaks}: ${mutant.name}`
  if (seed === undefined) return `SURVIVED ${what}`
  return `caught   ${what}: ${hunterOf(mutant)}, after ${seed}: ${seen.split("\n")[0]!.slice(0, 120)}`
}
