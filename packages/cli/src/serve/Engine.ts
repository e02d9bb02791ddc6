/** The parts of a process that runs workflows: the store, the services of the steps, the worker, and perhaps the server. */
import type { Client } from "@reprise/core"
import type { Log, Records, RunLogs } from "@reprise/core/engine"
import { Sqlite, type Errors as StoreErrors } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Cause, Layer } from "effect"
import type { Entry } from "../Entry.js"
import { EntryInvalid } from "../Errors.js"

export interface Settings {
  readonly entry: Entry
  readonly filename: string
  /** How long attempts and requests may go on when the process is stopped. */
  readonly graceMillis: number
}

type Provided = Client.Client | Log.Log | Records.Records | RunLogs.RunLogs

/** A worker on its store. Released, it lets what runs come to its end, and then closes the store. */
export const layer = ({ entry, filename, graceMillis }: Settings): Layer.Layer<Provided, StoreErrors.StoreError | EntryInvalid> => {
  const worker: Layer.Layer<Client.Client, never, Log.Log> = Worker.layer({ workflows: entry.workflows, graceMillis })
  const served = entry.layer === undefined ? worker : Layer.provide(worker, services(entry.file, entry.layer))
  return Layer.provideMerge(served, Sqlite.layer({ filename }))
}

/** They are the entry's, and so is what goes wrong when they are built. */
const services = (file: string, layer: Layer.Layer<unknown, unknown>): Layer.Layer<unknown, EntryInvalid> =>
  Layer.catchAllCause(layer, (cause) =>
    Layer.fail(new EntryInvalid({ entry: file, detail: `its layer cannot be built: ${Cause.pretty(cause)}` })))
