/** How runs end, as routes tell it. */
import { Client } from "@reprise/core"
import type { Errors, Event } from "@reprise/core/engine"
import { Duration, Effect, Option } from "effect"
import type * as Model from "../api/Model.js"
import { given } from "./Given.js"

type Unreadable = Errors.RunNotFound | Errors.HistoryDamaged | Errors.LogError

/** The outcome of a run, or how it is when the wait is over. */
export const after = (runId: string, seconds: number): Effect.Effect<Model.Outcome, Unreadable, Client.Client> =>
  Effect.gen(function*() {
    const ended = seconds > 0
      ? Option.getOrUndefined(yield* Effect.timeoutOption(Client.outcome(runId), Duration.seconds(seconds)))
      : yield* Client.end(runId)
    if (ended !== undefined) return outcomeOf(runId, ended)
    const { status } = yield* Client.describe(runId)
    if (status === "pending" || status === "running") return { runId, status }
    // It has ended since.
    return outcomeOf(runId, yield* Client.outcome(runId))
  })

export const isOpen = ({ status }: Model.Outcome): boolean => status === "pending" || status === "running"

const outcomeOf = (runId: string, closing: Event.Closing): Model.Outcome => {
  switch (closing._tag) {
    case "RunCompleted":
      return { runId, status: "completed", ...given({ output: closing.output }) }
    case "RunFailed":
      return { runId, status: "failed", failure: closing.failure, ...given({ uncompensated: closing.uncompensated }) }
    case "RunCancelled":
    case "RunTerminated":
      return {
        runId,
        status: closing._tag === "RunCancelled" ? "cancelled" : "terminated",
        ...given({ reason: closing.reason, by: closing.by })
      }
  }
}
