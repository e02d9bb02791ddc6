/** Settling awakeables from outside, by token. */
import { Effect } from "effect"
import {
  AwakeableAlreadySettled,
  AwakeableUnknown,
  type HistoryDamaged,
  type LogError,
  type PayloadInvalid,
  type PayloadTooLarge,
  type RunClosed
} from "../model/Errors.js"
import type { Settlement } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import type * as Message from "../model/Message.js"
import { codec } from "../model/Payload.js"
import * as Token from "../model/Token.js"
import { checkAccepted, encode } from "./Checks.js"
import type { SendOptions } from "./Messages.js"
import { describeWith, search } from "./Runs.js"
import { Client } from "./Shape.js"

/** Resolves an awakeable with a value (JSON that fits its schema). The first settlement counts. */
export const resolveAwakeable = (token: string, value?: Json, options: SendOptions = {}) =>
  settle(token, value === undefined ? { _tag: "Resolved" } : { _tag: "Resolved", value }, options)

/** Rejects an awakeable with an error (JSON that fits its schema). The first settlement counts. */
export const rejectAwakeable = (token: string, error?: Json, options: SendOptions = {}) =>
  settle(token, error === undefined ? { _tag: "Rejected" } : { _tag: "Rejected", error }, options)

const settle = (
  token: string,
  settlement: Settlement,
  options: SendOptions
): Effect.Effect<
  void,
  AwakeableUnknown | AwakeableAlreadySettled | RunClosed | PayloadInvalid | PayloadTooLarge | HistoryDamaged | LogError,
  Client
> =>
  Effect.gen(function*() {
    const client = yield* Client
    const sentValue = settlement._tag === "Resolved" ? settlement.value : settlement.error
    yield* encode(client, codec<Json | undefined>(), sentValue, "settlement")
    const unknown = new AwakeableUnknown({ token })
    const runId = Token.runIdOf(token)
    if (runId === undefined) return yield* unknown
    const run = yield* Effect.catchTag(describeWith(client, runId), "RunNotFound", () => Effect.fail(unknown))
    // Those of earlier generations are forgotten.
    const id = yield* search(client, runId, run.generationSeq - 1, (event) =>
      event._tag === "AwakeableCreated" && event.token === token ? event.id : undefined)
    if (id === undefined) return yield* unknown
    const by = options.by === undefined ? {} : { by: options.by }
    // The token is the message id: whoever comes second is told so.
    const message: Message.Message = { _tag: "SettleAwakeable", messageId: token, ...by, id, settlement }
    yield* Effect.catchTag(checkAccepted(client, runId, message), "RunNotFound", () => Effect.fail(unknown))
    const sent = yield* Effect.catchTag(client.log.send(runId, message), "RunNotFound", () => Effect.fail(unknown))
    if (sent === "Duplicate") return yield* new AwakeableAlreadySettled({ token })
  })
