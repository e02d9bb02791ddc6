/** How fibers of a program wait for what they are told. */
import { Effect } from "effect"

/** A fiber that asked for something while the program is at fault waits for ever. */
export const parked = Effect.async<never>(() => {})

/**
 * Waits until it is resumed; `whenInterrupted` runs first when the fiber is interrupted, even before `register` was
 * called. The same as `Effect.async` with a canceler, at less than half its cost: every step waits here.
 */
export const waitFor = <A>(
  register: (resume: (effect: Effect.Effect<A>) => void) => void,
  whenInterrupted: () => Effect.Effect<unknown>
): Effect.Effect<A> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.matchCauseEffect(restore(Effect.async<A>((resume) => register(resume))), {
      onSuccess: Effect.succeed,
      onFailure: (cause) => Effect.zipRight(Effect.suspend(whenInterrupted), Effect.failCause(cause))
    }))

/** Waits in line for what is handed to one of `takers`. */
export const waitAmong = <A>(takers: Set<(taken: A) => void>): Effect.Effect<A> => {
  let taker = (_taken: A): void => {}
  return waitFor<A>(
    (resume) => {
      taker = (taken) => resume(Effect.succeed(taken))
      takers.add(taker)
    },
    () => Effect.sync(() => takers.delete(taker))
  )
}
