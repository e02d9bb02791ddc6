/** Those who decide whether a summary is published. In this demo a line on the terminal and a file. */
import { Context, Effect, Layer } from "effect"
import { renameSync, writeFileSync } from "node:fs"
import type { Totals } from "./Warehouse.js"

export class Editors extends Context.Tag("demo/Editors")<Editors, {
  readonly ask: (totals: Totals) => Effect.Effect<void>
  readonly publish: (totals: Totals, approvedBy: string) => Effect.Effect<void>
}>() {}

export const ask = (totals: Totals) => Effect.flatMap(Editors, (editors) => editors.ask(totals))
export const publish = (totals: Totals, approvedBy: string) =>
  Effect.flatMap(Editors, (editors) => editors.publish(totals, approvedBy))

export const layer = (filename: string): Layer.Layer<Editors> =>
  Layer.succeed(Editors, {
    ask: ({ movies }) =>
      Effect.sync(() => console.log(`  to the editors: ${movies} movies are in, may the summary be published?`)),
    // Written whole or not at all, and the same when it is written twice.
    publish: (totals, approvedBy) =>
      Effect.sync(() => {
        writeFileSync(`${filename}.new`, `${JSON.stringify({ approvedBy, ...totals }, undefined, 2)}\n`)
        renameSync(`${filename}.new`, filename)
      })
  })
