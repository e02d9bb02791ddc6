/**
 * What the writer remembers of open runs, so that an append needs no read before it: the run's number, its last seq
 * and the checksum there. Entries are changed in place while a transaction is prepared; when it fails, the entries of
 * all runs concerned are dropped and read again.
 *
 * Two generations bound the memory: new and used entries are young; when the young are full they become the old, and
 * the old are forgotten. That keeps the recently used at the cost of one map lookup.
 */
export interface Known {
  readonly runId: string
  readonly run: number
  seq: number
  sum: number
  closed: boolean
  /**
   * Started by this process, without a key, and since then no mail, note or link came near it: when it closes there is
   * nothing to look for and nothing to remove.
   */
  plain: boolean
  /** Whether a row of `links` may name it as the awaited run, or as the one that waits. When false, none does. */
  awaited: boolean
  awaiting: boolean
}

export interface Cache {
  young: Map<string, Known>
  old: Map<string, Known>
  readonly generationMax: number
}

/** About 200 bytes an entry: 20 MB at most. */
const GENERATION_MAX = 50_000

export const make = (generationMax = GENERATION_MAX): Cache => ({ young: new Map(), old: new Map(), generationMax })

export const get = (cache: Cache, runId: string): Known | undefined => {
  const young = cache.young.get(runId)
  if (young !== undefined) return young
  const old = cache.old.get(runId)
  if (old !== undefined) put(cache, old)
  return old
}

export const put = (cache: Cache, known: Known): void => {
  if (cache.young.size >= cache.generationMax) {
    cache.old = cache.young
    cache.young = new Map()
  }
  cache.young.set(known.runId, known)
}

export const drop = (cache: Cache, runId: string): void => {
  cache.young.delete(runId)
  cache.old.delete(runId)
}

export const clear = (cache: Cache): void => {
  cache.young.clear()
  cache.old.clear()
}
