/**
 * Pause: an operator stops a run where it stands, for as long as it takes. A step that is running ends, and what it
 * says is kept; nothing starts. Signals and due timers wait, and the resume delivers everything in order.
 *
 *   npm run example -- 23-pause
 */
import { Client, Query, Signal, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Queue, Schema } from "effect"

const say = (line: string) => Effect.sync(() => console.log(`  ${line}`))

const Sent = Query.make("sent", { output: Schema.Number })
const Stop = Signal.make("stop")

/** Tells the main program that a letter is being written. */
const begun = Effect.runSync(Queue.unbounded<string>())
const write = (town: string) =>
  say(`to ${town}…`).pipe(
    Effect.zipRight(Queue.offer(begun, town)),
    Effect.zipRight(Effect.sleep("500 millis")),
    Effect.zipRight(say(`to ${town}: done`))
  )

const Campaign = Workflow.make("campaign", { input: Schema.Array(Schema.String), messages: [Sent, Stop] }, (towns) =>
  Effect.gen(function*() {
    let sent = 0
    yield* Query.handle(Sent, () => Effect.sync(() => sent))
    for (const town of towns) {
      yield* Step.run(`write to ${town}`, write(town))
      sent += 1
      const stop = yield* Stop.receive.pipe(Effect.timeoutOption("100 millis"))
      if (stop._tag === "Some") return `stopped after ${sent}`
    }
    return `${sent} sent`
  }))

const Live = Worker.layer({ workflows: [Campaign] }).pipe(Layer.provide(Sqlite.layer({ filename: "23-pause.db" })))

const main = Effect.gen(function*() {
  const run = yield* Client.start(Campaign, ["Rome", "Oslo", "Bern"])
  yield* Queue.take(begun)
  console.log("pause")
  yield* Client.pause(run.runId, { by: "Ada", reason: "a mistake in the letter" })
  yield* Effect.sleep("1 second")
  const { paused, status } = yield* Client.describe(run.runId)
  console.log(`it is ${status}${paused ? ", and paused" : ""}; sent so far: ${yield* Client.query(run.runId, Sent, undefined)}`)
  const history = yield* Client.history(run.runId)
  console.log(history.map((event) => event._tag).join(" "))

  console.log("resume")
  yield* Client.resume(run.runId, { by: "Ada" })
  yield* Queue.take(begun)
  yield* Client.pause(run.runId)
  yield* Client.signal(run.runId, Stop, undefined)
  yield* Effect.sleep("1 second")
  yield* Client.resume(run.runId)
  console.log(yield* run.result)
})

await Effect.runPromise(Effect.provide(main, Live))

/* output:
  to Rome…
pause
  to Rome: done
it is running, and paused; sent so far: 0
RunStarted StepScheduled RunPaused
resume
  to Oslo…
  to Oslo: done
stopped after 2
*/
