/** What a job does to one run: the same as a single request would. */
import { Client } from "@reprise/core"
import type { Errors } from "@reprise/core/engine"
import { Effect } from "effect"
import { type Job, messageIdOf, type Refused } from "./Job.js"

/** `undefined` when the run took it, or had taken it before. A store that fails says nothing of the run. */
export const ask = (job: Job, runId: string): Effect.Effect<Refused | undefined, Errors.LogError, Client.Client> =>
  Effect.matchEffect(send(job, runId), {
    onSuccess: () => Effect.succeed(undefined),
    onFailure: (error) =>
      error._tag === "LogError" ? Effect.fail(error) : Effect.succeed({ runId, code: error._tag, detail: whatOf(error.message) })
  })

const send = (job: Job, runId: string) => {
  const { action, reason, signal } = job.request
  const options = { messageId: messageIdOf(job), ...(job.by === undefined ? {} : { by: job.by }) }
  const explained = { ...options, ...(reason === undefined ? {} : { reason }) }
  switch (action) {
    case "cancel":
      return Client.cancel(runId, explained)
    case "terminate":
      return Client.terminate(runId, explained)
    case "pause":
      return Client.pause(runId, explained)
    case "resume":
      return Client.resume(runId, explained)
    case "signal":
      return Client.signalByName(runId, signal?.name ?? "", signal?.payload, options)
  }
}

/** What happened, without the hint. */
const whatOf = (message: string): string => message.split("\n", 1)[0] ?? ""
