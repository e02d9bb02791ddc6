/**
 * The scheduler of one program's fibers: a FIFO that moves only while the engine drains it. An empty queue means that the
 * program has reacted to everything it was told (exact quiescence).
 *
 * Talks to: Effect's fiber runtime above, the engine's drain below.
 * Invariants:
 * - R1 Tasks run in the order in which they were scheduled, one at a time, only inside `drain`.
 * - R2 A task that arrives outside a drain was caused by something that the log does not know; it is reported through
 *      `onForeign` and never runs.
 * - R3 Fibers never yield because of their operation count, so that no bound of the runtime can reorder them; the count
 *      is kept here instead, and `onSpin` is told once when it passes `opsMax`.
 */
import type { Scheduler } from "effect"

export class FiberScheduler implements Scheduler.Scheduler {
  private tasks: Array<() => void> = []
  private draining = false
  private stopped = false
  private ops = 0

  constructor(
    private readonly opsMax: number,
    private readonly onForeign: (stack: string) => void,
    private readonly onSpin: () => void
  ) {}

  shouldYield(): number | false {
    this.ops += 1
    if (this.ops <= this.opsMax) return false
    // R3: the yielding fiber's task is queued behind `stopped` and never runs.
    if (!this.stopped) this.onSpin()
    return 0
  }

  scheduleTask(task: () => void): void {
    if (this.stopped) return
    if (this.draining) {
      this.tasks.push(task)
    } else {
      this.onForeign(new Error("woken from outside the log").stack ?? "")
    }
  }

  /** Runs `first`, then every task that it and its successors schedule, until none is left or the program is stopped. */
  drain(first: () => void): void {
    this.draining = true
    try {
      first()
      for (let i = 0; i < this.tasks.length && !this.stopped; i++) this.tasks[i]!()
    } finally {
      this.tasks = []
      this.draining = false
    }
  }

  /** Starts a new count of operations. */
  recount(): void {
    this.ops = 0
  }

  /** Nothing runs any more, in this drain or later: the program is at fault, or dropped. */
  stop(): void {
    this.stopped = true
  }
}
