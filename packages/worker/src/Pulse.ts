/**
 * Whether the loops of a worker do their work: noted by the loops, asked by checks of its health.
 *
 * A timer that is late may have been late before this worker: its run was paused, or no process ran. What is measured here
 * is the loop: how long what is due waits to be looked at.
 */
import type { Client } from "@reprise/core"
import type { Pulse, Worker } from "./State.js"

export const make = (): Pulse => ({
  commitSince: undefined,
  commitFailedAt: undefined,
  roundAt: Infinity,
  roundSince: undefined,
  roundLateMillis: 0,
  fullSince: undefined
})

/** A round of the due loop begins. A round whose question to the store has failed goes on with the next one. */
export const beginRound = (pulse: Pulse, now: number): void => {
  pulse.roundLateMillis = Math.max(0, now - pulse.roundAt)
  pulse.roundSince ??= now
}

/** The store has said what is due; `isFull`: and there is more of it. */
export const endRound = (pulse: Pulse, now: number, isFull: boolean): void => {
  pulse.roundSince = undefined
  pulse.fullSince = isFull ? pulse.fullSince ?? now : undefined
}

/** When the next round is to begin. An instant that has passed already is one of which nobody could know before. */
export const planRound = (pulse: Pulse, at: number, now: number): void => {
  pulse.roundAt = Math.max(at, now)
}

export const vitalsOf = (worker: Worker): Client.Vitals => {
  const { commitFailedAt, commitSince } = worker.pulse
  return {
    liveCount: worker.live.size,
    // One that has lost the store has stopped, and says why.
    isStopping: (worker.stopping || worker.draining) && !worker.fenced,
    isFenced: worker.fenced,
    commitFailedAt,
    commitSince,
    timerLagMillis: timerLag(worker.pulse, worker.now())
  }
}

export const timerLag = ({ fullSince, roundAt, roundLateMillis, roundSince }: Pulse, now: number): number =>
  Math.max(roundLateMillis, now - (fullSince ?? now), now - (roundSince ?? Math.min(roundAt, now)))
