/** Talking to runs. A route by business key finds the open run that has the key, and does the same. */
import { Client } from "@reprise/core"
import { Errors, type Log } from "@reprise/core/engine"
import { Effect } from "effect"
import { type Asked, type Handlers, type Refusal, value } from "../api/Handler.js"
import type { Any, BodyOf } from "../api/Route.js"
import { type Name, ROUTES } from "../api/Routes.js"
import { KeyUnknown, PreconditionFailed } from "../Errors.js"
import * as Etag from "../Etag.js"
import { at } from "../Problems.js"
import { by, given, jsonOf } from "./Given.js"

type Pairs = Extract<Name, `${"signal" | "query" | "update" | "cancel" | "terminate" | "pause" | "resume"}${"Run" | "Key"}`>
type Others = "resolveStep" | "forkRun" | "resolveAwakeable" | "rejectAwakeable"

export const handlers: Handlers<Pairs | Others, Client.Client> = {
  signalRun: (asked) => signal(asked, asked.params.runId),
  signalKey: (asked) => Effect.flatMap(holderOf(asked.params), (runId) => signal(asked, runId)),
  queryRun: (asked) => query(asked, asked.params.runId),
  queryKey: (asked) => Effect.flatMap(holderOf(asked.params), (runId) => query(asked, runId)),
  updateRun: (asked) => update(asked, asked.params.runId),
  updateKey: (asked) => Effect.flatMap(holderOf(asked.params), (runId) => update(asked, runId)),
  cancelRun: (asked) => ask(asked, asked.params.runId, Client.cancel),
  cancelKey: (asked) => Effect.flatMap(holderOf(asked.params), (runId) => ask(asked, runId, Client.cancel)),
  terminateRun: (asked) => ask(asked, asked.params.runId, Client.terminate),
  terminateKey: (asked) => Effect.flatMap(holderOf(asked.params), (runId) => ask(asked, runId, Client.terminate)),
  pauseRun: (asked) => ask(asked, asked.params.runId, Client.pause),
  pauseKey: (asked) => Effect.flatMap(holderOf(asked.params), (runId) => ask(asked, runId, Client.pause)),
  resumeRun: (asked) => ask(asked, asked.params.runId, Client.resume),
  resumeKey: (asked) => Effect.flatMap(holderOf(asked.params), (runId) => ask(asked, runId, Client.resume)),
  resolveStep: ({ body, caller, params: { runId, stepId } }) =>
    accepted(runId, body.messageId, caller, (options) =>
      Effect.mapError(Client.resolveStep(runId, stepId, body.resolution, options), at("body.resolution"))),
  forkRun: ({ body: { at: seq, id, key, replace, version }, caller, params: { runId } }) => {
    const replacements = replace?.map((each) => ({ seq: each.seq, ...given({ value: jsonOf(each.value) }) }))
    const options = { at: seq, ...given({ id, key, version, replace: replacements }), ...by(caller) }
    return Effect.mapBoth(Client.fork(runId, options), {
      onSuccess: (fork) => value({ runId: fork.runId }, { headers: { location: `/api/v1/runs/${encodeURIComponent(fork.runId)}` } }),
      onFailure: at("body.replace")
    })
  },
  resolveAwakeable: ({ body, caller, params: { token } }) =>
    Effect.mapBoth(Client.resolveAwakeable(token, jsonOf(body.value), by(caller)), {
      onSuccess: () => value(undefined),
      onFailure: at("body.value")
    }),
  rejectAwakeable: ({ body, caller, params: { token } }) =>
    Effect.mapBoth(Client.rejectAwakeable(token, jsonOf(body.error), by(caller)), {
      onSuccess: () => value(undefined),
      onFailure: at("body.error")
    })
}

/** The open run that has a business key. */
const holderOf = (asked: { readonly workflow: string; readonly key: string }): Effect.Effect<string, Refusal, Client.Client> =>
  Effect.gen(function*() {
    const { workflow, key } = asked
    const run = yield* Client.byKey(workflow, key)
    if (run !== undefined) return run.runId
    const { registry } = yield* Client.Client
    if (registry.byName.has(workflow)) return yield* new KeyUnknown({ workflow, key })
    return yield* new Errors.WorkflowUnknown({ workflow, known: [...registry.byName.keys()] })
  })

type Sender = Pick<Asked<Any>, "header" | "caller">

/** What the routes by run and by key have in common. */
interface Named<Body> extends Sender {
  readonly params: { readonly name: string }
  readonly body: Body
}

/** Refuses what was decided by an older state of the run. */
const checkUnchanged = ({ header }: Sender, runId: string): Effect.Effect<void, Refusal, Client.Client> =>
  Effect.gen(function*() {
    const wanted = header("if-match")
    if (wanted === undefined) return
    const run: Log.RunSummary = yield* Client.describe(runId)
    if (!Etag.isIn(wanted, Etag.of(run))) return yield* new PreconditionFailed({ runId })
  })

/** Sends a message with an id, which the answer names. */
const accepted = (
  runId: string,
  messageId: string | undefined,
  caller: Sender["caller"],
  send: (options: Client.SendOptions) => Effect.Effect<void, Refusal, Client.Client>
) =>
  Effect.gen(function*() {
    const id = messageId ?? (yield* Client.Client).newId()
    yield* send({ messageId: id, ...by(caller) })
    return value({ runId, messageId: id })
  })

const signal = (asked: Named<BodyOf<typeof ROUTES.signalRun>>, runId: string) =>
  Effect.zipRight(
    checkUnchanged(asked, runId),
    accepted(runId, asked.body.messageId, asked.caller, (options) =>
      Effect.mapError(Client.signalByName(runId, asked.params.name, jsonOf(asked.body.payload), options), at("body.payload")))
  )

const query = (asked: Named<BodyOf<typeof ROUTES.queryRun>>, runId: string) =>
  Effect.mapBoth(Client.queryByName(runId, asked.params.name, jsonOf(asked.body.input)), {
    onSuccess: (output) => value(given({ output })),
    onFailure: at("body.input")
  })

const update = (asked: Named<BodyOf<typeof ROUTES.updateRun>>, runId: string) =>
  Effect.gen(function*() {
    yield* checkUnchanged(asked, runId)
    const options = { ...given({ messageId: asked.body.messageId }), ...by(asked.caller) }
    const answer = yield* Effect.mapError(
      Client.updateByName(runId, asked.params.name, jsonOf(asked.body.input), options),
      at("body.input")
    )
    return answer._tag === "Completed"
      ? value({ status: "completed" as const, ...given({ output: answer.output }) })
      : value({ status: "failed" as const, ...given({ error: answer.error }) })
  })

type Order = typeof Client.cancel

const ask = (asked: Sender & { readonly body: BodyOf<typeof ROUTES.cancelRun> }, runId: string, order: Order) =>
  Effect.zipRight(
    checkUnchanged(asked, runId),
    accepted(runId, asked.body.messageId, asked.caller, (options) =>
      order(runId, { ...options, ...given({ reason: asked.body.reason }) }))
  )
