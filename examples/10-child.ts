/**
 * Children: runs that a run starts. Each has a history of its own; its parent sees its end as a value, typed error
 * included. What becomes of a child when its parent ends or stops waiting, `parentClose` says.
 *
 *   npm run example -- 10-child
 */
import { Child, Client, Signal, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Option, Schema } from "effect"

class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", { file: Schema.String }) {}

const Transcode = Workflow.make("transcode", { input: Schema.String, error: Unreadable }, (file) =>
  Effect.gen(function*() {
    if (file.endsWith(".txt")) return yield* new Unreadable({ file })
    return yield* Step.run("encode", Effect.as(Effect.sleep("20 millis"), `${file}.webm`))
  }))

const Chat = Signal.make("chat", { payload: Schema.String })

/** Lives longer than whoever starts it. */
const Audience = Workflow.make("audience", { messages: [Chat] }, () =>
  Effect.gen(function*() {
    const words = yield* Effect.replicateEffect(Chat.receive, 2)
    return words.join(", ")
  }))

const Rehearse = Workflow.make("rehearse", {}, () =>
  Effect.onInterrupt(Effect.sleep("10 days"), () => Step.run("tidy up", Effect.sync(() => console.log("the stage is tidy")))))

const Premiere = Workflow.make("premiere", { input: Schema.Array(Schema.String) }, (files) =>
  Effect.gen(function*() {
    // Fire and forget: it is not awaited here, and it goes on when this run ends.
    const audience = yield* Child.start(Audience, undefined, { id: "audience", parentClose: "abandon" })

    // At most two at a time. A child's typed error is caught like any other.
    const films = yield* Effect.forEach(
      files,
      (file) => Child.run(Transcode, file).pipe(Effect.catchTag("Unreadable", () => Effect.succeed("nothing"))),
      { concurrency: 2 }
    )

    // Who stops waiting for a child ends it, and goes on when its cleanup has run.
    const rehearsed = yield* Effect.timeoutOption(Child.run(Rehearse, undefined), "50 millis")

    yield* audience.signal(Chat, Option.isNone(rehearsed) ? "we improvise" : "we are ready")
    return films.join(", ")
  }))

const Store = Sqlite.layer({ filename: "10-child.db" })
const Live = Worker.layer({ workflows: [Premiere, Transcode, Audience, Rehearse] }).pipe(Layer.provide(Store))

const main = Effect.gen(function*() {
  const premiere = yield* Client.start(Premiere, ["intro", "notes.txt", "film"], { id: "premiere" })
  console.log(yield* premiere.result)

  const children = yield* Client.list({ parent: "premiere", limit: 10 })
  for (const { runId, status, workflow } of children.toReversed()) console.log(`${runId}: ${workflow}, ${status}`)

  yield* Client.signal("audience", Chat, "bravo")
  console.log(yield* Client.result(Audience, "audience"))
})

await Effect.runPromise(Effect.provide(main, Live))

/* output:
the stage is tidy
intro.webm, nothing, film.webm
audience: audience, running
premiere/0.1:0: transcode, completed
premiere/0.2:0: transcode, failed
premiere/<…>: transcode, completed
premiere/<…>: rehearse, cancelled
we improvise, bravo
*/
