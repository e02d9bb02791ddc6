/** The limits on what a program asks for (model/Limits.ts). Only live commands are held to them: what is recorded stands. */
import type { Command } from "../model/Command.js"
import type { Failure } from "../model/Event.js"
import type { Json } from "../model/Json.js"
import type { Limits } from "../model/Limits.js"
import * as Name from "../model/Name.js"
import { sizeOf } from "../model/Payload.js"

/** What of a command is too large, and by how much; `undefined` when it is within bounds. */
export const exceeded = (
  command: Command,
  limits: Limits
): { readonly what: string; readonly detail: string } | undefined => {
  const text = textFault(command, limits) ?? idFault(command, limits)
  if (text !== undefined) return text
  const [what, json] = payloadOf(command)
  const bytes = sizeOf(json, limits.payloadBytesMax)
  if (bytes <= limits.payloadBytesMax) return undefined
  return { what, detail: `it has ${bytes} bytes; the limit is ${limits.payloadBytesMax}` }
}

const textFault = (command: Command, limits: Limits) => {
  if (command._tag === "RetryStep" && command.delayMillis === Infinity) return { what: "delay of a retry", detail: "it never ends" }
  if (!("name" in command) && command._tag !== "MarkVersion") return undefined
  const name = "name" in command ? command.name : command.patch
  const what = `${wordOf(command)} "${name.length > 40 ? `${name.slice(0, 40)}…` : name}"`
  if (name === "") return { what, detail: "its name is empty" }
  if (name.length > limits.nameCharsMax) {
    return { what, detail: `its name has ${name.length} characters; the limit is ${limits.nameCharsMax}` }
  }
  if (command._tag !== "RunStep") return undefined
  for (const [word, text] of [["summary", command.summary], ["idempotency key", command.idempotencyKey]] as const) {
    if (text === undefined || text.length <= limits.textCharsMax) continue
    return { what, detail: `its ${word} has ${text.length} characters; the limit is ${limits.textCharsMax}` }
  }
  return undefined
}

/** What stands for another run is held to what a client may say (client/Checks.ts). */
const idFault = (command: Command, limits: Limits) => {
  if (command._tag !== "StartChild" && command._tag !== "SendSignal") return undefined
  if (command._tag === "StartChild" && command.delayMillis === Infinity) {
    return { what: `delay of child "${command.workflow}"`, detail: "it never ends" }
  }
  const ids = [["run id", command.runId], ["key", command._tag === "StartChild" ? command.key : undefined]] as const
  for (const [word, id] of ids) {
    const detail = id === undefined ? undefined : Name.faultOf(id, limits.nameCharsMax)
    if (detail !== undefined) return { what: `${word} ${JSON.stringify(id?.slice(0, 80))}`, detail: `it ${detail}` }
  }
  return undefined
}

const wordOf = (command: Command): string => {
  if (command._tag === "MarkVersion") return "patch"
  if (command._tag === "RunStep") return command.sensor ? "sensor" : "step"
  if (command._tag === "SendSignal") return "signal"
  return command._tag === "CreateAwakeable" ? "awakeable" : "value"
}

const payloadOf = (command: Command): readonly [what: string, json: Json | undefined] => {
  switch (command._tag) {
    case "RecordValue":
      return [`value "${command.name}"`, command.value]
    case "CompleteRun":
      return ["output", command.output]
    case "FailRun":
      return ["error", errorOf(command.failure)]
    case "ContinueAsNew":
      return ["input of the next generation", command.input]
    case "CompleteUpdate":
      return ["answer to an update", command.output]
    case "FailUpdate":
      return ["error of an update", errorOf(command.failure)]
    case "StartChild":
      return [`input of child "${command.workflow}"`, command.input]
    case "SendSignal":
      return [`payload of signal "${command.name}"`, command.payload]
    default:
      return ["", undefined]
  }
}

const errorOf = (failure: Failure): Json | undefined => (failure._tag === "Error" ? failure.error : undefined)
