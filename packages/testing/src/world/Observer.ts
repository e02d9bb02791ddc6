/**
 * The client of a world: it outlives the worker's processes, as a client in another process does. Whatever is cut off, it
 * asks again: a message has an id, and so has a run.
 */
import { Effect } from "effect"
import { Client, type Errors, Limits, type Log } from "@reprise/core/engine"
import { Worker } from "@reprise/worker/engine"
import * as Process from "./Process.js"
import type { Process as OneProcess, WorldState } from "./State.js"
import * as Wire from "./Wire.js"

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
  send: (runId, message) =>
    Wire.sendFrom(world, onLog(world, (log) =>
      Effect.suspend(() => {
        // The worker hears of it before this client does.
        if (message._tag === "Resume") world.resumed.add(runId)
        return Effect.tap(log.send(runId, message), (answer) => {
          if (answer !== "Sent") return
          if (message._tag === "Pause") world.resumed.delete(runId)
          if (message._tag === "Signal" || message._tag === "Update") {
            world.acknowledged.push({ runId, messageId: message.messageId })
          }
        })
      }))),
  read: (runId, afterSeq, limit) => onLog(world, (log) => log.read(runId, afterSeq, limit)),
  inbox: (runId) => onLog(world, (log) => log.inbox(runId)),
  runnable: (options) => onLog(world, (log) => log.runnable(options)),
  find: (filter) => onLog(world, (log) => log.find(filter)),
  tally: (conditions) => onLog(world, (log) => log.tally(conditions)),
  feed: (after, limit, filter) => onLog(world, (log) => log.feed(after, limit, filter)),
  note: (notes) => onLog(world, (log) => log.note(notes)),
  watch: (listener) =>
    Effect.asVoid(Effect.acquireRelease(
      Effect.sync(() => void world.listeners.add(listener)),
      () => Effect.sync(() => void world.listeners.delete(listener))
    ))
})

const localOf = (world: WorldState): Client.LocalWorker => ({
  start: (request) => start(world, request),
  query: (run, name, input) => asking(world, "answer a query", (worker) => worker.query(run, name, input)),
  refusal: (run, message) => asking(world, "judge a message", (worker) => worker.refusal(run, message)),
  check: (options) => asking(world, "check", (worker) => worker.check(options)),
  rehearse: (run, events, next) =>
    Effect.flatMap(Process.alive(world), ({ worker }) => Worker.local(worker!).rehearse(run, events, next)),
  inspect: (run) => asking(world, "look at a run", (worker) => worker.inspect(run)),
  vitals: Effect.flatMap(Process.alive(world), ({ worker }) => Worker.local(worker!).vitals)
})

/** A question to the process that runs; when it dies meanwhile, to the next one. */
const asking = <A, E>(
  world: WorldState,
  operation: string,
  ask: (worker: Client.LocalWorker) => Effect.Effect<A, E>
): Effect.Effect<A, E | Errors.LogError> =>
  Effect.flatMap(Process.alive(world), (process) =>
    Effect.catchAll(
      Process.unlessDead(process, operation, Effect.zipRight(whenMoving(process), ask(Worker.local(process.worker!)))),
      (error): Effect.Effect<A, E | Errors.LogError> => (isOver(process) ? asking(world, operation, ask) : Effect.fail(error))
    ))

const isOver = ({ isDead, isZombie }: OneProcess): boolean => isDead || isZombie

/** Nobody in a paused process hears of anything. */
const whenMoving = ({ scheduler }: OneProcess): Effect.Effect<void> =>
  Effect.suspend(() =>
    scheduler.isPaused ? Effect.async<void>((resume) => scheduler.scheduleTask(() => resume(Effect.void))) : Effect.void)

/** A start that was cut off may have been taken: a run that is there now, and was not before, is the one that was asked for. */
const start = (world: WorldState, request: Log.StartRequest): Effect.Effect<Log.Appended, Errors.LogError> =>
  Effect.gen(function*() {
    const find = onLog(world, (log) => log.find({ runIds: [request.runId], limit: 1 }))
    const wasThere = (yield* find).length > 0
    for (;;) {
      const process = yield* Process.alive(world)
      const strikeCount = world.wire.strikes.length
      const begun = Effect.zipRight(whenMoving(process), Effect.suspend(() => Worker.local(process.worker!).start(request)))
      const answer = yield* Effect.either(Process.unlessDead(process, "start a run", begun))
      if (answer._tag === "Right") {
        const isOurs = answer.right._tag === "Exists" && answer.right.by === "id" && !wasThere
        return isOurs ? { _tag: "Committed" } : answer.right
      }
      // What no fault has caused is the store's own word.
      if (!isOver(process) && world.wire.strikes.length === strikeCount) return yield* answer.left
    }
  })
