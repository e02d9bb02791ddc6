/**
 * The scheduler of all fibers of one process of a test world. It knows when none of them can move, and it can be paused
 * and killed.
 *
 * Invariants:
 * - R1 Tasks run in the order in which they were scheduled, or in the order that `pick` draws; `isIdle` is exact.
 * - R2 After `kill` no task runs, not even the finalizers of fibers: a crash is not an interrupt.
 */
import type { Fiber, Scheduler } from "effect"

/** Operations after which a fiber lets others run, as in Effect's own scheduler. */
const OPS_MAX = 2_048
/** Tasks in a row; then the event loop has a turn, so that a test that hangs can time out. */
const TASKS_MAX = 10_000
/** The same for tasks that come one by one: whoever goes round and round must not keep the event loop for ever. */
const WAKES_MAX = 10_000

/** A hash of everything that has run, in order. */
export interface Trace {
  hash: number
  taskCount: number
}

/** Adds a number to a hash (FNV-1a, 32 bits, one step for each number). */
export const mix = (hash: number, value: number): number => Math.imul(hash ^ value, 0x01000193)

export interface Options {
  readonly trace: Trace
  /** Which of `count` ready tasks runs next, from 0. */
  readonly pick: (count: number) => number
  /** Changes whenever the same task at another moment is another story: the process, and the time. */
  readonly moment: () => number
}

export class ProcessScheduler implements Scheduler.Scheduler {
  private tasks: Array<() => void> = []
  /** Tasks before it have run; they are let go of together. */
  private first = 0
  private isScheduled = false
  private wakeCount = 0
  isPaused = false
  private isKilled = false

  constructor(private readonly options: Options) {}

  get isIdle(): boolean {
    return this.isPaused || (this.first === this.tasks.length && !this.isScheduled)
  }

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    return fiber.currentOpCount > OPS_MAX ? 0 : false
  }

  scheduleTask(task: () => void): void {
    if (this.isKilled) return
    this.tasks.push(task)
    this.wake()
  }

  kill(): void {
    this.isKilled = true
    this.clear()
  }

  /** Tasks wait until `resume`. */
  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
    this.wake()
  }

  private wake(): void {
    if (this.isScheduled || this.isPaused || this.first === this.tasks.length) return
    this.isScheduled = true
    this.wakeCount += 1
    if (this.wakeCount % WAKES_MAX === 0) setImmediate(() => this.drain())
    else queueMicrotask(() => this.drain())
  }

  private drain(): void {
    for (let i = 0; i < TASKS_MAX; i++) {
      const task = this.isPaused ? undefined : this.next()
      if (task === undefined) {
        this.isScheduled = false
        return
      }
      task()
    }
    setImmediate(() => this.drain())
  }

  private next(): (() => void) | undefined {
    const { moment, pick, trace } = this.options
    const count = this.tasks.length - this.first
    if (count === 0) {
      this.clear()
      return undefined
    }
    const drawn = pick(count)
    const task = this.tasks[this.first + drawn]!
    // The first takes the place of the one that runs.
    this.tasks[this.first + drawn] = this.tasks[this.first]!
    this.first += 1
    trace.hash = mix(mix(trace.hash, moment()), drawn)
    trace.taskCount += 1
    return task
  }

  private clear(): void {
    this.tasks.length = 0
    this.first = 0
  }
}
