/**
 * Plays random programs under random faults:
 *
 *   npm run simulate -- --seeds 1000 --seed 1 --workers 2
 *
 * Prints figures, and the smallest story of each failure. Same seeds, same hash.
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import * as Figures from "./Figures.js"
import * as Seed from "./Seed.js"

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    workers: { type: "string", default: "2" },
    /** A file for the figures, so that those of several runs can be added up. */
    json: { type: "string" },
    /** Set in a worker: which of them it is. */
    lane: { type: "string" }
  }
})
const [seeds, seed, workers] = [Number(values.seeds), Number(values.seed), Math.max(1, Number(values.workers))]

/** Failures after which a search stops: shrinking takes time. */
const FAILURES_MAX = 3

/** Each seed leaves a world behind; young memory that is larger is collected in a third of the time. */
const MEMORY = ["--max-semi-space-size=64"]

interface Found {
  readonly figures: Figures.Figures
  readonly failures: ReadonlyArray<string>
}

/** Plays the seeds of one lane: every `workers`-th. */
const playLane = async (lane: number): Promise<Found> => {
  const figures = Figures.none()
  const failures: Array<string> = []
  for (let i = lane; i < seeds && failures.length < FAILURES_MAX; i += workers) {
    const { failure, judged } = await Seed.play(seed + i)
    Figures.add(figures, seed + i, judged.seen, judged.checks)
    if (Seed.isOnSqlite(seed + i)) figures.sqliteSeeds += 1
    if (failure !== "") failures.push(failure)
  }
  return { figures, failures }
}

const inAnotherProcess = async (lane: number): Promise<Found> => {
  const args = [...process.argv.slice(2), "--lane", String(lane)]
  const child = fork(import.meta.filename, args, { execArgv: [...MEMORY, ...process.execArgv] })
  const [found] = (await once(child, "message")) as [Found]
  return found
}

if (values.lane !== undefined) {
  const found = await playLane(Number(values.lane))
  process.send?.(found, () => process.exit(0))
} else {
  const begun = performance.now()
  const others = Array.from({ length: workers }, (_, lane) => lane)
  const lanes = await Promise.all(others.map(inAnotherProcess))
  const figures = Figures.sum(lanes.map((lane) => lane.figures))
  const failures = lanes.flatMap((lane) => lane.failures)
  const wallMillis = performance.now() - begun
  console.log([...failures, Figures.show(figures, wallMillis), `violations ${failures.length}`].join("\n\n"))
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify({ ...figures, wallMillis, failures }))
  process.exitCode = failures.length === 0 ? 0 : 1
}
