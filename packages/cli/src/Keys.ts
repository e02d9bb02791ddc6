/** `reprise keys`: the API keys of a server, or of a store that nobody serves. */
import { Args, Command, Options } from "@effect/cli"
import { type Model, ROUTES } from "@reprise/server/client"
import { Clock, Console, Effect } from "effect"
import * as Connection from "./Connection.js"
import type * as Exit from "./Exit.js"
import * as Given from "./Given.js"
import * as Moment from "./show/Moment.js"
import * as Paint from "./show/Paint.js"
import * as Say from "./show/Say.js"
import * as Table from "./show/Table.js"

const { json, store, url } = Connection.options
/** They know of no workflows. */
const options = { json, store, url, workflows: Connection.noWorkflows }

export const role = Options.choice("role", ["viewer", "editor", "operator", "admin"]).pipe(
  Options.withDescription("What it may do: read; also start and talk to runs; also operate; everything.")
)

const name = Args.text({ name: "NAME" }).pipe(Args.withDescription("What or whom the key is for."))
const expires = Given.text("expires", "WHEN", "When it ends: an instant, or a length of time from now (30d). Default: never.")

const create = Command.make(
  "create",
  { ...options, expires, name, role },
  (asked): Effect.Effect<void, Exit.Failed> =>
    Effect.scoped(Effect.gen(function*() {
      const expiresAt = yield* Given.instant("reprise keys create", "expires", asked.expires, "after")
      // The first key is there before the first start.
      const { ask } = yield* Connection.open(asked, "make")
      const body = { name: asked.name, role: asked.role, ...(expiresAt === undefined ? {} : { expiresAt }) }
      const created = yield* ask((call, signal) => call.call(ROUTES.createKey, { body, signal }))
      yield* Say.answer(asked.json, ROUTES.createKey, created, created.key)
      const note = `reprise: key ${created.keyId}, role ${created.role}. It is shown this once: keep it, as REPRISE_API_KEY say.`
      if (!asked.json) yield* Console.error(note)
    }))
).pipe(Command.withDescription("Makes an API key and prints it. Exit codes: 0 done, 2 it was not made."))

const list = Command.make(
  "list",
  options,
  (asked): Effect.Effect<void, Exit.Failed> =>
    Effect.scoped(Effect.gen(function*() {
      const { ask } = yield* Connection.open(asked, "read")
      const keys = yield* ask((call, signal) => call.call(ROUTES.listKeys, { signal }))
      const now = yield* Clock.currentTimeMillis
      yield* Say.answer(asked.json, ROUTES.listKeys, keys, keys.items.length === 0 ? "" : table(keys.items, now))
    }))
).pipe(Command.withDescription("Lists API keys, without their secrets. Exit codes: 0 done, 2 the server or store cannot be asked."))

const table = (keys: ReadonlyArray<Model.ApiKey>, now: number) =>
  Table.text<Model.ApiKey>([
    { title: "KEY", of: ({ keyId }) => keyId },
    { title: "NAME", of: (key) => Paint.plain(key.name), gives: true },
    { title: "ROLE", of: (key) => key.role },
    { title: "STATE", of: (key) => stateOf(key, now) },
    { title: "CREATED", of: ({ createdAt }) => Moment.away(createdAt, now) },
    { title: "BY", of: ({ createdBy }) => Paint.plain(createdBy), gives: true },
    { title: "USED", of: ({ lastUsedAt }) => lastUsedAt === undefined ? "never" : Moment.away(lastUsedAt, now) }
  ], keys)

const stateOf = ({ expiresAt, revokedAt }: Model.ApiKey, now: number): string => {
  if (revokedAt !== undefined) return Paint.red("revoked")
  if (expiresAt === undefined) return Paint.green("good")
  return expiresAt <= now ? Paint.red("expired") : Paint.green(`good, ends ${Moment.away(expiresAt, now)}`)
}

const keyId = Args.text({ name: "KEY" }).pipe(Args.withDescription("The id of the key: `reprise keys list`."))

const revoke = Command.make(
  "revoke",
  { ...options, keyId },
  (asked): Effect.Effect<void, Exit.Failed> =>
    Effect.scoped(Effect.gen(function*() {
      const { ask } = yield* Connection.open(asked, "change")
      yield* ask((call, signal) => call.call(ROUTES.revokeKey, { params: { keyId: asked.keyId }, signal }))
      yield* asked.json ? Say.json({ keyId: asked.keyId }) : Say.text(`key ${asked.keyId} is revoked`)
    }))
).pipe(Command.withDescription(
  "Revokes an API key, at once and for good. Exit codes: 0 done, 2 there is no such key, or it was not revoked."
))

export const command = Command.make("keys").pipe(
  Command.withDescription("Makes, lists and revokes API keys."),
  Command.withSubcommands([create, list, revoke])
)
