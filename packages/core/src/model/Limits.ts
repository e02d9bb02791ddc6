/** Every bound in Reprise, with its unit and the reason for its number. */
import { ConfigurationInvalid } from "./Errors.js"

export interface Limits {
  /** Largest encoded payload (input, output, error, signal, recorded value), in bytes of UTF-8 JSON. */
  readonly payloadBytesMax: number
  /** Longest name of a workflow, step, signal, query or update, and longest run id, key or message id, in characters. */
  readonly nameCharsMax: number
  /** Longest text for humans: a reason, a sender, a step's summary; and longest idempotency key, in characters. */
  readonly textCharsMax: number
  /** Fiber operations that one activation may take before the program counts as spinning. */
  readonly activationOpsMax: number
  /** Commands that one activation may issue: the fan-out of a single moment. */
  readonly activationCommandsMax: number
  /** Generations that a run may begin one after another, without waiting for anything, before it counts as spinning. */
  readonly generationsMax: number
  /** Events of one generation above which a warning is given, and again whenever their number has doubled. */
  readonly historyEventsWarn: number
  /** Step bodies that one worker runs at the same time; the others wait for a slot in order. */
  readonly attemptsMax: number
  /** Runs that one worker keeps in memory; above it the longest idle are parked at once. */
  readonly liveRunsMax: number
  /** How long an idle run stays in memory before it is parked, in milliseconds. */
  readonly parkAfterMillis: number
  /** Longest wait between two looks at the store for due timers and messages, in milliseconds. */
  readonly pollMillis: number
  /** How often a worker looks for runs that it should have been told of and was not, in milliseconds. */
  readonly sweepMillis: number
  /** Events read from the store in one page. */
  readonly pageEventCount: number
  /** Log lines that are kept of one attempt, or of the body of a run. */
  readonly logLinesMax: number
  /** The same in bytes of UTF-8; whichever comes first. */
  readonly logBytesMax: number
  /** Longest log line, in bytes of UTF-8; the rest of it is cut off. */
  readonly logLineBytesMax: number
}

export const Limits: Limits = {
  // 1 MiB: larger values belong in a blob store, with the reference in the log.
  payloadBytesMax: 1_048_576,
  nameCharsMax: 256,
  // A paragraph. Whole documents are payloads.
  textCharsMax: 2_000,
  // A fan-out of 10,000 steps takes about 2 million operations; 50 million take a second or two.
  activationOpsMax: 50_000_000,
  activationCommandsMax: 100_000,
  generationsMax: 100,
  // They are replayed in about a quarter of a second.
  historyEventsWarn: 50_000,
  attemptsMax: 1_000,
  liveRunsMax: 10_000,
  parkAfterMillis: 1_000,
  pollMillis: 500,
  // Wake-ups do not get lost in one process; should one, half a minute is what it costs.
  sweepMillis: 30_000,
  pageEventCount: 10_000,
  // More is not read by people, and 256 KiB of each of a thousand attempts are a quarter of a gigabyte.
  logLinesMax: 1_000,
  logBytesMax: 262_144,
  // A stack trace fits, a dump of an object does not: one line is not to take the place of all others.
  logLineBytesMax: 16_384
}

/** The given limits and the default of every other one. Throws at what would let nothing happen. */
export const complete = (given: Partial<Limits> = {}): Limits => {
  for (const [name, limit] of Object.entries(given)) {
    if (limit >= 1 || (limit === 0 && name.endsWith("Millis"))) continue
    throw new ConfigurationInvalid({ detail: `Limits.${name} is ${limit}; it must be at least 1` })
  }
  return { ...Limits, ...given }
}
