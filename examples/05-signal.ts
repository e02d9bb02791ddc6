/**
 * Signals: typed messages to a run. `receive` waits for the next one, for as long as it takes and without
 * holding memory. One that comes too early is kept until it is asked for; one that is sent twice with the
 * same id counts once.
 *
 *   npm run example -- 05-signal
 */
import { Client, Signal, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Option, Schema } from "effect"

const Approve = Signal.make("approve", { payload: Schema.Struct({ by: Schema.String }) })
const Note = Signal.make("note", { payload: Schema.String })

const Publish = Workflow.make("publish", { input: Schema.String, messages: [Approve, Note] }, (title) =>
  Effect.gen(function*() {
    yield* Step.run("print draft", Effect.sync(() => console.log(`draft: ${title}`)))
    // `Effect.timeoutOption` is durable like every other Effect: it may well be three days.
    const approval = yield* Approve.receive.pipe(Effect.timeoutOption("3 days"))
    if (Option.isNone(approval)) return "nobody approved"
    const notes: Array<string> = []
    for (let note = yield* Note.poll; Option.isSome(note); note = yield* Note.poll) notes.push(note.value)
    return `approved by ${approval.value.by}, notes: ${notes.join("; ")}`
  }))

const Store = Sqlite.layer({ filename: "05-signal.db" })
const Live = Worker.layer({ workflows: [Publish] }).pipe(Layer.provide(Store))

const main = Effect.gen(function*() {
  const run = yield* Client.start(Publish, "Durable execution for everyone")
  yield* Client.signal(run.runId, Note, "check the title")
  yield* Client.signal(run.runId, Note, "add a picture", { messageId: "note-2" })
  yield* Client.signal(run.runId, Note, "add a picture", { messageId: "note-2" })
  yield* Client.signal(run.runId, Approve, { by: "Ada" }, { by: "ada@example.org" })
  console.log(yield* run.result)

  const late = yield* Effect.flip(Client.signal(run.runId, Approve, { by: "Bob" }))
  console.log(late.message)
})

await Effect.runPromise(Effect.provide(main, Live))

/* output:
draft: Durable execution for everyone
approved by Ada, notes: check the title; add a picture
Run "<…>" is completed.
  hint: A closed run takes no messages; read its result, or start a new run.
  see: docs/errors.md#runclosed
*/
