/**
 * Why does this run not go on? `Client.why` replays it on a program that is thrown away, and says for each fiber what it
 * waits for, since when, until when, and what would wake it.
 *
 *   npm run example -- 27-why
 */
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Schedule } from "effect"

const Approve = Signal.make("approve")

const Publish = Workflow.make("publish", { messages: [Approve] }, () =>
  Effect.gen(function*() {
    yield* Step.run("write", Effect.void)
    yield* Effect.all([
      Approve.receive.pipe(Effect.timeoutOption("3 days"), Effect.withSpan("approval")),
      Step.run("check spelling", Effect.fail("the service is down"), { retry: Schedule.spaced("1 hour") })
    ], { concurrency: "unbounded" }).pipe(Effect.ignore)
  }))

const Live = Worker.layer({ workflows: [Publish] }).pipe(Layer.provide(Sqlite.layer({ filename: "27-why.db" })))

const main = Effect.gen(function*() {
  yield* Client.start(Publish, undefined, { id: "post-1" })
  yield* until("StepRetryScheduled")
  console.log(Client.whyText(yield* Client.why("post-1")))

  yield* Client.pause("post-1", { by: "Ada", reason: "the service is down" })
  yield* until("RunPaused")
  yield* Client.signal("post-1", Approve, undefined)
  const { inbox, paused } = yield* Client.why("post-1")
  console.log(`paused by ${paused?.by}: ${paused?.reason}`)
  console.log(inbox)
})

const until = (tag: string) =>
  Effect.repeat(Effect.delay(Client.history("post-1"), "10 millis"), {
    until: (events) => events.some(({ _tag }) => _tag === tag)
  })

await Effect.runPromise(Effect.provide(main, Live))

/* output:
run "post-1" of workflow "publish" version 1: running, in memory, owned by this process
fiber 0 waits for fiber 0.1, 0.2
  after <…>27-why.ts:16:<…>
  woken by fiber 0.1, 0.2
fiber 0.1 in approval waits for fiber 0.1.0, 0.1.1
  after <…>27-why.ts:16:<…>
  woken by fiber 0.1.0, 0.1.1
fiber 0.1.0 in approval waits for signal "approve", since <…> ago)
  after <…>27-why.ts:16:<…>
  woken by Client.signal("post-1", approve, …)
fiber 0.1.1 in approval waits for a timer [0.1.1#0], since <…> ago), until <…> (in 2d 23h)
  after <…>27-why.ts:16:<…>
  woken by the timer
fiber 0.2 waits for attempt 2 of step "check spelling" [0.2#0], which is due later, since <…>, until <…> (in 59m 59s)
  at <…>27-why.ts:19:<…>
  woken by the next attempt, when it is due
paused by Ada: the service is down
[
  {
    kind: 'Signal',
    name: 'approve',
    count: 1,
    note: 'waits for Client.resume'
  }
]
*/
