/** The properties that every family's story must have. Each answers what is wrong, in words. */
import { Effect } from "effect"
import { Client } from "@reprise/core"
import * as FamilyDurable from "./FamilyDurable.js"
import * as FamilyInvariants from "./FamilyInvariants.js"
import type { Outcomes } from "./FamilyOracle.js"
import { type Aside, observe, type Observed } from "./FamilyScenario.js"
import { differ, lasting, timeless } from "./Judge.js"
import { programsOf } from "./FamilyProgram.js"
import type { Story } from "./Program.js"
import * as Replays from "./Replays.js"
import type { Faults } from "./Scenario.js"

type Complaints = ReadonlyArray<string>

/** Effect makes defects of errors in some places, and some programs wait for each other: their runs are blocked. */
export const isSound = ({ runs }: Outcomes): boolean => [...runs.values()].every(({ status }) => status !== "blocked")

const bodiesOf = ({ played: { premature }, repeated }: Observed): Complaints => [
  ...(repeated.length === 0 ? [] : [`bodies ran again: ${JSON.stringify(repeated)}`]),
  ...(premature.length === 0 ? [] : [`bodies began before they were scheduled: ${premature.join(" ")}`])
]

/** The outcome of every run is the oracle's. */
export const asTheOracleSays = (expected: Outcomes, seen: Observed): Complaints => {
  const runIds = [...new Set([...expected.runs.keys(), ...seen.runs.keys()])]
  return [
    ...runIds.flatMap((runId) => {
      const [wanted, found] = [expected.runs.get(runId), seen.runs.get(runId)]
      if (wanted === undefined || found === undefined) return [`${runId} is ${found?.status} instead of ${wanted?.status}`]
      const why = JSON.stringify(seen.blocked)
      return [
        ...(wanted.status === found.status ? [] : [`${runId} is ${found.status} instead of ${wanted.status}: ${why}`]),
        ...differ(`notes of ${runId}`, wanted.notes, found.notes)
      ]
    }),
    ...differ("bodies", callsOf({ ...seen, calls: expected.calls }), callsOf(seen)),
    ...bodiesOf(seen)
  ]
}

/**
 * With these faults, or asked meanwhile, everything is as without. Notes are left out: a client that starts a run again, or
 * asks why it waits, has it played beside the run itself.
 */
export const survives = (story: Story, expected: Observed, faults: Faults, aside?: Aside): Effect.Effect<Complaints> =>
  Effect.map(observe(story, faults, aside === undefined ? {} : { aside }), (seen) => {
    const complaints = [
      ...differ("runs", [...expected.runs.keys()], [...seen.runs.keys()]),
      ...[...expected.runs].flatMap(([runId, { history, status }]) => {
        const found = seen.runs.get(runId)
        if (found === undefined) return []
        return [
          ...(status === found.status ? [] : [`${runId} is ${found.status} instead of ${status}: ${JSON.stringify(seen.blocked)}`]),
          ...differ(`events of ${runId}`, timeless(history), timeless(found.history))
        ]
      }),
      ...differ("bodies", callsOf(expected), callsOf(seen)),
      ...bodiesOf(seen)
    ]
    return complaints.map((what) => `with ${JSON.stringify(faults)}: ${what}`)
  })

const callsOf = ({ calls, runs }: Observed): Complaints =>
  [...runs].flatMap(([runId, { history }]) => {
    const own = calls.filter((call) => call.startsWith(`${runId} `)).map((call) => call.slice(runId.length + 1))
    return lasting(own, history).map((call) => `${runId} ${call}`)
  })

/** What holds of the histories that they have left, and of replays of them. */
export const ofHistories = ({ program }: Story, { runs }: Observed): Complaints => {
  const histories = new Map([...runs].map(([runId, { history }]) => [runId, history]))
  const blocked = new Set([...runs].filter(([, { status }]) => status === "blocked").map(([runId]) => runId))
  const wrong = FamilyInvariants.violations(histories, blocked)
  if (wrong.length > 0) return wrong
  return [...runs].flatMap(([runId, { history, notes, status }]) => {
    const dead = FamilyDurable.make(program, true)
    const player = { runId, make: (isDead: boolean) => (isDead ? dead : FamilyDurable.make(program)) }
    const complaints = [...Replays.prefixFaults(player, history), ...Replays.faults(player, history)]
    // What blocked a run is not in its history; nor are the generations before the last one told again.
    const again = history.filter(({ _tag }) => _tag === "RunStarted").length > 1 || status === "blocked"
    if (!again) complaints.push(...differ("notes of the replay", notes, dead.notes(runId)))
    return complaints.map((what) => `${runId}: ${what}`)
  })
}

/** What holds whatever happens: the histories are such as can be, and replay; and no body runs again. */
export const ofAnyFamily = (story: Story, faults: Faults, burst: number): Effect.Effect<Complaints> =>
  Effect.map(observe(story, faults, { burst }), (seen) => {
    const foreign = seen.blocked.filter((blocked) => !isOwnFault(blocked))
    const complaints = [
      ...ofHistories(story, seen),
      ...(foreign.length === 0 ? [] : [`blocked: ${JSON.stringify(foreign)}`]),
      ...bodiesOf(seen)
    ]
    return complaints.map((what) => `with ${JSON.stringify(faults)}, ${burst} at a time: ${what}`)
  })

/** Effect makes defects of errors in some places, and some programs wait for each other: these are the programs' own. */
const isOwnFault = (blocked: unknown): boolean =>
  ["ProgramDefect", "ProgramStuck"].includes((blocked as { readonly _tag: string })._tag)

/** Asks of every run why it does not go on. */
export const asks = ({ program }: Story): Aside => (world) =>
  Effect.forEach([...programsOf(program).keys()], (runId) =>
    Effect.catchTag(world.run(Client.why(runId)), "RunNotFound", () => Effect.void).pipe(Effect.orDie), { discard: true })
