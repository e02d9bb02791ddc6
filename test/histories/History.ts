/** A recorded story as a file: every run of it, in the format in which the store exports runs. */
import { Effect, Schema } from "effect"
import { Client, type Workflow } from "@reprise/core"
import { Document, Event, type Log, Release } from "@reprise/core/engine"
import { World } from "@reprise/testing"
import { config, ID, type Story } from "./stories.js"

export const decode = Schema.decodeUnknownSync(Schema.Array(Document.Document), { onExcessProperty: "error" })

/** Where this release's histories stand. */
export const FOLDER = Release.RELEASE

/** Plays a story in a world, and takes its histories. */
export const record = (story: Story): Effect.Effect<ReadonlyArray<Document.Document>> =>
  Effect.scoped(Effect.gen(function*() {
    const world = yield* World.make({ workflows: story.workflows, services: undefined as never, config })
    const [workflow] = story.workflows as ReadonlyArray<Workflow.Workflow<unknown, unknown, unknown, never>>
    yield* world.start(workflow!, story.input, { id: ID, ...story.options })
    yield* story.script?.(world) ?? Effect.void
    yield* world.advance("30 days")
    const { log } = yield* world.run(Client.Client)
    const runs = yield* log.find({ limit: 100 })
    return yield* Effect.forEach(runs.toReversed(), (run) => Effect.map(world.history(run.runId), (events) => documentOf(run, events)))
  })).pipe(Effect.orDie)

const documentOf = (run: Log.RunSummary, events: ReadonlyArray<Event.Event>): Document.Document => {
  const { createdAt, runId, version, workflow } = run
  return { format: Event.FORMAT, run: { runId, workflow, version, createdAt }, events }
}

/** One line for each event, so that a difference can be read. */
export const textOf = (documents: ReadonlyArray<Document.Document>): string => {
  const runs = documents.map(({ events, format, run }) => {
    const lines = events.map((event) => JSON.stringify(event)).join(",\n")
    return `{"format":${format},"run":${JSON.stringify(run)},"events":[\n${lines}\n]}`
  })
  return `[${runs.join(",\n")}]\n`
}
