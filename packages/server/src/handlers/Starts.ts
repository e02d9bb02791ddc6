/** Starting runs: once, however often it is asked for. */
import { Client } from "@reprise/core"
import { Errors, type Log, Payload } from "@reprise/core/engine"
import { Effect } from "effect"
import type { Asked, Refusal } from "../api/Handler.js"
import type * as Route from "../api/Route.js"
import type { startRun } from "../api/routes/Runs.js"
import { IdempotencyKeyReused } from "../Errors.js"
import * as Idempotency from "../Idempotency.js"
import { at } from "../Problems.js"
import { given, jsonOf } from "./Given.js"

type Asking = Asked<typeof startRun>
type Body = Route.BodyOf<typeof startRun>

export interface Started {
  readonly runId: string
  readonly existed: boolean
}

export const start = (asked: Asking): Effect.Effect<Started, Refusal, Client.Client> =>
  Effect.gen(function*() {
    const key = yield* Idempotency.keyOf(asked)
    if (key === undefined) return yield* begin(asked.body, asked.body.id)
    const id = asked.body.id ?? Idempotency.idOf("idem_", asked.caller, key)
    // The signal of a start that is repeated is the same signal.
    const { signal } = asked.body
    const body = signal === undefined ? asked.body : { ...asked.body, signal: { messageId: id, ...signal } }
    const started = yield* Effect.catchTag(begin(body, id), "RunExists", (taken) =>
      taken.runId === id ? Effect.succeed({ runId: id, existed: true }) : Effect.fail(taken))
    if (started.existed && started.runId === id) yield* checkSame(id, body)
    return started
  })

/** No workflow has so long a name; the answer says which one is unknown, twice. */
const SHOWN_MAX = 1_000

type Unstarted = Client.StartError | Errors.MessageUnknown

const begin = (body: Body, id: string | undefined): Effect.Effect<Started, Unstarted, Client.Client> => {
  const { key, onConflict, signal, startAt, timeoutMillis: timeout } = body
  const options = given({ id, key, onConflict, startAt, timeout, signal: signal === undefined ? undefined : signalOf(signal) })
  const workflow = body.workflow.slice(0, SHOWN_MAX)
  return Effect.map(Client.startByName(workflow, jsonOf(body.input), options), ({ existed, runId }) => ({ existed, runId }))
}

const signalOf = ({ messageId, name, payload }: NonNullable<Body["signal"]>) => ({
  name,
  payload: jsonOf(payload),
  ...given({ messageId })
})

/** Tells where in the body a payload stands that was refused. */
export const placed = (refusal: Refusal): Refusal =>
  at("what" in refusal && String(refusal.what).startsWith("payload of signal") ? "body.signal.payload" : "body.input")(refusal)

// ---- whether the run that is there is the one that is asked for ----

const checkSame = (runId: string, body: Body): Effect.Effect<void, Refusal, Client.Client> =>
  Effect.gen(function*() {
    const { log } = yield* Client.Client
    const run = yield* Client.describe(runId)
    const first = yield* beginningOf(log, runId)
    const startAt = body.startAt !== undefined && body.startAt > run.createdAt ? body.startAt : undefined
    const same = run.workflow === body.workflow && run.key === body.key && run.startAt === startAt &&
      run.parent === undefined && run.forkedFrom === undefined &&
      (first === undefined || (first.timeoutMillis === body.timeoutMillis && Payload.equalJson(first.input, jsonOf(body.input))))
    if (!same) return yield* new IdempotencyKeyReused({ runId })
  })

interface Beginning {
  readonly input: Parameters<typeof Payload.equalJson>[0]
  readonly timeoutMillis: number | undefined
}

/** What a run was started with. `undefined` for one that was ended before it began: nothing of it is left to be compared. */
const beginningOf = (log: Log.LogShape, runId: string): Effect.Effect<Beginning | undefined, Errors.LogError | Errors.HistoryDamaged> =>
  Effect.gen(function*() {
    const { messages } = yield* log.inbox(runId)
    const start = messages.find((message) => message._tag === "Start")
    if (start !== undefined) return { input: start.input, timeoutMillis: start.timeoutMillis }
    const [first] = yield* log.read(runId, 0, 1)
    if (first?.event._tag !== "RunStarted") return undefined
    const { at: beganAt, input, timeoutAt } = first.event
    return { input, timeoutMillis: timeoutAt === undefined ? undefined : timeoutAt - beganAt }
  })
