/**
 * The only writer. It owns the write connection, the queue of operations and the cache of run ends; everything that
 * changes the store goes through `submit`.
 *
 * - C1 An operation is answered after the commit that holds it, and listeners hear of the commit before anybody.
 * - C2 Everything that is queued goes into one transaction (group commit). A flush waits for the end of the current
 *   turn of the event loop, so that whatever is ready joins it, and no longer.
 * - C3 When a transaction fails, it is rolled back, and the runs that it touched are forgotten and read again.
 *   An operation that breaks a rule of the database must not take others with it: each is tried once more by itself.
 * - C4 After a failed fsync nothing is known about what the disk holds: the committer refuses everything from then on, and
 *   tells `onFailed`, which ends the process unless the user has something better.
 */
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { Errors, type Log } from "@reprise/core/engine"
import { Cause, Effect, Exit, type Scope } from "effect"
import { StoreClosed, StoreFailed } from "./Errors.js"
import * as Failure from "./Failure.js"
import * as Known from "./Known.js"
import * as Transaction from "./Transaction.js"

type Apply = (tx: Transaction.Transaction) => Effect.Effect<void, unknown>

interface Operation {
  readonly name: string
  readonly apply: Apply
  /** The same as one statement outside a transaction, when it is the only one; `undefined` when it does not fit. */
  readonly alone: ((tx: Transaction.Transaction) => Effect.Effect<void, SqlError> | undefined) | undefined
  /** Wants a transaction of its own (maintenance). */
  readonly exclusive: boolean
  readonly answer: (exit: Exit.Exit<void, unknown>) => void
}

export interface Committer {
  readonly filename: string
  readonly connection: Connection
  readonly cache: Known.Cache
  readonly epoch: number
  readonly listeners: Set<(change: Log.Change) => void>
  readonly onFailed: (error: StoreFailed) => void
  queue: Array<Operation>
  wake: (() => void) | undefined
  /** Why nothing is accepted any more. */
  refusal: StoreFailed | StoreClosed | undefined
}

export interface Submission<A, E> {
  readonly name: string
  readonly apply: (tx: Transaction.Transaction) => Effect.Effect<A, E>
  readonly alone?: (tx: Transaction.Transaction) => Effect.Effect<A, SqlError> | undefined
  readonly exclusive?: boolean
}

type Told<E> = Errors.LogError | Exclude<E, SqlError>

/** Starts the loop; it ends with the scope, after committing what was accepted before. */
export const make = (
  filename: string,
  connection: Connection,
  epoch: number,
  onFailed: (error: StoreFailed) => void = crash
): Effect.Effect<Committer, never, Scope.Scope> =>
  Effect.gen(function*() {
    const committer: Committer = {
      filename,
      connection,
      cache: Known.make(),
      epoch,
      listeners: new Set(),
      onFailed,
      queue: [],
      wake: undefined,
      refusal: undefined
    }
    yield* Effect.addFinalizer(() => close(committer))
    yield* Effect.forkScoped(Effect.interruptible(loop(committer)))
    return committer
  })

/** Nothing catches what is thrown here, so Node prints it and ends with 1, unless the process has a handler of its own. */
const crash = (error: StoreFailed): never => {
  throw error
}

const close = (committer: Committer): Effect.Effect<void> =>
  Effect.suspend(() => {
    committer.refusal ??= new StoreClosed({ filename: committer.filename })
    return flush(committer)
  })

/**
 * Puts an operation into the queue and waits for the commit that holds it. The answer is `apply`'s. Whoever is
 * interrupted while waiting does not take the operation back: it may be in the middle of its transaction.
 */
export const submit = <A, E>(
  committer: Committer,
  submission: Submission<A, E>
): Effect.Effect<A, Told<E>> =>
  Effect.async<A, Told<E>>((resume) => {
    const { name } = submission
    const { refusal } = committer
    if (refusal !== undefined) return resume(Effect.fail(new Errors.LogError({ operation: name, cause: refusal })))
    let result: A
    const keep = (value: A): void => {
      result = value
    }
    enqueue(committer, {
      name,
      apply: (tx) => Effect.map(submission.apply(tx), keep),
      alone: (tx) => {
        const effect = submission.alone?.(tx)
        return effect === undefined ? undefined : Effect.map(effect, keep)
      },
      exclusive: submission.exclusive ?? false,
      answer: (exit) =>
        resume(Exit.isSuccess(exit) ? Effect.succeed(result) : Effect.failCause(told<E>(name, exit.cause)))
    })
  })

/** What the store did wrong becomes a LogError; an error of the operation itself stays what it is. */
const told = <E>(operation: string, cause: Cause.Cause<unknown>): Cause.Cause<Told<E>> => {
  const error = Cause.squash(cause)
  return Failure.isStoreFault(error)
    ? Cause.fail(new Errors.LogError({ operation, cause: Failure.reasonOf(error) }))
    : (cause as Cause.Cause<Exclude<E, SqlError>>)
}

