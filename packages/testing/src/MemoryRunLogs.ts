/** The RunLogs port in memory: the same contract as on SQLite (ports/RunLogs.ts). */
import { LogLine, type RunLogs } from "@reprise/core/engine"
import { Effect } from "effect"

export interface Lines {
  /** The position of the last line. */
  position: number
  readonly byRun: Map<string, Array<RunLogs.Kept>>
  readonly tallies: Map<string, LogLine.Tally>
}

export const makeLines = (): Lines => ({ position: 0, byRun: new Map(), tallies: new Map() })

type Listener = Parameters<RunLogs.RunLogsShape["watch"]>[0]

/** Of one process: its listeners end with it, the lines do not. */
export const make = (lines: Lines, hasRun: (runId: string) => boolean): RunLogs.RunLogsShape => {
  const listeners = new Set<Listener>()
  return {
    write: (written, bounds) =>
      Effect.sync(() => {
        const runIds = new Set(written.flatMap((line) => (hasRun(line.runId) && add(lines, line, bounds) ? [line.runId] : [])))
        if (runIds.size > 0) for (const listener of listeners) listener(runIds)
      }),
    read: (runId, page) => Effect.sync(() => read(lines.byRun.get(runId) ?? [], page)),
    watch: (listener) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => {
          // Wrapped, so that a listener that is registered twice is called twice and leaves twice.
          const entry: Listener = (runIds) => listener(runIds)
          listeners.add(entry)
          return entry
        }),
        (entry) => Effect.sync(() => listeners.delete(entry))
      ))
  }
}

const add = (lines: Lines, line: LogLine.Line, bounds: LogLine.Bounds | undefined): boolean => {
  const key = LogLine.tallyKey(line)
  const tally = lines.tallies.get(key) ?? LogLine.emptyTally()
  lines.tallies.set(key, tally)
  const kept = LogLine.admit(tally, line, bounds)
  if (kept === undefined) return false
  lines.position += 1
  const ofRun = lines.byRun.get(line.runId) ?? []
  lines.byRun.set(line.runId, ofRun)
  // Copied through JSON, as every store on disk does.
  const fields = kept.fields === undefined ? undefined : JSON.parse(JSON.stringify(kept.fields))
  ofRun.push({ ...kept, fields, position: lines.position })
  return true
}

type Page = Parameters<RunLogs.RunLogsShape["read"]>[1]

const read = (kept: ReadonlyArray<RunLogs.Kept>, { after, attempt, limit, stepId }: Page): ReadonlyArray<RunLogs.Kept> =>
  kept.filter((line) =>
    line.position > after &&
    (stepId === undefined || line.stepId === stepId) &&
    (attempt === undefined || line.attempt === attempt)
  ).slice(0, limit)
