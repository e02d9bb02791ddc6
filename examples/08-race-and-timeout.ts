/**
 * Races and timeouts: `Effect.race` and `Effect.timeoutOption` in a workflow are durable. Whoever comes too
 * late is cancelled: its body is interrupted and its cleanup runs, before the program goes on.
 *
 *   npm run example -- 08-race-and-timeout
 */
import { Client, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { type Duration, Effect, Layer, Option } from "effect"

const say = (line: string) => Effect.sync(() => console.log(line))

const download = (mirror: string, duration: Duration.DurationInput) =>
  Effect.as(Effect.sleep(duration), `a file from ${mirror}`).pipe(
    Effect.onInterrupt(() => say(`  ${mirror}: interrupted`))
  )

const Download = Workflow.make("download", {}, () =>
  Effect.gen(function*() {
    // The first one wins.
    const file = yield* Effect.race(
      Step.run("download from Paris", download("Paris", "1 hour")),
      Step.run("download from Tokyo", download("Tokyo", "50 millis"))
    )
    yield* Step.run("report winner", say(file))

    // A timeout around anything: steps, signals, whole parts of the program.
    const patient = yield* Step.run("download from the moon", download("the moon", "1 hour")).pipe(
      Effect.timeoutOption("50 millis")
    )
    yield* Step.run("report patience", say(Option.getOrElse(patient, () => "no file from the moon")))

    // The timeout of a step is that of one attempt; `deadline` would be that of all of them.
    const strict = Step.run("download from Mars", download("Mars", "1 hour"), { timeout: "50 millis" })
    return yield* Effect.catchTag(strict, "StepTimedOut", ({ millis, step }) =>
      Effect.succeed(`"${step}" took longer than ${millis} ms`))
  }))

const Store = Sqlite.layer({ filename: "08-race-and-timeout.db" })
const Live = Worker.layer({ workflows: [Download] }).pipe(Layer.provide(Store))

const main = Effect.gen(function*() {
  const run = yield* Client.start(Download, undefined)
  console.log(yield* run.result)

  const history = yield* Client.history(run.runId)
  for (const tag of ["StepCompleted", "StepCancelled", "StepFailed"]) {
    console.log(`${tag}: ${history.filter(({ _tag }) => _tag === tag).length}`)
  }
})

await Effect.runPromise(Effect.provide(main, Live))

/* output:
  Paris: interrupted
a file from Tokyo
  the moon: interrupted
no file from the moon
  Mars: interrupted
"download from Mars" took longer than 50 ms
StepCompleted: 3
StepCancelled: 2
StepFailed: 1
*/
