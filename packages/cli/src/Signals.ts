/**
 * What Ctrl-C and SIGTERM mean. The first one asks: who serves stops in good order, and any other command is given up. The
 * second one ends the process at once.
 */
import { Effect } from "effect"

const CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

export type Signal = keyof typeof CODES

/** The exit code of a process that a signal has ended, as shells have it. */
export const codeOf = (signal: Signal): number => CODES[signal]

/** npm and other launchers pass on the Ctrl-C that the terminal has sent to the whole group already: that is no second signal. */
const ECHO_MILLIS = 200

const listeners = new Set<(signal: Signal) => void>()

/** The next signal. While somebody waits for it, the command is not given up. */
export const next: Effect.Effect<Signal> = Effect.async((resume) => {
  const listener = (signal: Signal): void => {
    listeners.delete(listener)
    resume(Effect.succeed(signal))
  }
  listeners.add(listener)
  return Effect.sync(() => void listeners.delete(listener))
})

export interface Ends {
  readonly giveUp: (signal: Signal) => void
  readonly end: (code: number) => void
}

/** Called once, by the process. */
export const listen = ({ end, giveUp }: Ends): void => {
  let firstAt: number | undefined
  const hear = (signal: Signal): void => {
    const now = performance.now()
    const isEcho = signal === "SIGINT" && firstAt !== undefined && now - firstAt < ECHO_MILLIS
    if (firstAt !== undefined) return isEcho ? undefined : end(codeOf(signal))
    firstAt = now
    if (listeners.size === 0) return giveUp(signal)
    for (const listener of [...listeners]) listener(signal)
  }
  process.on("SIGHUP", hear).on("SIGINT", hear).on("SIGTERM", hear)
}
