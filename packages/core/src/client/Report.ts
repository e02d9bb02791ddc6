/** What a check says: whether this build fits the runs of a log, and which branch of each patch the open ones took. */
import type { Fault } from "../model/Errors.js"

/** How many runs, and the ids of the first of them: at most `REPORTED_MAX`. */
export interface Runs {
  readonly count: number
  readonly runIds: ReadonlyArray<string>
}

/** Where the open runs of a workflow stand with one patch of it. */
export interface PatchUse {
  readonly workflow: string
  readonly patch: string
  /** Runs that need the old branch: it must stay until there is none. */
  readonly oldBranch: Runs
  readonly newBranch: Runs
  /** Runs that have not come to the place yet; they will take the new branch. */
  readonly notAskedCount: number
}

export interface Misfit {
  readonly runId: string
  readonly workflow: string
  readonly version: string
  readonly fault: Fault
}

/** One reason why runs do not fit: the same change of the code stops all of them. */
export interface Cause {
  readonly workflow: string
  /** As the first of the runs meets it; the others may meet it at another event. */
  readonly fault: Fault
  readonly runs: Runs
}

export interface Report {
  /** Open runs that were replayed, or that have not begun. */
  readonly openCount: number
  /** Closed runs that were replayed, because that was asked for. */
  readonly closedCount: number
  readonly misfitCount: number
  /** Why the misfits do not fit, what stops most runs first: at most `REPORTED_MAX` causes. */
  readonly causes: ReadonlyArray<Cause>
  /** The first of the runs that do not fit this build: at most `REPORTED_MAX`. */
  readonly misfits: ReadonlyArray<Misfit>
  /** Patches that some open run was asked for. */
  readonly patches: ReadonlyArray<PatchUse>
}

/** Runs that a report names for each finding. */
export const REPORTED_MAX = 100
