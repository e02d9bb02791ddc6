/** The whole stack in one process, as a user's server has it: a worker on a store in one file, with a client. */
import { Client, type Workflow } from "@reprise/core"
import { type Limits, Log } from "@reprise/core/engine"
import { Sqlite } from "@reprise/sql"
import { Worker } from "@reprise/worker"
import { Effect, Layer } from "effect"
import { join } from "node:path"
import { equal } from "./Bench.js"

export type AnyWorkflow = Workflow.Workflow<any, any, any, never>

export const storeOf = (folder: string): string => join(folder, "reprise.db")

/** Opens a store in `folder`, runs `use` beside the worker, and closes both. */
export const run = <A, E>(
  folder: string,
  workflows: ReadonlyArray<AnyWorkflow>,
  use: Effect.Effect<A, E, Client.Client | Log.Log>,
  limits: Partial<Limits.Limits> = {}
): Promise<A> => {
  const store = Sqlite.layer({ filename: storeOf(folder) })
  const worker = Worker.layer({ workflows, limits }).pipe(Layer.provideMerge(store))
  return Effect.runPromise(Effect.provide(use, worker))
}

/** Milliseconds that an effect took, and what it answered. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const before = performance.now()
    return Effect.map(effect, (answer) => [performance.now() - before, answer] as const)
  })

/** Fails the bench unless the store says that the run is complete and has so many events. */
export const checkRun = (runId: string, events: number) =>
  Effect.gen(function*() {
    const log = yield* Log.Log
    const [summary] = yield* log.find({ runIds: [runId], limit: 1 })
    equal(`status of ${runId}`, summary?.status, "completed")
    equal(`events of ${runId}`, summary?.eventCount, events)
  })
