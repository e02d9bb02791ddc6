/** One run, by its id. */
import type { Workflow } from "@reprise/core"
import type { Either } from "effect"
import { LogLine, RecordedEvent, type RunDescription, type Why } from "../api/Model.js"
import { ROUTES } from "../api/Routes.js"
import * as Follow from "./Follow.js"
import * as Results from "./Results.js"
import * as Talk from "./Talk.js"

export interface FollowOptions extends Talk.CallOptions {
  /** What comes after this seq of the history, or position among the log lines. Default: from the first one. */
  readonly after?: number
}

export interface LogsOptions extends FollowOptions {
  /** Only those of this step, */
  readonly stepId?: string
  /** and of this attempt. */
  readonly attempt?: number
}

export interface Handle<A, E> extends Talk.Talk {
  readonly runId: string
  /** Waits for the end: the output; or rejected with the workflow's typed error, or an error that says how else it ended. */
  readonly result: (options?: Talk.CallOptions) => Promise<A>
  /** As `result`, with the errors as a value. Rejected only when the run cannot be read. */
  readonly outcome: (options?: Talk.CallOptions) => Promise<Either.Either<A, E | Workflow.EngineError>>
  /** The run as it is now. */
  readonly describe: (options?: Talk.CallOptions) => Promise<RunDescription>
  /** What the run waits for, since when, and what would wake it. */
  readonly why: (options?: Talk.CallOptions) => Promise<Why>
  /** The history, and what comes, until the run has ended. */
  readonly events: (options?: FollowOptions) => AsyncIterable<RecordedEvent>
  /** What the run has logged and printed, and what comes, until it has ended. */
  readonly logs: (options?: LogsOptions) => AsyncIterable<LogLine>
}

export const make = <A, E>(
  connection: Results.Connection,
  workflow: Results.Ending<A, E>,
  runId: string
): Handle<A, E> => {
  const { call } = connection
  const params = { runId }
  const outcome = async (options: Talk.CallOptions = {}) =>
    Results.outcomeOf(workflow, runId, await Results.awaitEnd(connection, runId, options.abortSignal))
  return {
    ...Talk.make(call, { runId }),
    runId,
    outcome,
    result: async (options) => Results.orThrow(await outcome(options)),
    describe: (options) => call.call(ROUTES.describeRun, { params, signal: options?.abortSignal }),
    why: (options) => call.call(ROUTES.whyRun, { params, signal: options?.abortSignal }),
    events: (options) => events(connection, runId, options),
    logs: (options) => logs(connection, runId, options)
  }
}

const events = ({ call, policy }: Results.Connection, runId: string, { abortSignal, after }: FollowOptions = {}) =>
  Follow.follow({
    name: `the events of run "${runId}"`,
    policy,
    open: (last) =>
      call.open(ROUTES.runEvents, Follow.CONTENT_TYPE, {
        params: { runId },
        query: { after },
        headers: { "Last-Event-ID": last },
        signal: abortSignal,
        isPatient: true
      }),
    item: RecordedEvent,
    positionOf: ({ seq }) => seq,
    signal: abortSignal
  })

const logs = (
  { call, policy }: Results.Connection,
  runId: string,
  { abortSignal, after, attempt, stepId }: LogsOptions = {}
) =>
  Follow.follow({
    name: `the log lines of run "${runId}"`,
    policy,
    open: (last) =>
      call.open(ROUTES.runLogs, Follow.CONTENT_TYPE, {
        params: { runId },
        query: { after, attempt, stepId },
        headers: { "Last-Event-ID": last },
        signal: abortSignal,
        isPatient: true
      }),
    item: LogLine,
    positionOf: ({ position }) => position,
    signal: abortSignal
  })
