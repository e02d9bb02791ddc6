/** A history cut short at every place where a crash may have left it: a log with a run for each. */
import { Context, Effect, Layer, Logger, LogLevel } from "effect"
import { Client, type Workflow } from "@reprise/core"
import { type Document, Event, Log } from "@reprise/core/engine"
import { DocumentLog, ReplayCheck } from "@reprise/testing"

/** The lengths at which an append may have ended: whole activations, and the whole history. As many as a report can name. */
export const lengthsOf = (events: ReadonlyArray<Event.Event>): ReadonlyArray<number> =>
  events.flatMap((event, i) => (i > 0 && Event.sortOf(event) !== "command" ? [i] : [])).concat(events.length)
    .slice(-Client.REPORTED_MAX)

/** Run ids of a log of prefixes are their lengths. */
export const logOf = ({ events, format, run }: Document.Document): Effect.Effect<Log.LogShape> => {
  const documents = lengthsOf(events).map((length) => ({
    format,
    run: { ...run, runId: String(length) },
    events: events.slice(0, length)
  }))
  return Layer.build(DocumentLog.layer(documents)).pipe(Effect.map(Context.get(Log.Log)), Effect.scoped, Effect.orDie)
}

/** The lengths of the prefixes that do not fit these workflows, with why. */
export const misfits = (
  log: Log.LogShape,
  workflows: ReadonlyArray<Workflow.Any>,
  options: ReplayCheck.Options = {}
): Effect.Effect<ReadonlyMap<number, string>> =>
  ReplayCheck.run(workflows, { ...options, closed: "all" }).pipe(
    Effect.map(({ misfits }) => new Map(misfits.map(({ fault, runId }) => [Number(runId), fault._tag]))),
    Effect.provideService(Log.Log, log),
    Logger.withMinimumLogLevel(LogLevel.None),
    Effect.orDie
  )

/** Counts of a corpus, for the record. */
export interface Figures {
  programs: number
  prefixes: number
  mutants: number
  /** Prefixes that contain the edited place, and those that do not. */
  reached: number
  unreached: number
}

export const noFigures = (): Figures => ({ programs: 0, prefixes: 0, mutants: 0, reached: 0, unreached: 0 })

/**
 * What is wrong: a prefix that contains the edited place must be a misfit, every other must fit. `isReached` is asked
 * with the length of a prefix.
 */
export const judged = (
  what: string,
  lengths: ReadonlyArray<number>,
  isReached: (length: number) => boolean,
  found: ReadonlyMap<number, string>,
  figures: Figures
): ReadonlyArray<string> => {
  figures.mutants += 1
  return lengths.flatMap((length) => {
    const wanted = isReached(length)
    if (wanted) figures.reached += 1
    else figures.unreached += 1
    if (wanted === found.has(length)) return []
    return [`${what}, cut after ${length}: ${wanted ? "it was not noticed" : `a false alarm: ${found.get(length)}`}`]
  })
}
