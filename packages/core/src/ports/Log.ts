/**
 * The log, seen from the engine: append-only histories, the inbox of each open run, and the few columns by which due
 * work is found. Implementations: @reprise/sql (SQLite), @reprise/testing (memory). One conformance suite runs on all.
 *
 * The contract:
 * - L1 Every call is atomic and durable when its effect succeeds; nothing is visible to others before that.
 * - L2 `append` changes a run only when the epoch is the store's current one for the caller and `expectedSeq` is the
 *      last seq of that run's history. Otherwise that run is answered with `Stale` and nothing of it changes; the
 *      other runs of the batch are not affected.
 * - L3 A closing event (`RunCompleted`, …) is refused with `MailPending` while the inbox holds an undelivered message
 *      that the same append does not deliver: a message acknowledged before the end is not passed over.
 * - L4 Messages of a run are read in the order in which they were committed.
 * - L5 When a call fails with `LogError`, its writes may or may not have been applied: read before acting.
 * - L6 Concurrent calls may share one transaction (group commit); each is still answered for itself.
 * - L7 What a run asks of other runs (`outgoing`) is applied with its append, in order, after its events: both or neither.
 *      The answers are messages in its own inbox (`answerOf…` in engine/Decide.ts), unless the same append closes it.
 * - L8 The append that closes a run, or ends a generation of it (`RunContinuedAsNew`), also tells those who await the run
 *      (`ChildEnded`; a continuing run has not ended) and ends its children by their parent-close policy.
 * - L9 Every event has a position among those of all runs. Positions rise in the order of the commits, with gaps, and none is
 *      used twice: whoever goes on after the position that `feed` has answered misses no event and sees none again.
 */
import { Context, type Effect, type Scope } from "effect"
import type { HistoryDamaged, LogError, RunClosed, RunNotFound } from "../model/Errors.js"
import type { Closing, Event, Parent, ParentClose, Recorded } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import type { Message, Of } from "../model/Message.js"
import type { RunRow, Status } from "../model/Run.js"

/** Asks for a new run. The row is created `pending`; its `Start` message opens the inbox. */
export interface StartRequest {
  readonly runId: string
  readonly workflow: string
  readonly version: string
  /** Business key; at most one open run of a workflow has it. */
  readonly key: string | undefined
  readonly createdAt: number
  /** Epoch milliseconds before which the run stays pending; `undefined` starts it at once. */
  readonly startAt: number | undefined
  /** The run that asked for it, with the command; such a run is a child. */
  readonly parent: Parent | undefined
  /** The run and event from which it was forked. */
  readonly forkedFrom: { readonly runId: string; readonly seq: number } | undefined
  readonly message: Of<"Start">
}

/** What a run asks of other runs (L7). `id` is the command's. */
export type Outgoing =
  /**
   * Creates a run, of which the appender is the parent. When its id or key is taken, `use_existing` makes the appender
   * one of those who await the run that is there, unless that is a run of another workflow; `fail` refuses.
   */
  | {
    readonly _tag: "StartChild"
    readonly id: string
    readonly parentClose: ParentClose
    readonly onConflict: "fail" | "use_existing"
    readonly start: StartRequest
  }
  /** Puts a message into another run's inbox; `answered` asks for a `SignalAnswered`. A message with a known id is dropped. */
  | {
    readonly _tag: "Send"
    readonly id: string
    readonly runId: string
    readonly message: Message
    readonly answered: boolean
  }

/** One run's share of an atomic append. */
export interface Append {
  readonly runId: string
  readonly epoch: number
  /** The seq of the last event that the writer knows; 0 for a run without events. */
  readonly expectedSeq: number
  readonly events: ReadonlyArray<Event>
  /** Ids of the inbox messages that these events deliver. */
  readonly delivered: ReadonlyArray<string>
  /** The run's columns after the events, or `undefined` when none of them changed. */
  readonly row: RunRow | undefined
  /** Create the run in the same transaction; its `Start` message counts as delivered when `events` is not empty. */
  readonly start: StartRequest | undefined
  readonly outgoing: ReadonlyArray<Outgoing>
}

