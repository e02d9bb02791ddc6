/** Finds what was meant by a name that is not known. */

/** Edits from one name to the other that still look like a slip. */
const EDITS_MAX = 2

export const of = (name: string, known: ReadonlyArray<string>): string | undefined => {
  const [nearest] = known.map((other) => [distance(name, other), other] as const).toSorted(([a], [b]) => a - b)
  return nearest === undefined || nearest[0] > EDITS_MAX ? undefined : nearest[1]
}

/** Letters to insert, delete, replace or swap with their neighbour. */
const distance = (a: string, b: string): number => {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Infinity
  for (let i = 1; i <= a.length; i++) {
    const row = rows[i] = [i]
    for (let j = 1; j <= b.length; j++) {
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Infinity
      row[j] = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1), swapped)
    }
  }
  return at(a.length, b.length)
}
