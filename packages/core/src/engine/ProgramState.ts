/** What the engine keeps of one program in memory. Nothing here matters (I5): the history rebuilds it. */
import type { Cause, ConfigProvider, Fiber, Logger, LogLevel, Runtime, Tracer } from "effect"
import type {
  Accepts,
  Activation,
  Awaited,
  Body,
  Compensations,
  QueryHandler,
  RunInfo,
  StepNews,
  UpdateHandler
} from "../define/Activation.js"
import type { Any } from "../define/Workflow.js"
import type { Command } from "../model/Command.js"
import type { Fault } from "../model/Errors.js"
import type { Of, Recorded, Settlement } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import type { Limits } from "../model/Limits.js"
import type { Line } from "../model/Source.js"
import type { FiberScheduler } from "./FiberScheduler.js"
import type { Tracker } from "./Tracker.js"

/** What programs need of the process that hosts them; made once per worker. */
export interface Host {
  readonly limits: Limits
  readonly runtime: Runtime.Runtime<Activation>
  readonly config: ConfigProvider.ConfigProvider
  readonly minimumLogLevel: LogLevel.LogLevel
  /** An unguessable string for an awakeable's token. */
  readonly secret: () => string
  /** Of programs that are replayed in order to be looked at. */
  readonly tracker?: Tracker
}

/** What a live activation wants to tell the world. The host does so after the commit (I2), and never on replay. */
export type Output =
  | { readonly _tag: "Log"; readonly options: Logger.Logger.Options<unknown>; readonly fiberPath: string }
  | { readonly _tag: "Console"; readonly method: string; readonly args: ReadonlyArray<unknown> }
  | { readonly _tag: "Span"; readonly span: EndedSpan }

export interface EndedSpan {
  readonly name: string
  readonly kind: Tracer.SpanKind
  readonly startTime: bigint
  readonly endTime: bigint
  readonly attributes: ReadonlyMap<string, unknown>
  readonly cause: Cause.Cause<unknown> | undefined
}

/** Signals of one name: those that nobody has taken yet, or those who wait. One of the two is always empty. */
export interface SignalBox {
  readonly arrived: Array<Json | undefined>
  readonly takers: Set<(payload: Json | undefined) => void>
}

export interface AwakeableBox {
  accepts: Accepts<Settlement> | undefined
  settlement: Settlement | undefined
  readonly takers: Set<(settlement: Settlement) => void>
}

export interface ProgramState {
  readonly info: RunInfo
  readonly workflow: Any
  readonly host: Host
  readonly seed: string
  readonly scheduler: FiberScheduler
  /** The runtime's set of root fibers while this program drains; see engine/Containment.ts. */
  readonly roots: Set<Fiber.RuntimeFiber<unknown, unknown>>
  /** Told when the program goes wrong outside an activation. */
  readonly onFault: (fault: Fault) => void
  root: Fiber.RuntimeFiber<unknown, unknown> | undefined
  /** The time of the event being delivered. */
  now: number
  cancel: Of<"RunCancelRequested"> | undefined
  /** How long the run may take. */
  timeoutMillis: number | undefined
  finished: boolean
  fault: Fault | undefined
  /** While replaying: the command events that this activation must produce, and how many it has. */
  recorded: ReadonlyArray<Recorded> | undefined
  recordedCount: number
  /** The seq of the event being delivered, and of the one that opened the generation. */
  seq: number
  generationSeq: number
  /** While live: what this activation has asked for. */
  commands: Array<Command>
  outputs: Array<Output>
  commandCount: number
  /** While lines are captured (model/Source.ts): by fiber path, that of its last request that had one. */
  readonly lines: Map<string, Line>
  /** The command that did not fit, for the explanation. */
  misfit: Command | undefined
  /** Whether a fiber on the side is running; then commands are refused, and `trespass` says which came. */
  aside: boolean
  trespass: string | undefined
  readonly bodies: Map<string, Body>
  /** What an operator may complete a step with, for steps about which one may be asked. */
  readonly accepts: Map<string, Accepts<Json | undefined>>
  /** Fibers that wait for a step or timer, by command id. */
  readonly waiting: Map<string, (news: StepNews) => void>
  readonly signals: Map<string, SignalBox>
  readonly awakeables: Map<string, AwakeableBox>
  /** Fibers that wait for the store's answer to the start of a child, by command id. */
  readonly starting: Map<string, (answer: Of<"ChildStarted" | "ChildRefused">) => void>
  /** Fibers that wait for the store's answer to a signal for another run, by command id. */
  readonly sending: Map<string, (answer: Of<"SignalDelivered" | "SignalRefused">) => void>
  /** Children that have not ended, by command id. */
  readonly children: Map<string, Awaited>
  readonly queries: Map<string, QueryHandler>
  readonly updates: Map<string, UpdateHandler>
  readonly updateFibers: Map<string, Fiber.RuntimeFiber<unknown, unknown>>
  /** Fibers in `Workflow.condition`, by the condition. */
  readonly conditions: Map<object, () => void>
  readonly configs: Map<string, Json | undefined>
  /** The answers of `Workflow.patched`, with the seq of the activation in which it was first asked. */
  readonly patches: Map<string, { readonly taken: boolean; readonly seq: number }>
  /** Markers that nobody has asked for: their seq, and that of the activation to which they belong. */
  readonly passedMarkers: Map<string, { readonly seq: number; readonly activation: number }>
  readonly compensations: Compensations
  /** Fibers that sleep without end: they wait, though no event will come for them. */
  endlessCount: number
  /** Objects that were hashed by count so far. */
  hashCount: number
}
