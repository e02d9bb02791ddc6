/**
 * Misfits counted by what stops them. One change of the code stops many runs, each at an event, an instant and sometimes a
 * fiber of its own; what these leave out of account is the same cause.
 */
import { Client, type Errors } from "@reprise/core/engine"

/** By what their misfits have in common. */
export type Causes = Map<string, Counted>

interface Counted {
  readonly workflow: string
  readonly fault: Errors.Fault
  readonly runs: { count: number; readonly runIds: Array<string> }
}

export const count = (causes: Causes, { fault, runId, workflow }: Client.Misfit): void => {
  const key = JSON.stringify([workflow, fault._tag, ...likeness(fault, runId)])
  let counted = causes.get(key)
  if (counted === undefined) {
    if (causes.size >= Client.REPORTED_MAX) return
    causes.set(key, counted = { workflow, fault, runs: { count: 0, runIds: [] } })
  }
  counted.runs.count += 1
  if (counted.runs.runIds.length < Client.REPORTED_MAX) counted.runs.runIds.push(runId)
}

/** What stops most runs first. */
export const listed = (causes: Causes): ReadonlyArray<Client.Cause> =>
  [...causes.values()].toSorted((a, b) => b.runs.count - a.runs.count)

const likeness = (fault: Errors.Fault, runId: string): ReadonlyArray<unknown> => {
  switch (fault._tag) {
    case "Divergence":
      // Each run has values of its own.
      if (fault.change === "value") return [fault.change, fault.source]
      return [fault.change, fault.source, unplaced(fault.expected), unplaced(fault.actual)]
    case "PatchUsed":
      return [fault.patch]
    case "WorkflowUnknown":
      return [fault.version]
    case "GlobalForbidden":
      return [fault.call]
    case "ProgramSpinning":
      return [fault.bound]
    case "ProgramValueInvalid":
      return [fault.what, unnumbered(fault.detail, runId)]
    default:
      return [unnumbered(fault.detail, runId)]
  }
}

/** A command in words, without its place in the program, and without what each run has of its own; names stay. */
const unplaced = (words: string): string =>
  words.replace(/^the answer to update .*/, "the answer to an update")
    .replace(/"[^"]*"|\[[^\]]*\]|\d+/g, (part) => (part.startsWith("\"") ? part : "…"))

const unnumbered = (detail: string, runId: string): string => detail.replaceAll(runId, "…").replace(/\d+/g, "…")
