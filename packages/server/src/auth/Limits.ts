/** What auth bounds, with units. docs/guide/auth.md explains each. */
export interface Limits {
  /** Requests that one caller, or one address that has shown no credentials, may make at once. */
  readonly requestBurst: number
  /** How many of them come back each second. */
  readonly requestsPerSecond: number
  /** Wrong credentials from one address, and how many come back each minute. */
  readonly failuresOfAddress: number
  readonly failuresOfAddressPerMinute: number
  /** Wrong passwords for one name, from wherever they come, and how many come back each minute. */
  readonly failuresOfName: number
  readonly failuresOfNamePerMinute: number
  /** A session ends when nothing was asked with it for so long, */
  readonly sessionIdleMillis: number
  /** and so long after it began, whatever was asked. */
  readonly sessionMillis: number
  /** How long an API key is remembered; one that was revoked by another process works for so long. */
  readonly keyCacheMillis: number
  /** Entries of the audit log; the oldest are removed. */
  readonly auditEntriesMax: number
}

export const defaults: Limits = {
  requestBurst: 2_000,
  requestsPerSecond: 1_000,
  failuresOfAddress: 30,
  failuresOfAddressPerMinute: 10,
  failuresOfName: 10,
  failuresOfNamePerMinute: 2,
  sessionIdleMillis: 60 * 60_000,
  sessionMillis: 12 * 60 * 60_000,
  keyCacheMillis: 5_000,
  auditEntriesMax: 100_000
}
