/**
 * Compensation: what a run has done is undone when it fails or is cancelled. `compensate` undoes a step that has
 * completed; `Compensation.add` is registered before a step whose outcome may stay unknown; `Compensation.within`
 * undoes a part, and the body goes on. Undos are steps: last first, each once, also after a crash.
 *
 *   npm run example -- 09-compensation
 */
import { Client, Compensation, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Logger, LogLevel, Schedule, Schema } from "effect"

const say = (line: string) => Effect.sync(() => console.log(`  ${line}`))

class NoCar extends Schema.TaggedError<NoCar>()("NoCar", { city: Schema.String }) {}

const hotel = (name: string) =>
  Step.run(`book ${name}`, name === "Ritz" ? Effect.fail("full") : Effect.as(say(`room at the ${name}`), `room at the ${name}`), {
    compensate: (room, cause) => say(`- ${room} (${cause._tag})`)
  })

/** Breakfast and a room belong together: without the room, breakfast is given back at once. */
const stay = (name: string) =>
  Compensation.within(
    Effect.zipRight(
      Step.run(`breakfast at ${name}`, say(`breakfast at the ${name}`), { compensate: () => say(`- breakfast at the ${name}`) }),
      hotel(name)
    )
  )

const Trip = Workflow.make("trip", { input: Schema.String, error: Schema.Union(NoCar, Schema.String) }, (city) =>
  Effect.gen(function*() {
    yield* Step.run("book flight", Effect.as(say(`flight to ${city}`), "LH 400"), {
      compensate: {
        run: (number) => city === "Oslo" ? Effect.fail(`${number} cannot be cancelled`) : say(`- flight ${number}`),
        retry: Schedule.recurs(2)
      }
    })
    yield* Effect.orElse(stay("Ritz"), () => stay("Plaza"))
    // Whether a payment that timed out took place, only the bank knows: its undo looks first.
    yield* Compensation.add("payment", () =>
      Effect.gen(function*() {
        const payment = yield* Step.run("find payment", Effect.succeed("payment 7"))
        yield* Step.run("refund", say(`- ${payment}`))
      }))
    yield* Step.run("pay", say("payment"), { timeout: "10 seconds" })
    yield* Step.run("rent car", Effect.fail(new NoCar({ city })), { error: NoCar })
  }))

const Live = Worker.layer({ workflows: [Trip] }).pipe(Layer.provide(Sqlite.layer({ filename: "09-compensation.db" })))

const main = Effect.gen(function*() {
  for (const city of ["Rome", "Oslo"]) {
    console.log(city)
    const failed = yield* Effect.flip(Effect.flatMap(Client.start(Trip, city), (run) => run.result))
    console.log(failed instanceof NoCar ? `no car in ${failed.city}, and nothing is left` : String(failed))
  }
})

await Effect.runPromise(Effect.provide(main, Live).pipe(Logger.withMinimumLogLevel(LogLevel.Error)))

/* output:
Rome
  flight to Rome
  breakfast at the Ritz
  - breakfast at the Ritz
…
  payment
  - payment 7
  - room at the Plaza (Fail)
  - breakfast at the Plaza
  - flight LH 400
no car in Rome, and nothing is left
Oslo
…
CompensationFailed: Run "<…>" failed with {"city":"Oslo","_tag":"NoCar"}, and not all of it was undone.
  not undone: "book flight": "LH 400 cannot be cancelled"
  hint: Undo by hand what stands here; the run will not. Its history says what was done.
  see: docs/errors.md#compensationfailed
*/
