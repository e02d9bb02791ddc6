/** The answer to `Client.why`: plain data that survives JSON. Instants are epoch milliseconds. */
import type { Status } from "../model/Run.js"

/** What one fiber waits for. */
export type WaitsFor =
  | {
    readonly _tag: "Step"
    readonly id: string
    readonly name: string
    readonly attempt: number
    /**
     * `running`: its body runs. `queued`: all slots of the worker are taken. `idle`: no worker runs it now. `waiting`: the next
     * attempt is due later. `deciding`: the program is to say what follows. `asking`: an operator is. `cancelling`: the body's
     * cleanup runs.
     */
    readonly phase: "running" | "queued" | "idle" | "waiting" | "deciding" | "asking" | "cancelling"
    readonly deadlineAt?: number
  }
  | { readonly _tag: "Sensor"; readonly id: string; readonly name: string; readonly pollCount: number; readonly deadlineAt?: number }
  | { readonly _tag: "Timer"; readonly id: string }
  | { readonly _tag: "Signal"; readonly name: string }
  | { readonly _tag: "Awakeable"; readonly id: string; readonly name: string; readonly token: string }
  /** Another run, as its child or not; `status` is missing when the store no longer has it. */
  | { readonly _tag: "Run"; readonly id: string; readonly runId: string; readonly workflow: string; readonly status?: Status }
  /** The store's answer to a signal for another run. */
  | { readonly _tag: "Delivery"; readonly id: string; readonly runId: string; readonly name: string }
  | { readonly _tag: "Update"; readonly messageId: string; readonly name: string }
  | { readonly _tag: "Condition" }
  /** Other fibers: it joins them, or awaits a Deferred, Queue, Semaphore or the like. Their paths, as far as they are known. */
  | { readonly _tag: "Fibers"; readonly paths: ReadonlyArray<string> }
  /** A sleep without end. */
  | { readonly _tag: "Forever" }

export interface Wait {
  /** The fiber that waits: `0` is the body, `0.1` its second child. */
  readonly path: string
  /** The update whose handler it is. */
  readonly update?: string
  /** The spans that are open around it, the outermost first. */
  readonly spans: ReadonlyArray<string>
  /** The line of its last step, awakeable, child or recorded value: where it waits, or shortly before. */
  readonly source?: string
  readonly for: WaitsFor
  readonly since?: number
  /** When it will go on by itself, if nothing else wakes it before. */
  readonly until?: number
  /** What would wake it. */
  readonly wakes: string
}

/** Messages of one kind that are in the inbox. */
export interface Mail {
  readonly kind: string
  /** Of the signal or update. */
  readonly name?: string
  readonly count: number
  /** Why they have not been delivered, if that is known. */
  readonly note?: string
}

interface Asked {
  readonly since: number
  readonly by?: string
  readonly reason?: string
}

export interface WhyReport {
  readonly runId: string
  readonly workflow: string
  readonly version: string
  readonly key?: string
  readonly status: Status
  /** When the report was made. */
  readonly at: number
  /** When it closed. */
  readonly closedAt?: number
  /** A run that is pending begins then. */
  readonly startsAt?: number
  readonly paused?: Asked
  readonly cancelling?: Asked
  /** It cannot go on until its code is mended. */
  readonly blocked?: { readonly fault: string; readonly message: string; readonly hint: string }
  readonly timeoutAt?: number
  /** One for each fiber that waits; without a replay, one for each thing that is open. */
  readonly waits: ReadonlyArray<Wait>
  /** How many more there are, where there are very many. */
  readonly waitsOmitted?: number
  readonly inbox: ReadonlyArray<Mail>
  /** Whether it is in a worker's memory. A parked run comes back when something wakes it. */
  readonly place: "memory" | "parked"
  /** The process whose worker runs it; `unknown` to a client without a worker. */
  readonly owner: "this process" | "unknown"
  /** Runs that wait for each other, each for the next and the last for the first: none of them will go on by itself. */
  readonly cycles: ReadonlyArray<ReadonlyArray<string>>
}
