/** What the processes of the demo have in common: the run's id, the files, and the layer that runs it all. */
import { Worker } from "@reprise/worker"
import { Sqlite } from "@reprise/sql"
import { type Effect, Layer } from "effect"
import { join } from "node:path"
import * as Editors from "./Editors.js"
import { ImportMovies } from "./ImportMovies.js"
import * as Ledger from "./Ledger.js"
import * as Source from "./Source.js"
import * as Warehouse from "./Warehouse.js"

export const RUN_ID = "movies"
const PACE_MILLIS = 60

export const files = (folder: string) => ({
  log: join(folder, "reprise.db"),
  warehouse: join(folder, "warehouse.db"),
  bodies: join(folder, "bodies.tsv"),
  summary: join(folder, "summary.json")
})

/** The log, a worker on it, and the services of the steps. */
export const layer = (folder: string, name: string, afterLoad: (batch: number) => Effect.Effect<void>) => {
  const { bodies, log, summary, warehouse } = files(folder)
  const services = Layer.mergeAll(
    Sqlite.layer({ filename: log }),
    Source.layer,
    Warehouse.layer({ filename: warehouse, afterLoad }),
    Editors.layer(summary),
    Ledger.layer(bodies, name, PACE_MILLIS)
  )
  return Worker.layer({ workflows: [ImportMovies] }).pipe(Layer.provide(services))
}

/** The store without a worker: to look at a run that nobody runs. */
export const readerLayer = (folder: string) =>
  Worker.clientLayer({ workflows: [ImportMovies] }).pipe(
    Layer.provide(Sqlite.layer({ filename: files(folder).log }))
  )
