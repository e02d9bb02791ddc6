/**
 * 2,000 runs are half-way when their process is killed; another one takes them up. The clock runs from the opening of
 * the store until every run has begun its next step. A ledger that the steps write themselves says what ran twice: it
 * may only be what was in flight, that is begun and not yet committed as completed.
 */
import Database from "better-sqlite3"
import { fork } from "node:child_process"
import { copyFileSync, existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { type Bench, check, equal, Wrong } from "./Bench.js"
import * as Ledger from "./Ledger.js"
import * as Stack from "./Stack.js"
import { sumTo } from "./Steps.js"

const RUNS = 2_000
const STEPS = 10
const FILE = fileURLToPath(new URL("recoverWorker.ts", import.meta.url))

interface Ended {
  readonly outputs: ReadonlyArray<number>
  /** Milliseconds from opening the store until the run's first body began. */
  readonly goneOn: Readonly<Record<string, number>>
  readonly millis: number
}

const live = (folder: string, life: "first" | "second") =>
  fork(FILE, [folder, life], {
    stdio: ["ignore", 2, 2, "ipc"],
    env: { ...process.env, RECOVER_RUNS: String(RUNS), RECOVER_STEPS: String(STEPS) }
  })

/** Lets the first life come half-way, and kills it. */
const killHalfway = async (folder: string): Promise<void> => {
  const child = live(folder, "first")
  const dead = new Promise<NodeJS.Signals | null>((resolve) => child.on("exit", (_, signal) => resolve(signal)))
  while (child.exitCode === null && Ledger.count(folder) < (RUNS * STEPS) / 2) await sleep(10)
  child.kill("SIGKILL")
  equal("the first process ended by", (await dead) ?? "itself", "SIGKILL")
}

const goOn = (folder: string): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = live(folder, "second")
    child.on("message", (ended) => resolve(ended as Ended))
    child.on("exit", () => reject(new Wrong("the second process said nothing")))
  })

interface Left {
  readonly scheduled: ReadonlySet<string>
  readonly completed: ReadonlySet<string>
}

/** What the log held when the process died, read from a copy so that nothing of it is touched. */
const leftBehind = (folder: string): Left => {
  const copy = join(folder, "left-behind")
  mkdirSync(copy)
  for (const end of ["", "-wal"]) {
    if (existsSync(Stack.storeOf(folder) + end)) copyFileSync(Stack.storeOf(folder) + end, Stack.storeOf(copy) + end)
  }
  const database = new Database(Stack.storeOf(copy))
  const steps = database.prepare(
    `SELECT substr(run_id,5) || ' ' || (row_number() OVER (PARTITION BY run ORDER BY seq) - 1)
      FROM events JOIN runs USING (run) WHERE type=?`
  ).pluck()
  const left = {
    scheduled: new Set(steps.all("StepScheduled") as Array<string>),
    completed: new Set(steps.all("StepCompleted") as Array<string>)
  }
  const running = database.prepare("SELECT count(*) FROM runs WHERE status='running'").pluck().get()
  equal("runs half-way", Number(running), RUNS)
  database.close()
  return left
}

/** The number of steps that ran twice; throws when one of them should not have. */
const verify = (ledger: ReadonlyArray<Ledger.Entry>, left: Left): number => {
  const times = new Map<string, number>()
  for (const { step } of ledger) times.set(step, (times.get(step) ?? 0) + 1)
  equal("steps that ran", times.size, RUNS * STEPS)
  for (const { process, step } of ledger) {
    check(process === "second" || left.scheduled.has(step), `step ${step} began before it was in the log`)
  }
  const begun = new Set(ledger.filter(({ process }) => process === "first").map(({ step }) => step))
  let twice = 0
  for (const [step, count] of times) {
    const inFlight = begun.has(step) && !left.completed.has(step)
    equal(`runs of step ${step}`, count, inFlight ? 2 : 1)
    if (inFlight) twice += 1
  }
  return twice
}

export const recover: Bench = {
  name: "recover",
  unit: "s",
  about: "2,000 runs half-way, kill -9: from opening the store again until every run has begun its next step",
  measure: async (folder) => {
    await killHalfway(folder)
    const left = leftBehind(folder)
    const ended = await goOn(folder)
    check(ended.outputs.every((output) => output === sumTo(STEPS)), "an output is wrong")
    equal("runs that went on", Object.keys(ended.goneOn).length, RUNS)
    return {
      value: Math.max(...Object.values(ended.goneOn)) / 1_000,
      finished: ended.millis / 1_000,
      stepsRunTwice: verify(Ledger.read(folder), left)
    }
  }
}
