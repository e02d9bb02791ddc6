/** A report of `Client.why` as text, for a terminal. */
import { DateTime, Option } from "effect"
import type { Mail, Wait, WaitsFor, WhyReport } from "./WhyReport.js"

/** The report in lines. */
export const whyText = (report: WhyReport): string =>
  [
    ...head(report),
    ...report.cycles.map((cycle) => `cycle: ${[...cycle, cycle[0]].join(" awaits ")}: none of them will go on by itself`),
    ...report.waits.flatMap((wait) => waitLines(report, wait)),
    ...(report.waitsOmitted === undefined ? [] : [`and ${report.waitsOmitted} more`]),
    ...(report.inbox.length === 0 ? [] : ["inbox:", ...report.inbox.map((mail) => `  ${mailLine(mail)}`)])
  ].join("\n")

const head = (report: WhyReport): ReadonlyArray<string> => {
  const { at, blocked, cancelling, closedAt, key, paused, place, runId, startsAt, status, timeoutAt, version, workflow } = report
  const named = key === undefined ? "" : ` key ${JSON.stringify(key)}`
  const first = `run ${JSON.stringify(runId)} of workflow ${JSON.stringify(workflow)} version ${version}${named}: ${status}`
  if (closedAt !== undefined) return [`${first} since ${instant(closedAt, at)}; it waits for nothing`]
  const where = place === "memory" ? "in memory" : "parked"
  return [
    `${first}, ${report.owner === "unknown" ? "seen without a worker" : `${where}, owned by ${report.owner}`}`,
    ...(startsAt === undefined ? [] : [`begins ${instant(startsAt, at)}`]),
    ...(blocked === undefined ? [] : [`blocked: ${blocked.message || blocked.fault}`]),
    ...(paused === undefined ? [] : [`paused since ${instant(paused.since, at)}${asked(paused)}; woken by Client.resume`]),
    ...(cancelling === undefined ? [] : [`to be cancelled since ${instant(cancelling.since, at)}${asked(cancelling)}`]),
    ...(timeoutAt === undefined ? [] : [`times out ${instant(timeoutAt, at)}`])
  ]
}

const asked = ({ by, reason }: { readonly by?: string; readonly reason?: string }): string =>
  `${by === undefined ? "" : ` by ${by}`}${reason === undefined ? "" : `: ${reason}`}`

const waitLines = ({ at }: WhyReport, wait: Wait): ReadonlyArray<string> => {
  const update = wait.update === undefined ? "" : ` (update ${JSON.stringify(wait.update)})`
  const spans = wait.spans.length === 0 ? "" : ` in ${wait.spans.join(" > ")}`
  const since = wait.since === undefined ? "" : `, since ${instant(wait.since, at)}`
  const until = wait.until === undefined ? "" : `, until ${instant(wait.until, at)}`
  return [
    `fiber ${wait.path}${update}${spans} waits for ${target(wait.for)}${since}${until}`,
    ...(wait.source === undefined ? [] : [`  ${HAVE_LINES.has(wait.for._tag) ? "at" : "after"} ${wait.source}`]),
    `  woken by ${wait.wakes}`
  ]
}

/** What the line was captured for; other waits have none of their own. */
const HAVE_LINES: ReadonlySet<WaitsFor["_tag"]> = new Set(["Step", "Sensor", "Run", "Delivery"] as const)

const PHASES = {
  running: "which runs",
  queued: "which waits for a slot",
  idle: "which no worker runs now",
  waiting: "which is due later",
  deciding: "which has failed; the program decides",
  asking: "whose outcome is unknown; an operator is asked",
  cancelling: "which is being cancelled"
} as const

const target = (what: WaitsFor): string => {
  switch (what._tag) {
    case "Step":
      return `attempt ${what.attempt} of step ${JSON.stringify(what.name)} [${what.id}], ${PHASES[what.phase]}`
    case "Sensor":
      return `sensor ${JSON.stringify(what.name)} [${what.id}], polled ${what.pollCount} times`
    case "Timer":
      return `a timer [${what.id}]`
    case "Signal":
      return `signal ${JSON.stringify(what.name)}`
    case "Awakeable":
      return `awakeable ${JSON.stringify(what.name)} [${what.id}]`
    case "Run":
      return `run ${JSON.stringify(what.runId)} of workflow ${JSON.stringify(what.workflow)} (${what.status ?? "unknown"}) [${what.id}]`
    case "Delivery":
      return `signal ${JSON.stringify(what.name)} to reach run ${JSON.stringify(what.runId)} [${what.id}]`
    case "Update":
      return `the answer to update ${JSON.stringify(what.name)}`
    case "Condition":
      return "a condition"
    case "Fibers":
      return what.paths.length === 0 ? "another fiber" : `fiber ${what.paths.join(", ")}`
    case "Forever":
      return "nothing: it sleeps without end"
  }
}

const mailLine = ({ count, kind, name, note }: Mail): string =>
  `${count} ${kind}${name === undefined ? "" : ` ${JSON.stringify(name)}`}${note === undefined ? "" : `: ${note}`}`

const UNITS = [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1_000], ["ms", 1]] as const

/** An instant, and how far away it is, in the two largest units. */
const instant = (when: number, now: number): string => {
  // An instant that no calendar has is shown as it is.
  const shown = Option.match(DateTime.make(when), { onNone: () => String(when), onSome: DateTime.formatIso })
  const away = distance(Math.abs(when - now))
  return `${shown} (${away === "" ? "now" : when > now ? `in ${away}` : `${away} ago`})`
}

const distance = (millis: number): string => {
  const parts: Array<string> = []
  let left = millis
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size)
    left -= count * size
    if (count > 0) parts.push(`${count}${unit}`)
  }
  return parts.slice(0, 2).join(" ")
}
