/** Waiting for news of a run: told by the log, or found in the store. */
import { Effect } from "effect"
import type { Change } from "../ports/Log.js"
import type { ClientShape, Waiter, Waiters } from "./Shape.js"

/**
 * The first news that `pick` takes, from a look at the store or from a change told after it. Looks again whenever the
 * client's ticker says so, because another process may be the one that commits.
 */
export const watching = <A, E>(
  client: ClientShape,
  runId: string,
  pick: (change: Change) => A | undefined,
  look: Effect.Effect<A | undefined, E>
): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    let news: A | undefined
    let wake: () => void = () => {}
    const waiter: Waiter = {
      tell: (change) => {
        news ??= pick(change)
        if (news !== undefined) wake()
      },
      lookAgain: () => wake()
    }
    const woken = Effect.async<void>((resume) => {
      wake = () => resume(Effect.void)
      if (news !== undefined) wake()
    })
    const settled: Effect.Effect<A, E> = Effect.suspend(() =>
      news !== undefined ? Effect.succeed(news) : Effect.flatMap(look, (seen) => {
        const found = news ?? seen
        return found === undefined ? Effect.zipRight(woken, settled) : Effect.succeed(found)
      })
    )
    attend(client.waiters, runId, waiter)
    return Effect.onExit(settled, () => Effect.sync(() => leave(client.waiters, runId, waiter)))
  })

const attend = (waiters: Waiters, runId: string, waiter: Waiter): void => {
  const all = waiters.get(runId)
  if (all === undefined) waiters.set(runId, new Set([waiter]))
  else all.add(waiter)
}

const leave = (waiters: Waiters, runId: string, waiter: Waiter): void => {
  const all = waiters.get(runId)
  all?.delete(waiter)
  if (all?.size === 0) waiters.delete(runId)
}
