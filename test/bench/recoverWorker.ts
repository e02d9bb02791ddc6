/** One of the two lives of the recover bench: `recoverWorker.ts FOLDER first|second`. The first is killed. */
import { Client, Step, Workflow } from "@reprise/core"
import { Effect, Schema } from "effect"
import * as Ledger from "./Ledger.js"
import * as Stack from "./Stack.js"

const [folder = "", life = ""] = process.argv.slice(2)
const RUNS = Number(process.env["RECOVER_RUNS"])
const STEPS = Number(process.env["RECOVER_STEPS"])

const entered = Ledger.writer(folder, life)
/** When the first body of each run began in this process. */
const goneOn = new Map<string, number>()

const work = (run: number, i: number) =>
  Effect.gen(function*() {
    entered(`${run} ${i}`)
    const id = String(run)
    if (!goneOn.has(id)) goneOn.set(id, performance.now())
    yield* Effect.sleep("5 millis")
    return i
  })

const Steps = Workflow.make("steps", { input: Schema.Number }, (run) =>
  Effect.gen(function*() {
    let sum = 0
    for (let i = 0; i < STEPS; i++) sum += yield* Step.run("step", work(run, i))
    return sum
  }))

const runs = Array.from({ length: RUNS }, (_, run) => run)

const first = Effect.forEach(runs, (run) => Client.execute(Steps, run, { id: `run-${run}` }), {
  concurrency: "unbounded"
})

const second = Effect.forEach(runs, (run) => Client.result(Steps, `run-${run}`), { concurrency: "unbounded" })

const opened = performance.now()
const outputs = await Stack.run(folder, [Steps], life === "first" ? first : second)
process.send?.({
  outputs,
  goneOn: Object.fromEntries([...goneOn].map(([run, at]) => [run, at - opened])),
  millis: performance.now() - opened
})
