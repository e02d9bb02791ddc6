/**
 * Runs the order in a process of its own and kills it with SIGKILL, from inside, around the commit of event number
 * KILL_AT: `after` it is committed and before anybody is told, or `before` it is handed to the store.
 */
import { Log } from "@reprise/core/engine"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer } from "effect"
import { drive, orderOn } from "./order.js"

const [filename, ledger, when, killAt] = process.argv.slice(2) as [string, string, "before" | "after", string]

const die = (): void => void process.kill(process.pid, "SIGKILL")

const deadly = Layer.scoped(
  Log.Log,
  Effect.gen(function*() {
    const log = yield* Log.Log
    const at = Number(killAt)
    if (when === "after") {
      yield* log.watch((change) => {
        if (change._tag === "Appended" && change.seq >= at) die()
      })
      return log
    }
    return {
      ...log,
      append: (appends: ReadonlyArray<Log.Append>) =>
        Effect.suspend(() => {
          if (appends.some(({ events, expectedSeq }) => expectedSeq + events.length >= at)) die()
          return log.append(appends)
        })
    }
  })
).pipe(Layer.provide(Sqlite.layer({ filename })))

await drive(ledger).pipe(
  Effect.provide(Worker.layer({ workflows: [orderOn(ledger)] }).pipe(Layer.provide(deadly))),
  Effect.runPromise
)
