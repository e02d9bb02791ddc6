/**
 * A log that stands still for ever around the commit of one event, as if its process were dead: nothing gets in any more,
 * and nobody hears of anything. So one process can hold many stores, each stopped at another event, and is killed once.
 */
import { Log } from "@reprise/core/engine"
import { Sqlite } from "@reprise/sql"
import { Effect, Layer } from "effect"
import { roleOf } from "./lifecycle.js"

/** The event of a run, and whether it is committed when the process dies, or has not reached the store. */
export interface Moment {
  readonly role: string
  readonly seq: number
  readonly when: "before" | "after"
}

export const layer = (filename: string, moment: Moment, onDeath: () => void) =>
  Layer.scoped(
    Log.Log,
    Effect.gen(function*() {
      const log = yield* Log.Log
      let isDead = false
      const die = (): void => {
        if (!isDead) onDeath()
        isDead = true
      }
      const alive = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
        const unless = Effect.suspend(() => (isDead ? forEver : Effect.void))
        return Effect.zipRight(unless, Effect.tap(effect, () => unless))
      }
      if (moment.when === "after") {
        yield* log.watch((change) => {
          if (change._tag === "Appended" && roleOf(change.runId) === moment.role && change.seq >= moment.seq) die()
        })
      }
      const dooms = ({ events, expectedSeq, runId }: Log.Append): boolean =>
        moment.when === "before" && roleOf(runId) === moment.role && expectedSeq + events.length >= moment.seq
      return {
        ...log,
        append: (appends: ReadonlyArray<Log.Append>) =>
          alive(Effect.suspend(() => {
            if (!appends.some(dooms)) return log.append(appends)
            die()
            return forEver
          })),
        send: (runId, message) => alive(log.send(runId, message)),
        read: (runId, afterSeq, limit) => alive(log.read(runId, afterSeq, limit)),
        inbox: (runId) => alive(log.inbox(runId)),
        runnable: (options) => alive(log.runnable(options)),
        find: (filter) => alive(log.find(filter)),
        note: (notes) => alive(log.note(notes)),
        watch: (listener) => log.watch((change) => isDead ? undefined : listener(change))
      } satisfies Log.LogShape
    })
  ).pipe(Layer.provide(Sqlite.layer({ filename })))

const forEver = Effect.async<never>(() => {})