const enqueue = (committer: Committer, operation: Operation): void => {
  committer.queue.push(operation)
  if (committer.queue.length === 1) setImmediate(() => committer.wake?.())
}

/** C2. Waits for work, and then for the end of this turn of the event loop. */
const awaitWork = (committer: Committer): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    committer.wake = () => {
      committer.wake = undefined
      resume(Effect.void)
    }
    if (committer.queue.length > 0) setImmediate(() => committer.wake?.())
  })

const loop = (committer: Committer): Effect.Effect<never> =>
  Effect.gen(function*() {
    while (true) {
      yield* awaitWork(committer)
      yield* Effect.uninterruptible(flush(committer))
    }
  })

const flush = (committer: Committer): Effect.Effect<void> =>
  Effect.suspend(() => {
    const operations = committer.queue
    if (operations.length === 0) return Effect.void
    committer.queue = []
    const [only] = operations
    if (operations.length === 1 && only !== undefined) return commitOne(committer, only)
    return Effect.forEach(batches(operations), (batch) => commit(committer, batch), { discard: true })
  })

/** Neighbours share a transaction, except those that want one of their own. */
const batches = (operations: ReadonlyArray<Operation>): ReadonlyArray<ReadonlyArray<Operation>> => {
  if (!operations.some((operation) => operation.exclusive)) return [operations]
  const result: Array<Array<Operation>> = []
  let open: Array<Operation> | undefined
  for (const operation of operations) {
    if (operation.exclusive) {
      result.push([operation])
      open = undefined
    } else if (open === undefined) {
      result.push(open = [operation])
    } else {
      open.push(operation)
    }
  }
  return result
}

const commitOne = (committer: Committer, operation: Operation): Effect.Effect<void> => {
  const tx = Transaction.make(committer.connection, committer.cache, committer.epoch)
  const alone = operation.alone?.(tx)
  if (alone === undefined) return commit(committer, [operation])
  return Effect.matchCauseEffect(alone, {
    onSuccess: () => finish(committer, [operation], tx),
    onFailure: (cause) => undo(committer, [operation], tx, cause)
  })
}

const commit = (committer: Committer, operations: ReadonlyArray<Operation>): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (committer.refusal instanceof StoreFailed) return answerAll(operations, Exit.fail(committer.refusal))
    const tx = Transaction.make(committer.connection, committer.cache, committer.epoch)
    const work = Effect.gen(function*() {
      yield* Transaction.write(tx, "BEGIN IMMEDIATE", [])
      const [row] = yield* Transaction.rows(tx, "SELECT epoch FROM store", [])
      tx.epoch = Number(row?.[0])
      for (const operation of operations) yield* operation.apply(tx)
      yield* Transaction.writeCollected(tx)
      yield* Transaction.write(tx, "COMMIT", [])
    })
    return Effect.matchCauseEffect(work, {
      onSuccess: () => finish(committer, operations, tx),
      onFailure: (cause) => undo(committer, operations, tx, cause)
    })
  })

/** C1. */
const finish = (committer: Committer, operations: ReadonlyArray<Operation>, tx: Transaction.Transaction) =>
  Effect.suspend(() => {
    const faults: Array<unknown> = []
    for (const change of tx.changes) {
      for (const listener of committer.listeners) {
        try {
          listener(change)
        } catch (fault) {
          faults.push(fault)
        }
      }
    }
    for (const operation of operations) operation.answer(Exit.void)
    return faults.length === 0 ? Effect.void : Effect.logError("A listener of the log threw", faults)
  })

/** C3, C4. */
const undo = (
  committer: Committer,
  operations: ReadonlyArray<Operation>,
  tx: Transaction.Transaction,
  cause: Cause.Cause<unknown>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (const runId of tx.touched.keys()) Known.drop(committer.cache, runId)
    // SQLite has rolled back by itself after some failures, and then says that no transaction is active.
    yield* Effect.ignore(Transaction.write(tx, "ROLLBACK", []))
    const error = Cause.squash(cause)
    if (Failure.isFsync(error)) {
      const refusal = new StoreFailed({ filename: committer.filename, cause: Failure.reasonOf(error) })
      committer.refusal = refusal
      yield* Effect.logFatal("The store failed and accepts nothing until a restart", refusal)
      yield* answerAll(operations, Exit.fail(refusal))
      // By itself, after those who were answered have had their turn.
      return void setImmediate(() => committer.onFailed(refusal))
    }
    if (operations.length > 1 && !Failure.isDisk(error)) {
      return yield* Effect.forEach(operations, (operation) => commit(committer, [operation]), { discard: true })
    }
    yield* answerAll(operations, Exit.failCause(cause))
  })

const answerAll = (operations: ReadonlyArray<Operation>, exit: Exit.Exit<void, unknown>): Effect.Effect<void> =>
  Effect.sync(() => {
    for (const operation of operations) operation.answer(exit)
  })
