/**
 * Source lines of commands. Capturing a stack for each step would cost more than the step, so it is done only while
 * `capturing` is on: a divergence is explained by replaying the run once more with it.
 */
let capturing = false

/** Runs `body` with source lines captured. Synchronous, so nothing else sees the switch. */
export const captured = <A>(body: () => A): A => {
  const before = capturing
  capturing = true
  try {
    return body()
  } finally {
    capturing = before
  }
}

/** `file:line:column`. Made from its stack only when it is asked for: of a hundred thousand lines few are ever shown. */
export type Line = () => string | undefined

/** The line of whoever called `from`, or `undefined` when lines are not being captured. */
export const lineOf = (from: Function): Line | undefined => {
  if (!capturing) return undefined
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, from)
  return () => {
    const frame = (holder.stack ?? "").split("\n").slice(1).find((line) => !line.includes("node_modules/effect/"))
    return frame?.trim().replace(/^at (?:.*\()?(?:file:\/\/)?/, "").replace(/\)$/, "")
  }
}
