/**
 * How the life of a process ends.
 *
 * Invariants:
 * - R1 A crash is not an interrupt: no finalizer runs and nobody is told; what was committed is all that is left.
 * - R2 Whoever waits for the dead process from outside (a client) learns of its end, as over a broken connection.
 */
import { Deferred, Exit, type Fiber, GlobalValue } from "effect"
import * as VirtualClock from "../VirtualClock.js"
import type { Process, WorldState } from "./State.js"

// Effect's registry of root fibers, under the key of its fiberScope module (effect 3.22).
const globalScope = GlobalValue.globalValue(
  Symbol.for("effect/FiberScope/Global"),
  () => ({ roots: new Set<Fiber.RuntimeFiber<unknown, unknown>>() })
)

/** Ends the process as a power cut does (R1). */
export const kill = (world: WorldState, process: Process): void => {
  if (process.isDead) return
  process.isDead = true
  process.scheduler.kill()
  world.zombies.delete(process)
  // The runtime would keep them, and with them the whole process, for as long as they have not ended.
  for (const fiber of globalScope.roots) if (fiber.currentScheduler === process.scheduler) globalScope.roots.delete(fiber)
  VirtualClock.forget(world.time, process)
  Deferred.unsafeDone(process.death, Exit.void)
}

/** Another process will take over, and this one does not know: its clients do (R2). */
export const supersede = (world: WorldState, process: Process): void => {
  process.isZombie = true
  world.zombies.add(process)
  if (world.process === process) world.process = undefined
  Deferred.unsafeDone(process.death, Exit.void)
}
