/**
 * The ids of messages that runs and stores send by themselves. A run takes each id once, so nobody else may use them:
 * a client's message with the id of an answer would keep the answer out.
 */
const RESERVED = ["started/", "ended/", "sent/", "parent/", "outcome/", "signal/"] as const

/** The message with which every run begins. */
export const START = "start"
/** The cause of a cancel that nobody sent: the run's timeout. */
export const TIMEOUT = "timeout"

export const started = (id: string): string => `started/${id}`
export const ended = (id: string): string => `ended/${id}`
export const sent = (id: string): string => `sent/${id}`
/** From a parent that has ended. */
export const parent = (runId: string, id: string): string => `parent/${runId}/${id}`
export const outcome = (id: string, attempt: number): string => `outcome/${id}/${attempt}`
/** A signal from one run to another. */
export const signal = (runId: string, id: string): string => `signal/${runId}/${id}`

export const isReserved = (messageId: string): boolean =>
  messageId === START || messageId === TIMEOUT || RESERVED.some((prefix) => messageId.startsWith(prefix))
