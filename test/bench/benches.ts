/** All benches, in the order in which they are run. */
import { appendRawBatch, appendRawSingle } from "./appendRaw.js"
import type { Bench } from "./Bench.js"
import { check } from "./check.js"
import { fanoutFew, fanoutMany } from "./fanout.js"
import { httpSignal, httpStart } from "./http.js"
import { longHistory } from "./longHistory.js"
import { park } from "./park.js"
import { recover } from "./recover.js"
import { replay } from "./replay.js"
import { runLatency } from "./runLatency.js"
import { runThroughput } from "./runThroughput.js"
import { signal } from "./signal.js"
import { sseLag } from "./sse.js"
import { stepSequential } from "./stepSequential.js"
import { wake } from "./wake.js"

export const benches: ReadonlyArray<Bench> = [
  appendRawSingle,
  appendRawBatch,
  stepSequential,
  runThroughput,
  runLatency,
  fanoutFew,
  fanoutMany,
  replay,
  check,
  longHistory,
  park,
  wake,
  signal,
  recover,
  httpStart,
  httpSignal,
  sseLag
]
