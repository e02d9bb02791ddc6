/** What simulated seeds have met and found, added up. */
import { Simulation, type World } from "@reprise/testing"

const { DEEDS } = Simulation.Plan

export interface Figures {
  seeds: number
  sqliteSeeds: number
  /** Virtual. */
  millis: number
  tasks: number
  appends: number
  crashes: number
  /** Calls of which the worker was not told whether they were applied, though they were. */
  ambiguous: number
  /** Appends of owners that had lost the store; all of them changed nothing. */
  fenced: number
  /** Bodies that such an owner began. */
  zombieAttempts: number
  histories: number
  /** Rules that were tried on a history, a play or an outcome. */
  checks: number
  /** By fault and by what the worker was doing. */
  readonly strikes: Record<string, number>
  /** Of all that has moved: the same for the same seeds, whoever plays them. */
  hash: number
}

export const none = (): Figures => ({
  seeds: 0,
  sqliteSeeds: 0,
  millis: 0,
  tasks: 0,
  appends: 0,
  crashes: 0,
  ambiguous: 0,
  fenced: 0,
  zombieAttempts: 0,
  histories: 0,
  checks: 0,
  strikes: {},
  hash: 0
})

const AMBIGUOUS: ReadonlySet<Simulation.Plan.Deed> = new Set(["answer lost", "crash after", "late"])

/** What a strike counts as: its fault, and the phase in which it struck. */
const keyOf = ({ fault, phase }: World.Strike): string => `${fault.at}: ${fault.does}, in ${phase}`

export const add = (figures: Figures, seed: number, seen: Simulation.Seen, checks: number): void => {
  const { damage } = seen
  figures.seeds += 1
  figures.millis += seen.millis
  figures.tasks += damage.taskCount
  figures.appends += seen.appendCount
  figures.fenced += damage.fencedCount
  figures.zombieAttempts += seen.calls.filter(({ isZombies }) => isZombies).length
  figures.histories += seen.runs.length
  figures.checks += checks
  for (const strike of damage.strikes) {
    const { does } = strike.fault
    if (does.startsWith("crash")) figures.crashes += 1
    if (AMBIGUOUS.has(does)) figures.ambiguous += 1
    figures.strikes[keyOf(strike)] = (figures.strikes[keyOf(strike)] ?? 0) + 1
  }
  // A sum, so that it does not matter who has played which seed.
  figures.hash = (figures.hash + Math.imul(damage.hash, 2 * seed + 1)) | 0
}

export const sum = (all: ReadonlyArray<Figures>): Figures => {
  const total = none()
  for (const figures of all) {
    for (const name of NUMBERS) total[name] += figures[name]
    for (const [key, count] of Object.entries(figures.strikes)) total.strikes[key] = (total.strikes[key] ?? 0) + count
    total.hash = (total.hash + figures.hash) | 0
  }
  return total
}

const NUMBERS = [
  "seeds",
  "sqliteSeeds",
  "millis",
  "tasks",
  "appends",
  "crashes",
  "ambiguous",
  "fenced",
  "zombieAttempts",
  "histories",
  "checks"
] as const

/** What a worker may be doing at each site. */
const PHASES: Readonly<Record<Simulation.Plan.Site, ReadonlyArray<World.Strike["phase"]>>> = {
  append: ["start", "run", "close"],
  // Only what has ended while its run was out of service is sent.
  send: [],
  read: ["recovery", "run"],
  inbox: ["recovery", "run"],
  runnable: ["recovery", "run"],
  find: ["recovery", "run"],
  // Few seeds have sensors that are polled.
  note: [],
  "wake-up": ["run"],
  message: ["run"],
  boot: ["recovery"]
}

/** Faults that no seed has met in some phase: what was not met was not tried. */
export const misses = ({ strikes }: Figures): ReadonlyArray<string> =>
  Object.entries(PHASES).flatMap(([site, phases]) =>
    DEEDS[site as Simulation.Plan.Site].filter((does) => does !== "deployment").flatMap((does) =>
      phases.map((phase) => `${site}: ${does}, in ${phase}`).filter((key) => strikes[key] === undefined)
    ))

const number = (value: number): string => Math.round(value).toLocaleString("en")

export const show = (figures: Figures, millis: number): string => {
  const byDeed = new Map<string, number>()
  for (const [key, count] of Object.entries(figures.strikes)) {
    const deed = key.slice(0, key.indexOf(", in "))
    byDeed.set(deed, (byDeed.get(deed) ?? 0) + count)
  }
  const missed = misses(figures)
  const rows: ReadonlyArray<readonly [string, string]> = [
    ["seeds", `${number(figures.seeds)}, of which ${number(figures.sqliteSeeds)} on SQLite`],
    ["seeds a second", number(figures.seeds / (millis / 1_000))],
    ["scheduler steps", number(figures.tasks)],
    ["simulated hours", number(figures.millis / 3_600_000)],
    ["appends", number(figures.appends)],
    ["faults", number(Object.values(figures.strikes).reduce((a, b) => a + b, 0))],
    ...[...byDeed].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([deed, count]) => [`  ${deed}`, number(count)] as const),
    ["crashes", number(figures.crashes)],
    ["ambiguous calls", number(figures.ambiguous)],
    ["fence rejections", number(figures.fenced)],
    ["zombie attempts", number(figures.zombieAttempts)],
    ["histories replayed", number(figures.histories)],
    ["invariants evaluated", number(figures.checks)],
    ["never met", missed.length === 0 ? "nothing" : missed.join("; ")],
    ["hash", (figures.hash >>> 0).toString(16).padStart(8, "0")]
  ]
  return rows.map(([name, value]) => `${name.padEnd(32)} ${value}`).join("\n")
}
