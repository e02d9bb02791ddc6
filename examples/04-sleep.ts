/**
 * Sleep: `Effect.sleep` in a workflow is durable, for a millisecond or a year. The instant at which it ends
 * is in the log: a sleeping run needs neither memory nor a process, and a crash does not make it sleep
 * longer.
 *
 * This program is the parent of two processes on one database. The first starts a run and dies while the
 * run sleeps.
 *
 *   npm run example -- 04-sleep
 */
import { Client, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { DateTime, Effect, Layer, Schema } from "effect"
import { fork } from "node:child_process"
import { once } from "node:events"
import { rmSync } from "node:fs"

const filename = "04-sleep.db"
const life = process.argv[2]

const Remind = Workflow.make("remind", { input: Schema.String }, (what) =>
  Effect.gen(function*() {
    const started = yield* DateTime.now
    yield* Effect.sleep("2 seconds")
    const woken = yield* DateTime.now
    yield* Step.run("remind", Effect.sync(() => console.log(`  do not forget to ${what}`)))
    return DateTime.distance(started, woken)
  }))

const Store = Sqlite.layer({ filename })
const Live = Worker.layer({ workflows: [Remind] }).pipe(Layer.provide(Store))

const main = Effect.gen(function*() {
  const run = yield* Client.start(Remind, "call Ada", { id: "reminder", onConflict: "use_existing" })
  // Once `start` has succeeded, the run is on disk and will reach its end, whatever becomes of this process.
  if (life === "first") {
    console.log("  the run has started, and sleeps")
    process.kill(process.pid, "SIGKILL")
  }
  const millis = yield* run.result
  console.log(`  it slept for ${Math.floor(millis / 1000)} seconds`)
})

if (life === undefined) {
  rmSync(filename, { force: true })
  for (const name of ["first", "second"]) {
    console.log(`the ${name} process`)
    const [code, signal] = await once(fork(import.meta.filename, [name]), "exit")
    console.log(`  ended with ${signal ?? code}`)
  }
} else {
  await Effect.runPromise(Effect.provide(main, Live))
}

/* output:
the first process
  the run has started, and sleeps
  ended with SIGKILL
the second process
  do not forget to call Ada
  it slept for <…> seconds
  ended with 0
*/