export type Appended =
  | { readonly _tag: "Committed" }
  /**
   * L2: somebody else has written; reload before acting. `fenced`: the epoch is not the store's any more. Another process
   * has taken the store over, so that nothing of what the caller does will ever count.
   */
  | { readonly _tag: "Stale"; readonly fenced?: true }
  /** L3: deliver the inbox first. */
  | { readonly _tag: "MailPending" }
  /** The start was refused: a run with this id exists, or an open run has the key. Nothing was written. */
  | { readonly _tag: "Exists"; readonly by: "id" | "key"; readonly existing: RunSummary }

/** Working data that is not history: kept beside the log, lost without harm, never read by replay. */
export type Note =
  /** The latest heartbeat details of a step; the next attempt reads them. */
  | { readonly _tag: "Progress"; readonly runId: string; readonly id: string; readonly details: Json }
  /** A sensor's position: polls made so far and when the next one is due. */
  | {
    readonly _tag: "Poll"
    readonly runId: string
    readonly id: string
    readonly count: number
    readonly nextAt: number
    /** The run's earliest due instant, with this poll counted in. */
    readonly wakeAt: number | undefined
  }
  /** Why the run cannot go on until its code is mended; `undefined` clears it. */
  | { readonly _tag: "Blocked"; readonly runId: string; readonly reason: Json | undefined }
  /** A message was refused without leaving an event (an update's validator said no). It counts as delivered. */
  | { readonly _tag: "Refused"; readonly runId: string; readonly messageId: string; readonly error: Json }

/** The notes of one run, as read back when it is loaded. */
export interface RunNotes {
  readonly progress: ReadonlyMap<string, Json>
  readonly polls: ReadonlyMap<string, { readonly count: number; readonly nextAt: number }>
  readonly refused: ReadonlyMap<string, Json>
}

export interface RunSummary {
  readonly runId: string
  readonly workflow: string
  /** The version whose code it runs. */
  readonly version: string
  readonly key: string | undefined
  readonly status: Status
  readonly createdAt: number
  readonly startAt: number | undefined
  readonly startedAt: number | undefined
  readonly closedAt: number | undefined
  readonly wakeAt: number | undefined
  readonly eventCount: number
  /** The seq of the event that opened the current generation, where a replay begins; 1 without events. */
  readonly generationSeq: number
  readonly paused: boolean
  readonly parent: Parent | undefined
  readonly forkedFrom: { readonly runId: string; readonly seq: number } | undefined
  readonly blocked: Json | undefined
}

/** What is asked of a run; all given conditions hold at once. */
export interface RunConditions {
  readonly runIds?: ReadonlyArray<string>
  readonly workflow?: string
  readonly key?: string
  readonly status?: ReadonlyArray<Status>
  /** The children of this run. */
  readonly parent?: string
  readonly paused?: boolean
  readonly blocked?: boolean
  /** Created at this instant or later, in epoch milliseconds. */
  readonly createdFrom?: number
  /** Created before this instant, in epoch milliseconds. */
  readonly createdBefore?: number
}

/**
 * Which runs to list, newest first. `before` is the `runId` that ends the last page; `after` is the one that begins it, and
 * asks for the page before it. A page beside a run that is not there is empty.
 */
export interface RunFilter extends RunConditions {
  readonly before?: string
  readonly after?: string
  readonly limit: number
}

/** Which events to follow; all given conditions hold at once. */
export interface FeedFilter extends Pick<RunConditions, "runIds" | "workflow" | "key" | "parent"> {
  /** The events' tags. */
  readonly types?: ReadonlyArray<string>
}

/** An event among those of all runs. */
export interface FeedEvent extends Recorded {
  readonly position: number
  readonly runId: string
}

export interface Feed {
  readonly events: ReadonlyArray<FeedEvent>
  /** How far the call has looked: the next one goes on after it. */
  readonly position: number
}

