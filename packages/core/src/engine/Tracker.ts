/**
 * Follows the fibers of a program and what each of them waits for. Only for programs that are replayed in order to be looked
 * at: those that run pay nothing for it.
 */
import { Effect, type Fiber, FiberRef, FiberRefs, FiberId, Runtime, Supervisor } from "effect"
import type { Activation, RequestTag } from "../define/Activation.js"

/** A request that has no answer yet. */
export interface Asked {
  readonly tag: RequestTag
  /** Of the step, timer, awakeable or child that it is about. */
  readonly id: string | undefined
  /** Of the signal or step. */
  readonly name: string | undefined
  /** When it was asked, in epoch milliseconds. */
  readonly since: number
  /** A sleep without end. */
  readonly endless: boolean
}

export interface Tracker {
  readonly fibers: Supervisor.Supervisor<ReadonlyArray<Fiber.RuntimeFiber<unknown, unknown>>>
  /** By fiber path. */
  readonly asked: Map<string, Asked>
}

/** The runtime on which every fiber is known to the tracker. */
export const make = (runtime: Runtime.Runtime<Activation>): {
  readonly tracker: Tracker
  readonly runtime: Runtime.Runtime<Activation>
} => {
  const fibers = Supervisor.unsafeTrack()
  return {
    tracker: { fibers, asked: new Map() },
    runtime: Runtime.updateFiberRefs(runtime, (refs) =>
      FiberRefs.updateAs(refs, { fiberId: FiberId.none, fiberRef: FiberRef.currentSupervisor, value: fibers }))
  }
}

/** Knows of a request until it is answered. `nextId` is the id of the fiber's next command. */
export const followed = <A>(
  { asked }: Tracker,
  path: string,
  nextId: string,
  since: number,
  request: { readonly _tag: RequestTag },
  answer: Effect.Effect<A>
): Effect.Effect<A> =>
  Effect.suspend(() => {
    const entry: Asked = {
      tag: request._tag,
      id: "id" in request && typeof request.id === "string" ? request.id : nextId,
      name: "name" in request && typeof request.name === "string" ? request.name : undefined,
      since,
      endless: "millis" in request && request.millis === Infinity
    }
    asked.set(path, entry)
    return Effect.onExit(answer, () =>
      Effect.sync(() => {
        if (asked.get(path) === entry) asked.delete(path)
      }))
  })
