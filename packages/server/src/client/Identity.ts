/**
 * What makes a request repeatable: the server drops a second message with the same id, and answers a second start with the
 * same idempotency key by the run of the first. The ids are made once for each call, whatever the number of its tries.
 */
import { SchemaAST } from "effect"
import type * as Route from "../api/Route.js"
import type { Loose } from "./Outgoing.js"
import * as Retry from "./Retry.js"

/** A call with its ids, as it is sent first and as it is sent again. */
export interface Identified {
  readonly first: Loose
  /** Missing when asking twice could do something twice. */
  readonly again: Loose | undefined
}

/** Not `randomUUID`, which browsers have only for pages that come over https. */
export const newId = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("")

export const identify = (route: Route.Any, given: Loose): Identified => {
  if (Retry.isIdempotent(route)) return { first: given, again: given }
  if (route.headers.includes("Idempotency-Key")) return keyed(given)
  if (!takes(route, "messageId")) return { first: given, again: undefined }
  const first = { ...given, body: withMessageId(given.body) }
  return { first, again: first }
}

/**
 * An id that the caller has chosen is the run's own, and a run that has it is told as `RunExists`. Only after a fault may
 * that run be the one that this call has started: then the key asks for it.
 */
const keyed = (given: Loose): Identified => {
  const call = { ...given, body: withSignalId(given.body) }
  if (given.headers?.["Idempotency-Key"] !== undefined) return { first: call, again: call }
  const again = { ...call, headers: { ...given.headers, "Idempotency-Key": newId() } }
  return { first: fieldOf(given.body, "id") === undefined ? again : call, again }
}

const withSignalId = (body: unknown): unknown => {
  const signal = fieldOf(body, "signal")
  return signal === undefined ? body : { ...objectOf(body), signal: withMessageId(signal) }
}

const withMessageId = (body: unknown): unknown =>
  fieldOf(body, "messageId") === undefined ? { ...objectOf(body), messageId: newId() } : body

const fieldOf = (body: unknown, name: string): unknown => Object.entries(objectOf(body)).find(([key]) => key === name)?.[1]

const objectOf = (body: unknown): object => (typeof body === "object" && body !== null ? body : {})

const takes = (route: Route.Any, name: string): boolean =>
  route.body !== undefined && SchemaAST.getPropertySignatures(route.body.ast).some((field) => field.name === name)
