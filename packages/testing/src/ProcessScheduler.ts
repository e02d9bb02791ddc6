/**
 * The scheduler of all fibers of one process of a test world. It knows when none of them can move, and it can be killed.
 *
 * Invariants:
 * - R1 Tasks run in the order in which they were scheduled; `isIdle` is exact.
 * - R2 After `kill` no task runs, not even the finalizers of fibers: a crash is not an interrupt.
 */
import type { Fiber, Scheduler } from "effect"

/** Operations after which a fiber lets others run, as in Effect's own scheduler. */
const OPS_MAX = 2_048
/** Tasks in a row; then the event loop has a turn, so that a test that hangs can time out. */
const TASKS_MAX = 10_000

export class ProcessScheduler implements Scheduler.Scheduler {
  private tasks: Array<() => void> = []
  private isScheduled = false
  private isKilled = false

  get isIdle(): boolean {
    return this.tasks.length === 0 && !this.isScheduled
  }

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    return fiber.currentOpCount > OPS_MAX ? 0 : false
  }

  scheduleTask(task: () => void): void {
    if (this.isKilled) return
    this.tasks.push(task)
    if (this.isScheduled) return
    this.isScheduled = true
    queueMicrotask(() => this.drain())
  }

  kill(): void {
    this.isKilled = true
    this.tasks = []
  }

  private drain(): void {
    for (let i = 0; i < TASKS_MAX; i++) {
      const task = this.tasks[i]
      if (task === undefined) {
        this.tasks = []
        this.isScheduled = false
        return
      }
      task()
    }
    this.tasks = this.tasks.slice(TASKS_MAX)
    setImmediate(() => this.drain())
  }
}
