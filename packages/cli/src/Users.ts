/** `reprise users`: who may sign in with a password. */
import { Args, Command, Prompt } from "@effect/cli"
import { type Model, ROUTES } from "@reprise/server/client"
import { Clock, Effect, Redacted } from "effect"
import { readFileSync } from "node:fs"
import * as Connection from "./Connection.js"
import { UsageInvalid } from "./Errors.js"
import type * as Exit from "./Exit.js"
import { role } from "./Keys.js"
import * as Moment from "./show/Moment.js"
import * as Paint from "./show/Paint.js"
import * as Say from "./show/Say.js"
import * as Table from "./show/Table.js"

const { json, store, url } = Connection.options
const options = { json, store, url, workflows: Connection.noWorkflows }

const name = Args.text({ name: "NAME" })

const create = Command.make(
  "create",
  { ...options, name, role },
  (asked) =>
    Effect.scoped(Effect.gen(function*() {
      const password = yield* readPassword
      // The first user is there before the first start.
      const { ask } = yield* Connection.open(asked, "make")
      const body = { name: asked.name, role: asked.role, password: Redacted.value(password) }
      const user = yield* ask((call, signal) => call.call(ROUTES.createUser, { body, signal }))
      yield* Say.answer(asked.json, ROUTES.createUser, user, `user ${Paint.plain(user.name)}, role ${user.role}`)
    }))
).pipe(Command.withDescription(
  "Makes a user. The password is asked for, or is the first line of standard input. Exit codes: 0 done, 2 the user was not made."
))

const STANDARD_INPUT = 0

/** Never from the command line, which every user of the machine can read. */
const readPassword = Effect.suspend(() => {
  if (process.stdin.isTTY) return Effect.orElseFail(Prompt.run(Prompt.password({ message: "Password" })), missing)
  const [line = ""] = readFileSync(STANDARD_INPUT, "utf8").split(/\r?\n/)
  return line === "" ? Effect.fail(missing()) : Effect.succeed(Redacted.make(line))
})

const missing = (): UsageInvalid => new UsageInvalid({ command: "reprise users create", detail: "Give the password on standard input." })

const list = Command.make(
  "list",
  options,
  (asked): Effect.Effect<void, Exit.Failed> =>
    Effect.scoped(Effect.gen(function*() {
      const { ask } = yield* Connection.open(asked, "read")
      const users = yield* ask((call, signal) => call.call(ROUTES.listUsers, { signal }))
      const now = yield* Clock.currentTimeMillis
      yield* Say.answer(asked.json, ROUTES.listUsers, users, users.items.length === 0 ? "" : table(users.items, now))
    }))
).pipe(Command.withDescription("Lists users. Exit codes: 0 done, 2 the server or store cannot be asked."))

const table = (users: ReadonlyArray<Model.User>, now: number) =>
  Table.text<Model.User>([
    { title: "USER", of: (user) => Paint.plain(user.name), gives: true },
    { title: "ROLE", of: (user) => user.role },
    { title: "CREATED", of: ({ createdAt }) => Moment.away(createdAt, now) },
    { title: "BY", of: ({ createdBy }) => Paint.plain(createdBy), gives: true }
  ], users)

const remove = Command.make(
  "remove",
  { ...options, name },
  (asked): Effect.Effect<void, Exit.Failed> =>
    Effect.scoped(Effect.gen(function*() {
      const { ask } = yield* Connection.open(asked, "change")
      yield* ask((call, signal) => call.call(ROUTES.removeUser, { params: { user: asked.name }, signal }))
      yield* asked.json ? Say.json({ name: asked.name }) : Say.text(`user ${Paint.plain(asked.name)} is removed`)
    }))
).pipe(Command.withDescription("Removes a user, whose sessions end. Exit codes: 0 done, 2 there is no such user, or it was not removed."))

export const command = Command.make("users").pipe(
  Command.withDescription("Makes, lists and removes users with passwords."),
  Command.withSubcommands([create, list, remove])
)
