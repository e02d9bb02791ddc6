/**
 * Heartbeats: a long step saves how far it has come, and its next attempt goes on from there. The details
 * are kept beside the log, and the latest win; a crash may lose the very last, so what follows a heartbeat
 * must bear to be done again.
 *
 * This program is the parent of two processes on one database. The first kills itself in the middle of the
 * step.
 *
 *   npm run example -- 22-heartbeat
 */
import { Client, Step, Workflow } from "@reprise/core"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer, Option, Schema } from "effect"
import { fork } from "node:child_process"
import { once } from "node:events"
import { rmSync } from "node:fs"

const filename = "22-heartbeat.db"
const life = process.argv[2]

const copy = (files: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const done = Option.getOrElse(yield* Step.progress, () => 0)
    console.log(done === 0 ? "  from the beginning" : "  from where the last attempt was")
    for (const [index, file] of files.entries()) {
      if (index < Number(done)) continue
      if (life === "first" && file === "d") process.kill(process.pid, "SIGKILL")
      yield* Effect.sleep("100 millis")
      console.log(`  copied ${file}`)
      yield* Step.heartbeat(index + 1)
    }
  })

const Backup = Workflow.make("backup", { input: Schema.Array(Schema.String) }, (files) =>
  Step.run("copy files", copy(files)))

const Store = Sqlite.layer({ filename })
const Live = Worker.layer({ workflows: [Backup] }).pipe(Layer.provide(Store))

const main = Client.execute(Backup, ["a", "b", "c", "d", "e"], { id: "backup", onConflict: "use_existing" })

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
  from the beginning
  copied a
  copied b
  copied c
  ended with SIGKILL
the second process
  from where the last attempt was
…
  copied d
  copied e
  ended with 0
*/
