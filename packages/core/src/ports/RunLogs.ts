/**
 * What runs log and print: lines kept beside the history, by run, step and attempt. They are not history: replay neither
 * reads nor writes them, a crash may lose the last of them, and a run has only so many. Implementations: @reprise/sql,
 * @reprise/testing (memory). One conformance suite.
 *
 * The contract:
 * - O1 Lines of one `write` are kept in order, after those of earlier writes; positions rise, with gaps.
 * - O2 A run keeps the first `Limits.logLinesMax` lines and `Limits.logBytesMax` bytes of each attempt, or of its body; the
 *      line after them says that more were left out.
 * - O3 Lines go when their run is deleted.
 */
import { Context, type Effect, type Scope } from "effect"
import type { LogError } from "../model/Errors.js"
import type { Json } from "../model/Json.js"

export type Level = "trace" | "debug" | "info" | "warn" | "error" | "fatal"

export interface Line {
  readonly runId: string
  /** The step that logged it; `undefined` for the body of the workflow. */
  readonly stepId: string | undefined
  readonly stepName: string | undefined
  readonly attempt: number | undefined
  /** Epoch milliseconds. */
  readonly at: number
  readonly level: Level
  readonly text: string
  /** Annotations and open spans of the logger. */
  readonly fields: { readonly [name: string]: Json } | undefined
}

export interface Kept extends Line {
  readonly position: number
}

export interface RunLogsShape {
  /** Lines of runs that the store does not have are dropped. */
  readonly write: (lines: ReadonlyArray<Line>) => Effect.Effect<void, LogError>
  /** A run's lines after a position, in order. */
  readonly read: (
    runId: string,
    page: { readonly after: number; readonly limit: number; readonly stepId?: string; readonly attempt?: number }
  ) => Effect.Effect<ReadonlyArray<Kept>, LogError>
  /** Calls `listener` with the runs that a write of this process has added to, right after it, until the scope closes. */
  readonly watch: (listener: (runIds: ReadonlySet<string>) => void) => Effect.Effect<void, never, Scope.Scope>
}

export class RunLogs extends Context.Tag("@reprise/core/RunLogs")<RunLogs, RunLogsShape>() {}
