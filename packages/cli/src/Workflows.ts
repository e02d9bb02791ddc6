/** `reprise workflows`: what a server, or a build, can run. */
import { Args, Command } from "@effect/cli"
import { type Model, ROUTES } from "@reprise/server/client"
import { Effect, Option } from "effect"
import * as Connection from "./Connection.js"
import type * as Exit from "./Exit.js"
import * as EventText from "./show/EventText.js"
import * as Paint from "./show/Paint.js"
import * as Say from "./show/Say.js"
import * as Table from "./show/Table.js"

const name = Args.text({ name: "WORKFLOW" }).pipe(Args.withDescription("One workflow, with its schemas."), Args.optional)

export const command = Command.make(
  "workflows",
  { ...Connection.options, name },
  (asked): Effect.Effect<void, Exit.Failed> =>
    Effect.scoped(Option.isNone(asked.name) ? list(asked) : show(asked, asked.name.value))
).pipe(Command.withDescription(
  "Lists the workflows of a server, or of --store FILE --workflows ENTRY. " +
    "Exit codes: 0 done, 2 there is no such workflow, or the server cannot be asked."
))

const list = (asked: Connection.Asked) =>
  Effect.gen(function*() {
    const { ask } = yield* Connection.open(asked, "read")
    const answer = yield* ask((call, signal) => call.call(ROUTES.listWorkflows, { signal }))
    yield* Say.answer(asked.json, ROUTES.listWorkflows, answer, answer.items.length === 0 ? "" : table(answer.items))
  })

const table = (items: ReadonlyArray<Model.Workflow>) =>
  Table.text<Model.Workflow>([
    { title: "WORKFLOW", of: (item) => EventText.quoted(item.name), gives: true },
    { title: "VERSIONS", of: ({ versions }) => versions.map(({ version }) => version).join(", ") },
    { title: "SIGNALS", of: (item) => namesOf(newest(item)?.signals), gives: true },
    { title: "QUERIES", of: (item) => namesOf(newest(item)?.queries), gives: true },
    { title: "UPDATES", of: (item) => namesOf(newest(item)?.updates), gives: true }
  ], items)

const newest = ({ versions }: Model.Workflow) => versions.at(-1)

const namesOf = (messages: ReadonlyArray<{ readonly name: string }> = []): string =>
  messages.map((message) => EventText.quoted(message.name)).join(", ")

const show = (asked: Connection.Asked, workflow: string) =>
  Effect.gen(function*() {
    const { ask } = yield* Connection.open(asked, "read")
    const answer = yield* ask((call, signal) => call.call(ROUTES.describeWorkflow, { params: { workflow }, signal }))
    const text = answer.versions.map((version) => described(answer.name, version)).join("\n\n")
    yield* Say.answer(asked.json, ROUTES.describeWorkflow, answer, text)
  })

type Version = Model.Workflow["versions"][number]

const described = (workflow: string, version: Version): string =>
  [
    `workflow ${Paint.bold(EventText.quoted(workflow))} version ${version.version}`,
    ...schema("input", version.input),
    ...schema("output", version.output),
    ...schema("error", version.error),
    ...version.signals.flatMap((signal) => [`signal ${EventText.quoted(signal.name)}`, ...schema("  payload", signal.payload)]),
    ...version.queries.flatMap((query) => message("query", query)),
    ...version.updates.flatMap((update) => message("update", update))
  ].join("\n")

const message = (kind: string, { error, input, name, output }: Version["queries"][number]): ReadonlyArray<string> => [
  `${kind} ${EventText.quoted(name)}`,
  ...schema("  input", input),
  ...schema("  output", output),
  ...schema("  error", error)
]

const schema = (what: string, json: unknown): ReadonlyArray<string> =>
  json === undefined ? [] : [`${what}: ${Paint.plain(JSON.stringify(json))}`]
