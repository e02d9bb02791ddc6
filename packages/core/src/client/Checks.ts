/** What is refused before it reaches the store. */
import { Effect } from "effect"
import type { Any, AnyMessage } from "../define/Workflow.js"
import * as Registry from "../engine/Registry.js"
import { type LogError, MessageUnknown, NameInvalid, type PayloadInvalid, PayloadTooLarge, type RunNotFound } from "../model/Errors.js"
import type { Json } from "../model/Json.js"
import type * as Message from "../model/Message.js"
import * as MessageId from "../model/MessageId.js"
import * as Name from "../model/Name.js"
import { type Codec, sizeOf } from "../model/Payload.js"
import { describeWith } from "./Runs.js"
import type { ClientShape } from "./Shape.js"

export const encode = <A>(client: ClientShape, codec: Codec<A>, value: A, what: string) =>
  Effect.tap(codec.encode(value, what), (json) => checkSize(client, json, what))

const checkSize = (client: ClientShape, json: Json | undefined, what: string): Effect.Effect<void, PayloadTooLarge> => {
  const bytesMax = client.limits.payloadBytesMax
  const bytes = sizeOf(json, bytesMax)
  return bytes > bytesMax ? Effect.fail(new PayloadTooLarge({ what, bytes, bytesMax })) : Effect.void
}

export const checkName = (client: ClientShape, what: string, value: string): Effect.Effect<void, NameInvalid> => {
  const detail = Name.faultOf(value, client.limits.nameCharsMax)
  return detail === undefined ? Effect.void : Effect.fail(new NameInvalid({ what, value, detail }))
}

export const checkMessageId = (client: ClientShape, messageId: string): Effect.Effect<void, NameInvalid> =>
  MessageId.isReserved(messageId)
    ? Effect.fail(new NameInvalid({ what: "message id", value: messageId, detail: "has the form of an id that runs give by themselves" }))
    : checkName(client, "message id", messageId)

export const checkText = (client: ClientShape, what: string, value: string): Effect.Effect<void, NameInvalid> =>
  value.length <= client.limits.textCharsMax
    ? Effect.void
    : Effect.fail(new NameInvalid({ what, value, detail: `has more than ${client.limits.textCharsMax} characters` }))

/** What an outsider sends must fit the program's schemas, as far as a worker in this process can say. */
export const checkAccepted = (
  client: ClientShape,
  runId: string,
  message: Message.Message
): Effect.Effect<void, PayloadInvalid | RunNotFound | LogError> =>
  Effect.gen(function*() {
    if (client.local === undefined) return
    const refusal = yield* client.local.refusal(yield* describeWith(client, runId), message)
    if (refusal !== undefined) return yield* refusal
  })

/** A workflow that lists its messages takes no others. */
export const checkDeclared = (
  client: ClientShape,
  runId: string,
  message: AnyMessage
): Effect.Effect<void, MessageUnknown | RunNotFound | LogError> => Effect.asVoid(declared(client, runId, message._tag, message.name))

/** What the run's workflow says of a message; `undefined` when it does not list its messages. */
export const declared = (
  client: ClientShape,
  runId: string,
  tag: AnyMessage["_tag"],
  name: string
): Effect.Effect<AnyMessage | undefined, MessageUnknown | RunNotFound | LogError> =>
  Effect.gen(function*() {
    const someDeclare = [...client.registry.byName.values()].some((versions) => versions.some((w) => w.messages.length > 0))
    if (!someDeclare) return undefined
    const run = yield* describeWith(client, runId)
    const workflow = Registry.forRun(client.registry, run.workflow, run.version)
    return workflow._tag === "WorkflowUnknown" ? undefined : yield* declaredBy(workflow, tag, name)
  })

export const declaredBy = (
  workflow: Any,
  tag: AnyMessage["_tag"],
  name: string
): Effect.Effect<AnyMessage | undefined, MessageUnknown> => {
  const alike = workflow.messages.filter((other) => other._tag === tag)
  const found = alike.find((other) => other.name === name)
  if (found !== undefined || workflow.messages.length === 0) return Effect.succeed(found)
  return Effect.fail(new MessageUnknown({ kind: KIND[tag], name, workflow: workflow.name, known: alike.map((other) => other.name) }))
}

const KIND = { Signal: "signal", Query: "query", Update: "update" } as const
