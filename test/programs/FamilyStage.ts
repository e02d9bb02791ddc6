/** What the oracle of families plays on: runs with a stage for each generation, one clock, and one line of mail. */
import type { Cause, Exit } from "effect"
import type { Played } from "./FamilyOracle.js"
import type { Node } from "./Program.js"
import { makeStage, type Stage } from "./Stage.js"

/** The end of a child, as its parent sees it. */
export type End = { readonly value: string } | { readonly error: string }

/** A child, for whoever has asked for it. */
export interface Awaited {
  readonly run: Run
  readonly policy: "cancel" | "terminate" | "abandon"
  /** Whether this run has started it; one that was there before does not end with this one. */
  readonly isOwn: boolean
  end: End | undefined
  isAsked: boolean
  readonly takers: Set<(end: End) => void>
}

export interface Undo {
  readonly name: string
  readonly run: (cause: Cause.Cause<unknown>) => Played
  isBegun: boolean
}

/** The end of an attempt outside, or of a wait between two. */
export interface Body {
  readonly at: number
  readonly fire: () => void
}

export interface Run {
  readonly runId: string
  readonly program: Node
  readonly startAt: number
  readonly limited: boolean
  generation: number
  stage: Stage
  /** Everything before this generation. */
  readonly notes: Array<string>
  readonly bodies: Set<Body>
  /** Retries to come: as timers, they wait for a paused run. */
  readonly retries: Set<Body>
  readonly children: Set<Awaited>
  /** What others await of this run. */
  readonly watchers: Set<{ readonly by: Run; readonly awaited: Awaited }>
  readonly undos: Set<Undo>
  readonly failed: Array<string>
  /** What it has done from now on, is undone when everything else has been. */
  isEnding: boolean
  /** Those that it has asked for in this generation. */
  readonly patches: Set<number>
  /** Fibers that wait for others. */
  waitCount: number
  /** What the program has asked of others since it was last told something. */
  outbox: Array<() => void>
  timeoutAt: number | undefined
  cancelled: "request" | "timeout" | undefined
  interrupt: () => void
  paused: boolean
  /** It is being told of several things at one go. */
  isBusy: boolean
  /** What came while it was paused, or before it began. */
  waiting: Array<Mail>
  status: "pending" | "running" | string
}

export interface Mail {
  readonly kind: "word" | "news"
  readonly take: () => void
}

export interface Family {
  now: number
  readonly story: Node
  readonly runs: Map<string, Run>
  readonly mail: Array<() => void>
  readonly calls: Array<string>
}

export const makeRun = (family: Family, runId: string, program: Node, startAt: number, limited: boolean): Run => {
  const run: Run = {
    runId,
    program,
    startAt,
    limited,
    generation: 0,
    stage: makeStage(),
    notes: [],
    bodies: new Set(),
    retries: new Set(),
    children: new Set(),
    watchers: new Set(),
    undos: new Set(),
    failed: [],
    isEnding: false,
    patches: new Set(),
    waitCount: 0,
    outbox: [],
    timeoutAt: undefined,
    cancelled: undefined,
    interrupt: () => {},
    paused: false,
    isBusy: false,
    waiting: [],
    status: "pending"
  }
  family.runs.set(runId, run)
  return run
}

export const isClosed = ({ status }: Run): boolean => status !== "pending" && status !== "running"

export type Ended = Exit.Exit<string, string>
