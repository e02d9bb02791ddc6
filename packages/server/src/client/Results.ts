/** How runs end, for those who await them over HTTP. */
import type { Workflow } from "@reprise/core"
import { type Json, type Message, Outcome } from "@reprise/core/engine"
import { Either } from "effect"
import type * as Model from "../api/Model.js"
import { ROUTES } from "../api/Routes.js"
import type { Call } from "./Call.js"
import * as Retry from "./Retry.js"

/** What the functions of a client share. */
export interface Connection {
  readonly call: Call
  readonly policy: Retry.Policy
}

/** A workflow of which only the end matters. */
export type Ending<A, E> = Workflow.Workflow<any, A, E, unknown>

/** For how long one request waits for the end of a run, in seconds. Proxies commonly cut what is silent for 60. */
export const WAIT_SECONDS = 30

/** Waits until the run has ended, for as long as that takes; a restart of the server does not matter. */
export const awaitEnd = async (
  { call, policy }: Connection,
  runId: string,
  signal: AbortSignal | undefined
): Promise<Message.End> => {
  for (;;) {
    const outcome = await call.call(ROUTES.runResult, { params: { runId }, query: { wait: WAIT_SECONDS }, signal, isPatient: true })
    const end = endIn(outcome)
    if (end !== undefined) return end
    // A server that is stopping does not wait.
    await Retry.pause(policy.baseMillis, signal)
  }
}

/** `undefined` while the run is open. */
export const endIn = (outcome: Model.Outcome): Message.End | undefined => {
  switch (outcome.status) {
    case "completed":
      return { _tag: "Completed", output: jsonOf(outcome.output) }
    case "failed":
      return { _tag: "Failed", failure: outcome.failure, uncompensated: outcome.uncompensated }
    case "cancelled":
      return { _tag: "Cancelled", reason: outcome.reason, by: outcome.by }
    case "terminated":
      return { _tag: "Terminated", reason: outcome.reason, by: outcome.by }
    case "pending":
    case "running":
      return undefined
  }
}

/** Throws when what is recorded does not fit the workflow's schemas. */
export const outcomeOf = <A, E>(
  workflow: Ending<A, E>,
  runId: string,
  end: Message.End
): Outcome.Outcome<A, E> => orThrow(Outcome.outcomeOf<A, E>(workflow, runId, end))

/** Promises are rejected with what stands on the left. */
export const orThrow = <A, E>(either: Either.Either<A, E>): A => Either.getOrThrowWith(either, (error) => error)

/** What an answer holds in the place of a payload came as JSON. */
export const jsonOf = (value: unknown): Json.Json | undefined => value as Json.Json | undefined
