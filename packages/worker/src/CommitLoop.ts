/**
 * Sends what live runs have to append to the store, everything that is ready at once, and tells each run the answer.
 *
 * Talks to: the log, RunLoop. Owns the outbox.
 */
import { Effect } from "effect"
import { Errors, type Log } from "@reprise/core/engine"
import * as Live from "./Live.js"
import * as Metrics from "./Metrics.js"
import * as RunLoop from "./RunLoop.js"
import type { LiveRun, Pending, Worker } from "./State.js"

/** Runs until it is interrupted. */
export const run = (worker: Worker): Effect.Effect<never> =>
  Effect.forever(Effect.zipRight(untilSomething(worker), flush(worker)))

/** Writes everything that waits now. */
export const flush = (worker: Worker): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { notes, outbox } = worker
    worker.outbox = []
    worker.notes = []
    const noted = notes.length === 0 ? Effect.void : writeNotes(worker, notes)
    return outbox.length === 0 ? noted : Effect.zipRight(noted, commit(worker, outbox))
  })

const untilSomething = (worker: Worker): Effect.Effect<void> =>
  Effect.async((resume) => {
    worker.commitSoon = () => {
      worker.commitSoon = ignore
      resume(Effect.void)
    }
    if (worker.outbox.length > 0 || worker.notes.length > 0) worker.commitSoon()
  })

const ignore = () => {}

const commit = (
  worker: Worker,
  outbox: ReadonlyArray<{ readonly run: LiveRun; readonly pending: Pending }>
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { pulse } = worker
    const begun = performance.now()
    pulse.commitSince = worker.now()
    return Effect.match(asLogError("append", worker.log.append(outbox.map(({ pending }) => pending.append))), {
      onSuccess: (answers) => {
        pulse.commitSince = undefined
        pulse.commitFailedAt = undefined
        Metrics.commitSize.unsafeUpdate(outbox.length, [])
        Metrics.commitSeconds.unsafeUpdate(Metrics.seconds(performance.now() - begun), [])
        acknowledgeAll(worker, outbox, (i) => answers[i]!)
      },
      onFailure: (error) => {
        pulse.commitSince = undefined
        pulse.commitFailedAt = worker.now()
        acknowledgeAll(worker, outbox, () => error)
      }
    })
  })

const acknowledgeAll = (
  worker: Worker,
  outbox: ReadonlyArray<{ readonly run: LiveRun; readonly pending: Pending }>,
  answer: (i: number) => Log.Appended | Errors.LogError
): void => {
  for (let i = 0; i < outbox.length; i++) RunLoop.acknowledge(worker, outbox[i]!.run, outbox[i]!.pending, answer(i))
}

/** Notes are working data: when the store fails, they are tried again as long as nothing newer replaces them. */
const writeNotes = (worker: Worker, notes: ReadonlyArray<Log.Note>): Effect.Effect<void> =>
  Effect.catchAll(asLogError("note", worker.log.note(notes)), (error) =>
    Effect.map(Live.storeFailed(worker, error), () =>
      Live.fork(worker, Effect.zipRight(Effect.sleep("1 second"), Effect.sync(() => {
        worker.notes = [...notes, ...worker.notes]
        worker.commitSoon()
      })))))

/** A defect of the store must not end the loop: every run of the process waits for it. */
const asLogError = <A>(operation: string, call: Effect.Effect<A, Errors.LogError>): Effect.Effect<A, Errors.LogError> =>
  Effect.catchAllDefect(call, (cause) => Effect.fail(new Errors.LogError({ operation, cause })))
