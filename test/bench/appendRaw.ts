/** The limits: what the disk and the driver do without Reprise. */
import { type Bench, equal } from "./Bench.js"
import * as Raw from "./Raw.js"
import { median } from "./Samples.js"

const SINGLES = 2_000
const BATCHES = 60
const REPETITIONS = 5

export const appendRawSingle: Bench = {
  name: "append.raw.single",
  unit: "commits/s",
  about: "better-sqlite3 alone: one row a commit",
  measure: async (folder) => {
    const raw = Raw.open(folder)
    Raw.singles(raw, SINGLES / 4)
    const repetitions = Array.from({ length: REPETITIONS }, () => Raw.singles(raw, SINGLES))
    equal("rows", Raw.countRows(raw), SINGLES / 4 + SINGLES * REPETITIONS)
    raw.database.close()
    return {
      value: median(repetitions.map((samples) => (SINGLES / Raw.sum(samples)) * 1_000)),
      commitMillis: median(repetitions.flat())
    }
  }
}

export const appendRawBatch: Bench = {
  name: "append.raw.batch",
  unit: "rows/s",
  about: "better-sqlite3 alone: transactions of 1,000 rows",
  measure: async (folder) => {
    const raw = Raw.open(folder)
    Raw.batches(raw, BATCHES)
    const rates = Array.from({ length: REPETITIONS }, () =>
      (BATCHES * Raw.BATCH_ROWS * 1_000) / Raw.batches(raw, BATCHES))
    equal("rows", Raw.countRows(raw), BATCHES * Raw.BATCH_ROWS * (REPETITIONS + 1))
    raw.database.close()
    return { value: median(rates) }
  }
}
