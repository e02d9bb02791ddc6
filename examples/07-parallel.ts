/**
 * Parallel: `Effect.forEach`, `Effect.all` and `Effect.partition` run steps side by side, with a limit if
 * you like. Results come in the order of the input, whichever step is done first; after a crash only the
 * unfinished ones are run.
 *
 *   npm run example -- 07-parallel
 */
import { Client, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Random, Schema } from "effect"

class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", { picture: Schema.String }) {}

let running = 0
let runningMax = 0

const shrink = (picture: string) =>
  Effect.gen(function*() {
    running += 1
    runningMax = Math.max(running, runningMax)
    yield* Effect.sleep(yield* Random.nextIntBetween(20, 60))
    running -= 1
    return picture.startsWith("bad") ? yield* new Unreadable({ picture }) : `small-${picture}`
  })

const Album = Workflow.make("album", { input: Schema.Array(Schema.String) }, (pictures) =>
  Effect.gen(function*() {
    // Different things at once, under their names.
    const { cover, title } = yield* Effect.all({
      cover: Step.run("choose cover", Effect.succeed(pictures[0] ?? "none")),
      title: Step.run("invent title", Effect.succeed("Summer"))
    }, { concurrency: "unbounded" })

    // The same for many, three at a time. `partition` goes on when some fail; `forEach` would cancel the rest.
    const [failures, small] = yield* Effect.partition(
      pictures,
      (picture) => Step.run("shrink", shrink(picture), { error: Unreadable, summary: picture }),
      { concurrency: 3 }
    )
    return { title, cover, small, unreadable: failures.map(({ picture }) => picture) }
  }))

const Store = Sqlite.layer({ filename: "07-parallel.db" })
const Live = Worker.layer({ workflows: [Album] }).pipe(Layer.provide(Store))

const main = Effect.gen(function*() {
  const pictures = ["beach.jpg", "bad.jpg", "boat.jpg", "cliff.jpg", "dune.jpg", "ferry.jpg", "gull.jpg"]
  const album = yield* Client.execute(Album, pictures)
  console.log(`${album.title}, with ${album.cover} on its cover`)
  console.log(album.small.join("\n"))
  console.log(`unreadable: ${album.unreadable.join(", ")}`)
  console.log(`at most ${runningMax} steps ran at once`)
})

await Effect.runPromise(Effect.provide(main, Live))

/* output:
Summer, with beach.jpg on its cover
small-beach.jpg
small-boat.jpg
small-cliff.jpg
small-dune.jpg
small-ferry.jpg
small-gull.jpg
unreadable: bad.jpg
at most 3 steps ran at once
*/
