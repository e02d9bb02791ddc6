/** Judges a play with faults by the same play without: what is wrong, in words. */
import { inspect, isDeepStrictEqual } from "node:util"
import type { Workflow } from "@reprise/core"
import type { Event } from "@reprise/core/engine"
import type * as World from "../World.js"
import * as Invariants from "./Invariants.js"
import * as Replaying from "./Replaying.js"
import { outcomeOf, type Seen, type SeenRun } from "./Scene.js"

/** What a user says of every play. */
export interface Judgement {
  /** `true`, or nothing, when it holds; otherwise what is wrong. An assertion may also throw. */
  readonly property?: (seen: Seen, calm: Seen) => boolean | string | void
  /** Whether another outcome than without faults is right, too; for what depends on time or on who comes first. */
  readonly allowed?: (seen: Seen, calm: Seen) => boolean
}

type Complaints = ReadonlyArray<string>

const shown = (value: unknown): string => inspect(value, { depth: 8, breakLength: 110 })

export const complaints = (
  workflows: ReadonlyArray<Workflow.Any>,
  judgement: Judgement,
  seen: Seen,
  calm: Seen
): Complaints => [
  ...outcomes(judgement, seen, calm),
  ...property(judgement, seen, calm),
  ...always(workflows, seen),
  ...stuck(seen, calm)
]

const outcomes = ({ allowed }: Judgement, seen: Seen, calm: Seen): Complaints => {
  if (allowed?.(seen, calm) === true) return []
  const [actual, expected] = [outcomeOf(seen.exit), outcomeOf(calm.exit)]
  if (!isDeepStrictEqual(actual, expected)) {
    return [`another outcome than without faults:\n  expected ${shown(expected)}\n  seen     ${shown(actual)}`]
  }
  const [now, then] = [statuses(seen), statuses(calm)]
  return isDeepStrictEqual(now, then) ? [] : [`runs ended in another way:\n  expected ${shown(then)}\n  seen     ${shown(now)}`]
}

const statuses = ({ runs }: Seen) => Object.fromEntries(runs.map(({ blocked, runId, status }) => [runId, blocked ?? status]))

const property = ({ property }: Judgement, seen: Seen, calm: Seen): Complaints => {
  try {
    const said = property?.(seen, calm)
    if (said === false) return ["the property does not hold"]
    return typeof said === "string" ? [said] : []
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

/** What holds of every play, whatever the workflows. */
export const always = (workflows: ReadonlyArray<Workflow.Any>, { calls, damage, runs }: Seen): Complaints => [
  ...calls.filter(({ isRepeated }) => isRepeated).map((call) => `${callOf(call)} began though its owner knew of its completion`),
  ...calls.filter(({ isPremature }) => isPremature).map((call) => `${callOf(call)} began before the log said so`),
  ...calls.filter(({ isPaused }) => isPaused).map((call) => `${callOf(call)} began while its run was paused`),
  ...twice(calls, sensorsOf(runs), unsureOf(runs)),
  ...damage.unfenced.map((runId) => `run ${runId} was changed by an owner that had lost the store`),
  ...runs.flatMap((run) => ofRun(workflows, run))
]

const ofRun = (workflows: ReadonlyArray<Workflow.Any>, run: SeenRun): Complaints =>
  [...Invariants.violations(run.history), ...Replaying.faults(run, workflows)].map((what) => `run ${run.runId}: ${what}`)

const callOf = ({ attempt, process, runId, step }: World.StepCall): string =>
  `attempt ${attempt} of step "${step}" of run ${runId}, in process ${process},`

/**
 * One process begins an attempt once; only a crash makes the next one begin it again, if the step may be tried again when
 * nobody knows what became of an attempt. A sensor's polls are counted in notes,
 * which are working data: one that is lost, or that an owner of before has written late, makes a poll be made again.
 */
const twice = (calls: ReadonlyArray<World.StepCall>, sensors: ReadonlySet<string>, unsure: ReadonlySet<string>): Complaints => {
  const seen = new Set<string>()
  return calls.flatMap((call) => {
    const step = `${call.runId} ${call.stepId}`
    if (sensors.has(step)) return []
    const key = JSON.stringify([unsure.has(step) ? 0 : call.process, call.runId, call.stepId, call.attempt])
    return seen.size === seen.add(key).size ? [`${callOf(call)} began twice`] : []
  })
}

const stepsOf = (runs: ReadonlyArray<SeenRun>, isIt: (step: Event.Of<"StepScheduled">) => boolean): ReadonlySet<string> =>
  new Set(runs.flatMap(({ history, runId }) =>
    history.flatMap((event) => (event._tag === "StepScheduled" && isIt(event) ? [`${runId} ${event.id}`] : []))))

const sensorsOf = (runs: ReadonlyArray<SeenRun>) => stepsOf(runs, ({ kind }) => kind === "sensor")
const unsureOf = (runs: ReadonlyArray<SeenRun>) => stepsOf(runs, ({ onUnknown }) => onUnknown === "fail" || onUnknown === "ask")

/** What is left to do though nothing is due; what is left without faults, too, waits for the world outside. */
const stuck = (seen: Seen, calm: Seen): Complaints => {
  const before = new Map(calm.runs.map((run) => [run.runId, run.unfinished]))
  return seen.runs.flatMap(({ runId, unfinished }) =>
    unfinished.filter((what) => !(before.get(runId)?.includes(what) ?? false)).map((what) => `run ${runId} is stuck: ${what}`))
}
