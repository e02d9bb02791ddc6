/** Runs as the store has them: summaries, lists and histories. */
import { Effect } from "effect"
import { type HistoryDamaged, type LogError, RunNotFound } from "../model/Errors.js"
import type { Event } from "../model/Event.js"
import * as HistorySize from "../model/HistorySize.js"
import type { RunFilter, RunSummary } from "../ports/Log.js"
import { Client, type ClientShape } from "./Shape.js"

/** A run as the store lists it, with what an operator should know of it. */
export interface Description extends RunSummary {
  /** Events of the current generation. */
  readonly historyLength: number
  readonly warnings: ReadonlyArray<HistorySize.Warning>
}

/** A run as it is now. */
export const describe = (runId: string): Effect.Effect<Description, RunNotFound | LogError, Client> =>
  Effect.flatMap(Client, (client) =>
    Effect.map(describeWith(client, runId), (run) => ({
      ...run,
      historyLength: HistorySize.lengthOf(run),
      warnings: HistorySize.warningsOf(run, client.limits)
    })))

export const describeWith = (client: ClientShape, runId: string): Effect.Effect<RunSummary, RunNotFound | LogError> =>
  Effect.flatMap(client.log.find({ runIds: [runId], limit: 1 }), ([summary]) =>
    summary === undefined ? Effect.fail(new RunNotFound({ runId })) : Effect.succeed(summary))

/** The open run of a workflow that has a business key, if there is one. */
export const byKey = (workflow: string, key: string): Effect.Effect<RunSummary | undefined, LogError, Client> =>
  Effect.map(list({ workflow, key, status: ["pending", "running"], limit: 1 }), ([run]) => run)

/** The runs that a filter selects, newest first. */
export const list = (filter: RunFilter): Effect.Effect<ReadonlyArray<RunSummary>, LogError, Client> =>
  Effect.flatMap(Client, (client) => client.log.find(filter))

/** A run's events in order, read in pages. */
export const history = (
  runId: string
): Effect.Effect<ReadonlyArray<Event>, RunNotFound | LogError | HistoryDamaged, Client> =>
  Effect.gen(function*() {
    const client = yield* Client
    yield* describeWith(client, runId)
    const events: Array<Event> = []
    yield* search(client, runId, 0, (event) => void events.push(event))
    return events
  })

/** What `pick` answers first, in the events after a seq; they are read in pages, so that memory holds one at a time. */
export const search = <A>(
  client: ClientShape,
  runId: string,
  afterSeq: number,
  pick: (event: Event) => A | undefined
): Effect.Effect<A | undefined, LogError | HistoryDamaged> =>
  Effect.gen(function*() {
    const { pageEventCount } = client.limits
    for (let after = afterSeq;;) {
      const page = yield* client.log.read(runId, after, pageEventCount)
      for (const { event } of page) {
        const found = pick(event)
        if (found !== undefined) return found
      }
      if (page.length < pageEventCount) return undefined
      after += page.length
    }
  })
