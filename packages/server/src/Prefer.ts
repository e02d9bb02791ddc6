/** The header `Prefer` (RFC 7240), of which `wait` is known: seconds that the caller would wait for an outcome. */
import { WAIT_SECONDS_MAX } from "./api/routes/Runs.js"

const WAIT = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;|$)/i

/** As many seconds as are granted; `undefined` when the caller does not want to wait. What is not understood is not applied. */
export const waitOf = (header: string | undefined): number | undefined => {
  for (const preference of header?.split(",") ?? []) {
    const [, seconds] = WAIT.exec(preference) ?? []
    if (seconds !== undefined) return Math.min(Number(seconds), WAIT_SECONDS_MAX)
  }
  return undefined
}