/** Runs that are alike in workflow and status. */
export interface Tally {
  readonly workflow: string
  readonly status: Status
  readonly count: number
}

/** What a committed transaction changed, told to listeners in this process right after the commit. */
export type Change =
  | { readonly _tag: "Started"; readonly runId: string; readonly startAt: number | undefined }
  | { readonly _tag: "Mail"; readonly runId: string }
  | { readonly _tag: "Appended"; readonly runId: string; readonly seq: number; readonly events: ReadonlyArray<Event> }
  | { readonly _tag: "Closed"; readonly runId: string; readonly event: Closing }
  | { readonly _tag: "Refused"; readonly runId: string; readonly messageId: string; readonly error: Json }

export interface LogShape {
  /** The epoch that this process holds; appends that carry an older one are refused. */
  readonly epoch: number
  /** Whether `watch` tells of every commit to the store, because no other process writes to it. */
  readonly watchesAll: boolean
  /** Whether a commit outlasts a power cut. With "normal" the last ones may be lost, and that is to be told to operators. Default: "full". */
  readonly durability?: "full" | "normal"
  /** Appends to many runs in one transaction (L1–L3, L6); answers stand in the order of the request. */
  readonly append: (appends: ReadonlyArray<Append>) => Effect.Effect<ReadonlyArray<Appended>, LogError>
  /** Puts a message into an open run's inbox. `Duplicate` when one with its id was sent before. */
  readonly send: (
    runId: string,
    message: Message
  ) => Effect.Effect<"Sent" | "Duplicate", LogError | RunNotFound | RunClosed>
  /** A page of a run's history, events after `afterSeq`, at most `limit`; verified against its checksums. */
  readonly read: (
    runId: string,
    afterSeq: number,
    limit: number
  ) => Effect.Effect<ReadonlyArray<Recorded>, LogError | HistoryDamaged>
  /** The undelivered messages of a run in order of arrival (L4), verified as the history is, with its notes. */
  readonly inbox: (
    runId: string
  ) => Effect.Effect<
    { readonly messages: ReadonlyArray<Message>; readonly notes: RunNotes },
    LogError | HistoryDamaged
  >
  /**
   * Open runs that need an owner: due at `now` and not blocked, and with `recover` also those with undelivered messages
   * or unfinished steps, and all that are blocked: the code may have been mended. With `recover: "mail"` only those with
   * undelivered messages, blocked or not. A `Start` message waits for its instant and is not counted. `nextAt` is the
   * earliest due instant after `now`.
   */
  readonly runnable: (options: {
    readonly now: number
    readonly recover: boolean | "mail"
    readonly limit: number
  }) => Effect.Effect<{ readonly runIds: ReadonlyArray<string>; readonly nextAt: number | undefined }, LogError>
  readonly find: (filter: RunFilter) => Effect.Effect<ReadonlyArray<RunSummary>, LogError>
  /** The number of runs by workflow and status, in that order; none are 0. */
  readonly tally: (conditions: RunConditions) => Effect.Effect<ReadonlyArray<Tally>, LogError>
  /**
   * Events of all runs after a position (L9), at most `limit`; with "end" none, and the position of the last. One call looks at
   * so many events only, so an answer without any is the end only when its position is the one that was asked for. Damaged
   * events are left out: `read` names them, and the other runs go on.
   */
  readonly feed: (after: number | "end", limit: number, filter: FeedFilter) => Effect.Effect<Feed, LogError>
  /** Writes working data; batched with whatever else is being committed. */
  readonly note: (notes: ReadonlyArray<Note>) => Effect.Effect<void, LogError>
  /** Calls `listener` synchronously after each commit of this process, until the scope closes. */
  readonly watch: (listener: (change: Change) => void) => Effect.Effect<void, never, Scope.Scope>
}

export class Log extends Context.Tag("@reprise/core/Log")<Log, LogShape>() {}
