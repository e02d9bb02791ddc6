/** What this server can run. */
import { Client, type Workflow } from "@reprise/core"
import { Errors, type Registry } from "@reprise/core/engine"
import { Effect } from "effect"
import { type Handlers, value } from "../api/Handler.js"
import type * as Model from "../api/Model.js"
import * as JsonSchema from "../JsonSchema.js"

type Named = "listWorkflows" | "describeWorkflow"

export const handlers: Handlers<Named, Client.Client> = {
  listWorkflows: () =>
    Effect.map(Client.Client, ({ registry }) => value({ items: [...registry.byName.keys()].map((name) => told(registry, name)) })),
  describeWorkflow: ({ params: { workflow } }) =>
    Effect.flatMap(Client.Client, ({ registry }) =>
      registry.byName.has(workflow)
        ? Effect.succeed(value(told(registry, workflow)))
        : new Errors.WorkflowUnknown({ workflow, known: [...registry.byName.keys()] }))
}

const told = (registry: Registry.Registry, name: string): Model.Workflow => ({
  name,
  versions: (registry.byName.get(name) ?? []).map(versionOf)
})

type Version = Model.Workflow["versions"][number]

/** A workflow does not change, and its schemas take a while. */
const versions = new WeakMap<Workflow.Any, Version>()

const versionOf = (workflow: Workflow.Any): Version => {
  const known = versions.get(workflow)
  if (known !== undefined) return known
  const made = describe(workflow)
  versions.set(workflow, made)
  return made
}

const describe = ({ error, input, messages, output, version }: Workflow.Any): Version => ({
  version,
  input: JsonSchema.of(input),
  output: JsonSchema.of(output),
  error: JsonSchema.ofError(error),
  declares: messages.length > 0,
  signals: messages.flatMap((message) =>
    message._tag === "Signal" ? [{ name: message.name, payload: JsonSchema.of(message.payload) }] : []),
  queries: messages.flatMap((message) => message._tag === "Query" ? [typesOf(message)] : []),
  updates: messages.flatMap((message) => message._tag === "Update" ? [{ ...typesOf(message), error: JsonSchema.of(message.error) }] : [])
})

type Asking = Exclude<Workflow.AnyMessage, { readonly _tag: "Signal" }>

const typesOf = ({ input, name, output }: Asking) => ({ name, input: JsonSchema.of(input), output: JsonSchema.of(output) })
