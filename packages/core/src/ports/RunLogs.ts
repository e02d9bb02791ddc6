/**
 * What runs log and print: lines kept beside the history, by run, step and attempt. They are not history: replay neither
 * reads nor writes them, a crash may lose the last of them, and a run has only so many. Implementations: @reprise/sql,
 * @reprise/testing (memory). One conformance suite.
 *
 * The contract:
 * - O1 Lines of one `write` are kept in order, after those of earlier writes; positions rise, with gaps.
 * - O2 Of each attempt of a step, and of the body of a run, the first lines are kept, as many as the bounds of the writer allow
 *      (`Limits.logLinesMax`, `Limits.logBytesMax`); one line after them says that more were left out.
 * - O3 Lines go when their run is deleted.
 */
import { Context, type Effect, type Scope } from "effect"
import type { LogError } from "../model/Errors.js"
import type { Bounds, Line } from "../model/LogLine.js"

export type { Level, Line } from "../model/LogLine.js"

export interface Kept extends Line {
  readonly position: number
}

export interface RunLogsShape {
  /** Lines of runs that the store does not have are dropped. */
  readonly write: (lines: ReadonlyArray<Line>, bounds?: Bounds) => Effect.Effect<void, LogError>
  /** A run's lines after a position, in order. */
  readonly read: (
    runId: string,
    page: { readonly after: number; readonly limit: number; readonly stepId?: string; readonly attempt?: number }
  ) => Effect.Effect<ReadonlyArray<Kept>, LogError>
  /** Calls `listener` with the runs that a write of this process has added to, right after it, until the scope closes. */
  readonly watch: (listener: (runIds: ReadonlySet<string>) => void) => Effect.Effect<void, never, Scope.Scope>
}

export class RunLogs extends Context.Tag("@reprise/core/RunLogs")<RunLogs, RunLogsShape>() {}
