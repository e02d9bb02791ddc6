/** A random story, ready to be played: one run, or a family of them, and what an oracle says of it. */
import { Client, type Workflow } from "@reprise/core"
import type { Simulation, World } from "@reprise/testing"
import { Effect } from "effect"
import * as Durable from "../programs/Durable.js"
import * as FamilyDurable from "../programs/FamilyDurable.js"
import * as FamilyInvariants from "../programs/FamilyInvariants.js"
import * as FamilyJudge from "../programs/FamilyJudge.js"
import * as FamilyOracle from "../programs/FamilyOracle.js"
import { nthRun, runIdOf } from "../programs/FamilyProgram.js"
import * as FamilyScenario from "../programs/FamilyScenario.js"
import * as Oracle from "../programs/Oracle.js"
import { moments, type Node, nodesOf, type Story } from "../programs/Program.js"
import { messageOf, RUN_ID, sendAll, statusOf } from "../programs/Scenario.js"

export interface Staged {
  readonly workflow: Workflow.Any
  readonly script: (world: World.World) => Effect.Effect<unknown, unknown>
  /** What cannot be, whatever happens: of runs that concern each other. */
  readonly violations: (seen: Simulation.Seen) => ReadonlyArray<string>
  /** What is not as the oracle says; for plays in which no fault costs time. */
  readonly differences: (seen: Simulation.Seen) => ReadonlyArray<string>
}

export const single = (story: Story): Staged => {
  const { trace, workflow } = Durable.make(story.program)
  return {
    workflow,
    script: (world) =>
      Effect.zipRight(world.start(workflow, undefined, { id: RUN_ID }), sendAll(world, story, moments(story))),
    violations: () => [],
    differences: ({ runs: [run] }) => {
      const { notes, status } = Oracle.outcome(story)
      const history = run?.history ?? []
      const heard = heardBy(story, history.at(-1)?.at)
      const seen = { status: statusOf(history, run?.blocked), notes: trace().notes.filter(heard) }
      return differ(RUN_ID, { status, notes: notes.filter(heard) }, seen)
    }
  }
}

/** Whether a note is part of the outcome: what a fiber that is left behind sees while its program ends, is nobody's promise. */
const heardBy = ({ program }: Story, endAt: number | undefined): (note: string) => boolean => {
  const isLeft = (node: Node) => node.kind === "disconnect" || (node.kind === "fork" && (node.how === "daemon" || node.how === "leave"))
  const left = new Set(nodesOf(program).filter(isLeft).flatMap((node) => nodesOf(node)).map(({ id }) => `${id}`))
  return (note) => {
    const [at, first, second] = note.split(" ")
    return Number(at) !== endAt || !left.has((first === "enter" ? second : first) ?? "")
  }
}

export const family = (story: Story): Staged => {
  const { notes, workflow } = FamilyDurable.make(story.program)
  return {
    workflow,
    script: (world) =>
      Effect.gen(function*() {
        yield* world.start(workflow, FamilyDurable.FIRST, { id: runIdOf(0) })
        for (const { at, message, number } of moments(story)) {
          yield* world.advance(Math.max(0, at - (yield* world.now)))
          const sent = messageOf(story, message, number, [])
          const runId = nthRun(story.program, message.run ?? 0)
          if (sent !== undefined) yield* world.run(Effect.flatMap(Client.Client, ({ log }) => Effect.ignore(log.send(runId, sent))))
          yield* world.idle
        }
      }),
    violations: ({ runs }) =>
      FamilyInvariants.violations(
        new Map(runs.map(({ history, runId }) => [runId, history])),
        new Set(runs.filter(({ blocked }) => blocked !== undefined).map(({ runId }) => runId))
      ),
    differences: ({ runs }) => {
      const expected = FamilyOracle.outcomes(story)
      if (!FamilyJudge.isSound(expected)) return []
      // What a fiber that was left behind sees while its program ends is nobody's promise.
      const isLoose = nodesOf(story.program).some(({ kind }) => kind === "fork" || kind === "disconnect")
      const runIds = new Set([...expected.runs.keys(), ...runs.map(({ runId }) => runId)])
      return [...runIds].flatMap((runId) => {
        const [wanted, found] = [expected.runs.get(runId), runs.find((run) => run.runId === runId)]
        if (wanted === undefined || found === undefined) return [`${runId} is ${found?.status} instead of ${wanted?.status}`]
        const status = found.blocked === undefined ? FamilyScenario.statusOf(found.history) : "blocked"
        return differ(runId, wanted, { status, notes: isLoose ? wanted.notes : notes(runId) })
      })
    }
  }
}

interface Outcome {
  readonly status: string
  readonly notes: ReadonlyArray<string>
}

/** In one instant, what is cancelled may end in any order. */
const differ = (runId: string, expected: Outcome, seen: Outcome): ReadonlyArray<string> => {
  // A blocked run can still be terminated, and whoever looks at it plays it again, without what has blocked it.
  if (expected.status === "blocked") return []
  const wrong = seen.status === expected.status ? [] : [`${runId} is ${seen.status} instead of ${expected.status}`]
  const [wanted, found] = [expected.notes.toSorted(), seen.notes.toSorted()]
  const longest = wanted.length > found.length ? wanted : found
  const at = longest.findIndex((_, i) => wanted[i] !== found[i])
  return at < 0 ? wrong : [...wrong, `${runId} should note "${wanted[at]}", not "${found[at]}"`]
}
