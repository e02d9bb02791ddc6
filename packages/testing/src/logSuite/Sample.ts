/** Runs, events and messages for the suite, in the shapes that the engine gives them. */
import type { Event, Log, Message, Run } from "@reprise/core/engine"

export const NOW = 1_700_000_000_000

export const started = (at = NOW): Event.Event => ({
  _tag: "RunStarted",
  at,
  messageId: "start",
  workflow: "checkout",
  version: "1",
  input: { order: 7, lines: ["a", "ü", "💶"] },
  seed: "seed",
  effect: "3.22.4",
  reprise: "0.1.0"
})

export const scheduled = (id: string, at = NOW): Event.Event => ({ _tag: "StepScheduled", at, id, name: id })

export const stepCompleted = (id: string, at = NOW): Event.Event => ({
  _tag: "StepCompleted",
  at,
  id,
  attempt: 1,
  output: { ok: true, note: null, amount: 12.5 }
})

export const received = (messageId: string, at = NOW): Event.Event => ({
  _tag: "SignalReceived",
  at,
  messageId,
  name: "approve",
  payload: { by: "ada" }
})

export const completed = (at = NOW): Event.Closing => ({ _tag: "RunCompleted", at, output: "done" })

export const signal = (messageId: string): Message.Message => ({
  _tag: "Signal",
  messageId,
  name: "approve",
  payload: { by: "ada", "é\n\"": [1, -0.5, null] }
})

export const request = (runId: string, rest: Partial<Log.StartRequest> = {}): Log.StartRequest => ({
  runId,
  workflow: "checkout",
  version: "1",
  key: undefined,
  createdAt: NOW,
  startAt: undefined,
  parent: undefined,
  forkedFrom: undefined,
  message: { _tag: "Start", messageId: "start", input: { order: 7 }, seed: "seed" },
  ...rest
})

/** Asks for a child of `parent`; its command is `id`. */
export const startChild = (
  parent: string,
  id: string,
  runId: string,
  rest: Partial<Extract<Log.Outgoing, { readonly _tag: "StartChild" }>> = {},
  start: Partial<Log.StartRequest> = {}
): Log.Outgoing => ({
  _tag: "StartChild",
  id,
  parentClose: "cancel",
  onConflict: "fail",
  start: request(runId, { parent: { runId: parent, id }, ...start }),
  ...rest
})

/** Sends a signal to another run; its command is `id`. */
export const sendTo = (runId: string, id: string, messageId: string, answered = true): Log.Outgoing => ({
  _tag: "Send",
  id,
  runId,
  message: signal(messageId),
  answered
})

export const childScheduled = (id: string, runId: string): Event.Event => ({
  _tag: "ChildScheduled",
  at: NOW,
  id,
  runId,
  workflow: "checkout",
  version: "1",
  parentClose: "cancel"
})

export const continued: Event.Event = { _tag: "RunContinuedAsNew", at: NOW, input: 1 }

export const running = (rest: Partial<Run.RunRow> = {}): Run.RunRow => ({
  status: "running",
  startedAt: NOW,
  closedAt: undefined,
  wakeAt: undefined,
  busy: false,
  version: "1",
  generationSeq: 1,
  paused: false,
  ...rest
})

export const closed = (rest: Partial<Run.RunRow> = {}): Run.RunRow =>
  running({ status: "completed", closedAt: NOW + 5, ...rest })

/** What `find` says of a run that `request` asked for and nobody has looked at. */
export const summaryOf = (start: Log.StartRequest, rest: Partial<Log.RunSummary> = {}): Log.RunSummary => ({
  runId: start.runId,
  workflow: start.workflow,
  version: start.version,
  key: start.key,
  status: "pending",
  createdAt: start.createdAt,
  startAt: start.startAt,
  startedAt: undefined,
  closedAt: undefined,
  wakeAt: start.startAt ?? start.createdAt,
  eventCount: 0,
  generationSeq: 1,
  paused: false,
  parent: start.parent,
  forkedFrom: start.forkedFrom,
  blocked: undefined,
  ...rest
})
