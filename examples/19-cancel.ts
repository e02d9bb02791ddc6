/**
 * Cancel: a cancelled run is interrupted like any Effect, and its finalizers may run steps:
 * `acquireRelease`, `onInterrupt` and `ensuring` clean up durably before the run ends as cancelled.
 * `terminate` ends a run at once and runs nothing.
 *
 *   npm run example -- 19-cancel
 */
import { Client, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Schema } from "effect"

const say = (line: string) => Effect.sync(() => console.log(`  ${line}`))

const Trip = Workflow.make("trip", { input: Schema.String }, (city) =>
  Effect.gen(function*() {
    yield* Effect.acquireRelease(
      Step.run("book flight", say(`booked a flight to ${city}`)),
      () => Step.run("cancel flight", say(`cancelled the flight to ${city}`))
    )
    yield* Step.run("book hotel", say(`booked a hotel in ${city}`))
    yield* Effect.sleep("30 days").pipe(
      Effect.onInterrupt(() => Step.run("cancel hotel", say(`cancelled the hotel in ${city}`)))
    )
    yield* Step.run("travel", say(`off to ${city}`))
  }))

const Store = Sqlite.layer({ filename: "19-cancel.db" })
const Live = Worker.layer({ workflows: [Trip] }).pipe(Layer.provide(Store))

const main = Effect.gen(function*() {
  console.log("cancel")
  const cancelled = yield* Client.start(Trip, "Rome")
  yield* untilAsleep(cancelled.runId)
  yield* Client.cancel(cancelled.runId, { by: "Ada", reason: "the weather" })
  console.log((yield* Effect.flip(cancelled.result)).message)

  console.log("terminate")
  const terminated = yield* Client.start(Trip, "Oslo")
  yield* untilAsleep(terminated.runId)
  yield* Client.terminate(terminated.runId, { by: "Ada" })
  console.log((yield* Effect.flip(terminated.result)).message)
})

const untilAsleep = (runId: string) =>
  Client.history(runId).pipe(
    Effect.delay("10 millis"),
    Effect.repeat({ until: (events) => events.some(({ _tag }) => _tag === "TimerStarted") })
  )

await Effect.runPromise(Effect.provide(main, Live))

/* output:
cancel
  booked a flight to Rome
  booked a hotel in Rome
  cancelled the hotel in Rome
  cancelled the flight to Rome
Run "<…>" was cancelled by Ada: the weather.
  hint: It was cancelled on request; its cleanup has run.
  see: docs/errors.md#runcancelled
terminate
  booked a flight to Oslo
  booked a hotel in Oslo
Run "<…>" was terminated by Ada.
  hint: It was terminated on request; none of its cleanup has run.
  see: docs/errors.md#runterminated
*/
