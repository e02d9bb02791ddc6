/** What a check says: whether this build fits the open runs, and which branch of each patch they took. */
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

export interface Report {
  /** Open runs that were replayed, or that have not begun. */
  readonly openCount: number
  readonly misfitCount: number
  /** The first of the runs that cannot go on with this build: at most `REPORTED_MAX`. */
  readonly misfits: ReadonlyArray<Misfit>
  /** Patches that some open run was asked for. */
  readonly patches: ReadonlyArray<PatchUse>
}

/** Runs that a report names for each finding. */
export const REPORTED_MAX = 100
