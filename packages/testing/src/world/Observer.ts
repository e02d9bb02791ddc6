/** The client of a world: it outlives the worker's processes, as a client in another process does. */
import { Effect } from "effect"
import { Client, Limits, type Log } from "@reprise/core/engine"
import { Worker } from "@reprise/worker/engine"
import * as Process from "./Process.js"
import type { WorldState } from "./State.js"

export const make = (world: WorldState) =>
  Client.make({
    log: logOf(world),
    registry: { byName: world.registry },
    limits: Limits.complete(world.limits),
    newId: () => Process.newId(world),
    local: localOf(world)
  })

const onLog = <A, E>(world: WorldState, call: (log: Log.LogShape) => Effect.Effect<A, E>) =>
  Effect.flatMap(Process.alive(world), ({ log }) => call(log))

const logOf = (world: WorldState): Log.LogShape => ({
  watchesAll: true,
  get epoch() {
    return world.process?.log.epoch ?? 0
  },
  // The epoch that the caller knew may be that of a process that has crashed since.
  append: (appends) => onLog(world, (log) => log.append(appends.map((append) => ({ ...append, epoch: log.epoch })))),
  send: (runId, message) => onLog(world, (log) => log.send(runId, message)),
  read: (runId, afterSeq, limit) => onLog(world, (log) => log.read(runId, afterSeq, limit)),
  inbox: (runId) => onLog(world, (log) => log.inbox(runId)),
  runnable: (options) => onLog(world, (log) => log.runnable(options)),
  find: (filter) => onLog(world, (log) => log.find(filter)),
  note: (notes) => onLog(world, (log) => log.note(notes)),
  watch: (listener) =>
    Effect.asVoid(Effect.acquireRelease(
      Effect.sync(() => void world.listeners.add(listener)),
      () => Effect.sync(() => void world.listeners.delete(listener))
    ))
})

const localOf = (world: WorldState): Client.LocalWorker => {
  const local = Effect.map(Process.alive(world), (process) => ({ process, worker: Worker.local(process.worker!) }))
  return {
    start: (request) =>
      Effect.flatMap(local, ({ process, worker }) => Process.unlessDead(process, "start a run", worker.start(request))),
    query: (run, name, input) =>
      Effect.flatMap(local, ({ process, worker }) =>
        Process.unlessDead(process, "answer a query", worker.query(run, name, input))),
    refusal: (run, message) =>
      Effect.flatMap(local, ({ process, worker }) =>
        Process.unlessDead(process, "judge a message", worker.refusal(run, message))),
    check: (options) => Effect.flatMap(local, ({ process, worker }) => Process.unlessDead(process, "check", worker.check(options))),
    rehearse: (run, events, next) => Effect.flatMap(local, ({ worker }) => worker.rehearse(run, events, next)),
    inspect: (run) =>
      Effect.flatMap(local, ({ process, worker }) => Process.unlessDead(process, "look at a run", worker.inspect(run)))
  }
}
