/**
 * One process of the demo: a worker on the run's database, with the services that the steps need.
 *
 * main.ts starts it as `process.ts FOLDER NAME`. The process named "first" is held in the middle of a step,
 * when a batch has been committed to the warehouse and its outcome is not in the log yet, until it is
 * killed.
 */
import { Client } from "@reprise/core"
import { Effect, Schedule } from "effect"
import { ImportMovies, Stage } from "./ImportMovies.js"
import { layer, RUN_ID } from "./Setup.js"

const KILL_AT_BATCH = 10

const [folder = ".demo", name = "first"] = process.argv.slice(2)

/** Tells the parent where this process stands, and waits for what it deserves. */
const holdAt = (batch: number) =>
  batch === KILL_AT_BATCH && name === "first"
    ? Effect.zipRight(Effect.sync(() => process.send?.("in the middle")), Effect.never)
    : Effect.void

/**
 * Starts the run, or finds it, and looks at it until it waits for somebody. A waiting run needs no process.
 */
const work = Effect.gen(function*() {
  const input = { rowsPerPage: 350, rowsPerBatch: 150 }
  const { runId } = yield* Client.start(ImportMovies, input, { id: RUN_ID, onConflict: "use_existing" })
  yield* Effect.repeat(Client.query(runId, Stage, undefined), {
    schedule: Schedule.spaced("50 millis"),
    until: (stage) => stage === "waiting for approval"
  })
})

await Effect.runPromise(Effect.provide(work, layer(folder, name, holdAt)))
process.disconnect?.()
