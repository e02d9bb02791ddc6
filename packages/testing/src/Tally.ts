/** Counts runs that are alike, in the order that `Log.tally` promises. */
import type { Log } from "@reprise/core/engine"

export const of = (runs: Iterable<Pick<Log.Tally, "workflow" | "status">>): ReadonlyArray<Log.Tally> => {
  const counts = new Map<string, Log.Tally>()
  for (const { status, workflow } of runs) {
    const id = JSON.stringify([workflow, status])
    counts.set(id, { workflow, status, count: (counts.get(id)?.count ?? 0) + 1 })
  }
  return [...counts.values()].toSorted((a, b) => compare(a.workflow, b.workflow) || compare(a.status, b.status))
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
