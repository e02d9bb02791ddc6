/** One run as a document: how it is taken out of a store, kept in a file, and replayed or imported later. */
import { Schema } from "effect"
import * as Event from "./Event.js"

/** A run's history as JSON. Its mail and its notes are not part of it. */
export interface Document {
  /** The version of the event format. */
  readonly format: typeof Event.FORMAT
  readonly run: {
    readonly runId: string
    readonly workflow: string
    readonly version: string
    readonly key?: string | undefined
    readonly createdAt: number
    readonly startAt?: number | undefined
    readonly parent?: Event.Parent | undefined
    readonly forkedFrom?: { readonly runId: string; readonly seq: number } | undefined
  }
  readonly events: ReadonlyArray<Event.Event>
}

export const Document: Schema.Schema<Document> = Schema.Struct({
  format: Schema.Literal(Event.FORMAT),
  run: Schema.Struct({
    runId: Schema.String,
    workflow: Schema.String,
    version: Schema.String,
    key: Schema.optional(Schema.String),
    createdAt: Schema.Number,
    startAt: Schema.optional(Schema.Number),
    parent: Schema.optional(Event.Parent),
    forkedFrom: Schema.optional(Schema.Struct({ runId: Schema.String, seq: Schema.Number }))
  }),
  events: Schema.Array(Event.Event)
})

/** Refuses what it does not know: a document of a newer format must not be read in part. */
export const decode = Schema.decodeUnknown(Document, { onExcessProperty: "error" })

/** As JSON text with one line for each event, so that a difference between two can be read. */
export const text = ({ events, format, run }: Document): string => {
  const lines = events.map((event) => `    ${JSON.stringify(event)}`).join(",\n")
  return `{\n  "format": ${format},\n  "run": ${JSON.stringify(run)},\n  "events": [\n${lines}\n  ]\n}`
}
