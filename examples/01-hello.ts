/**
 * Hello: a workflow is an ordinary Effect program. Work on the outside world goes into `Step.run`; what a
 * step returns is written to the log, and from then on read from there.
 *
 *   npm run example -- 01-hello
 */
import { Client, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Schema } from "effect"

const Greet = Workflow.make("greet", { input: Schema.String }, (name) =>
  Effect.gen(function*() {
    const greeting = yield* Step.run("compose", Effect.succeed(`Hello, ${name}!`))
    yield* Step.run("print", Effect.sync(() => console.log(greeting)))
    return greeting.length
  }))

/** All there is to run: a log in one SQLite file, and a worker in this process. */
const Store = Sqlite.layer({ filename: "01-hello.db" })
const Live = Worker.layer({ workflows: [Greet] }).pipe(Layer.provide(Store))

const main = Effect.gen(function*() {
  const run = yield* Client.start(Greet, "Ada")
  const length = yield* run.result
  console.log(`the run returned ${length}`)

  console.log("its history:")
  for (const event of yield* Client.history(run.runId)) console.log(`  ${event._tag}`)
})

await Effect.runPromise(Effect.provide(main, Live))

/* output:
Hello, Ada!
the run returned 11
its history:
  RunStarted
  StepScheduled
  StepCompleted
  StepScheduled
  StepCompleted
  RunCompleted
*/
