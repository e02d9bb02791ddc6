/**
 * Sensors: wait until something outside becomes true. The worker polls; a poll that says "not yet" leaves
 * no event in the history and holds nothing until the next one is due, so a sensor may wait for weeks.
 *
 *   npm run example -- 18-sensor
 */
import { Client, Sensor, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Option } from "effect"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"

const file = "18-sensor.txt"

/** `Some` ends the waiting; this program delivers the file itself, on the third look. */
const look = Effect.gen(function*() {
  const { poll } = yield* Step.attempt
  if (poll === 3) writeFileSync(file, "42")
  console.log(`poll ${poll}: ${existsSync(file) ? "it is there" : "not yet"}`)
  return existsSync(file) ? Option.some(readFileSync(file, "utf8")) : Option.none()
})

const Wait = Workflow.make("wait for a file", {}, () =>
  Effect.gen(function*() {
    const content = yield* Sensor.poll("file has arrived", look, {
      every: "20 millis",
      backoff: { factor: 2, max: "1 minute" },
      timeout: "1 hour"
    })
    const gone = yield* Sensor.until("file is gone", Effect.sync(() => !existsSync(file)), {
      every: "20 millis",
      timeout: "100 millis"
    }).pipe(Effect.as(true), Effect.catchTag("StepTimedOut", () => Effect.succeed(false)))
    return `it holds ${content}, and is ${gone ? "gone" : "still there"}`
  }))

const Store = Sqlite.layer({ filename: "18-sensor.db" })
const Live = Worker.layer({ workflows: [Wait] }).pipe(Layer.provide(Store))

const main = Effect.gen(function*() {
  const run = yield* Client.start(Wait, undefined)
  console.log(yield* run.result)
  const history = yield* Client.history(run.runId)
  console.log(`the history has ${history.length} events`)
})

rmSync(file, { force: true })
await Effect.runPromise(Effect.provide(main, Live))
rmSync(file)

/* output:
poll 1: not yet
poll 2: not yet
poll 3: it is there
it holds 42, and is still there
the history has 7 events
*/
