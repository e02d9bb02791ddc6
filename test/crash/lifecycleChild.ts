/** Lives through the story of lifecycle.ts on several files at once, and kills itself when each has come to its moment. */
import { Worker } from "@reprise/worker"
import { Effect, Layer } from "effect"
import { drive, familyOn } from "./lifecycle.js"
import * as Mortal from "./mortal.js"

/** A file, its ledger, and when it is to die. */
export interface Life {
  readonly filename: string
  readonly ledger: string
  readonly moment: Mortal.Moment
}

const lives = JSON.parse(process.argv[2] ?? "[]") as ReadonlyArray<Life>

let left = lives.length
const onDeath = (): void => {
  left -= 1
  // What is under way in others may go on until here, as it may before a kill.
  if (left === 0) process.kill(process.pid, "SIGKILL")
}

const live = ({ filename, ledger, moment }: Life) =>
  drive(ledger).pipe(
    Effect.zipRight(Effect.sync(() => console.error(`lived through ${JSON.stringify(moment)}`))),
    Effect.provide(Worker.layer({ workflows: familyOn(ledger).all }).pipe(
      Layer.provide(Mortal.layer(filename, moment, onDeath))
    ))
  )

await Effect.runPromise(Effect.forEach(lives, live, { concurrency: "unbounded" }))
