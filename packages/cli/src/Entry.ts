/** Loads the module that has the workflows, and perhaps the services of their steps and the options of the server. */
import type { Workflow } from "@reprise/core"
import { Registry } from "@reprise/core/engine"
import type { Server } from "@reprise/server"
import { Effect, Layer } from "effect"
import { statSync } from "node:fs"
import { createRequire } from "node:module"
import { extname, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { EntryInvalid } from "./Errors.js"

export interface Entry {
  readonly file: string
  readonly workflows: ReadonlyArray<Workflow.Any>
  /** Under which name the module has them. */
  readonly exportedAs: "workflows" | "default"
  /** The services of the steps: what the module exports as `layer`. */
  readonly layer: Layer.Layer<unknown, unknown> | undefined
  /** Options of the server: what the module exports as `server`. */
  readonly server: Server.Serving
}

export const load = (entry: string): Effect.Effect<Entry, EntryInvalid> =>
  Effect.gen(function*() {
    const file = resolve(entry)
    yield* attempt(entry, () => {
      if (!statSync(file).isFile()) throw new Error("it is not a file")
    })
    if (/^\.[cm]?tsx?$/.test(extname(file))) yield* readTypeScript(entry, file)
    const module = yield* imported(entry, file)
    const found = workflowsOf(module)
    if (found === undefined) return yield* new EntryInvalid({ entry, detail: nothing(module) })
    yield* checked(entry, found.workflows)
    return { file, ...found, ...yield* restOf(entry, module) }
  })

/** The exports beside the workflows. */
const restOf = (entry: string, module: Readonly<Record<string, unknown>>): Effect.Effect<Pick<Entry, "layer" | "server">, EntryInvalid> => {
  const { default: standard } = module
  const exported = isRecord(standard) && !Array.isArray(standard) ? { ...standard, ...module } : module
  const { layer, server = {} } = exported
  if (layer !== undefined && !isClosed(layer)) return new EntryInvalid({ entry, detail: "what it exports as `layer` is no Layer" })
  if (!isServing(server)) return new EntryInvalid({ entry, detail: "what it exports as `server` are no options of a server" })
  return Effect.succeed({ layer, server })
}

const isServing = (value: unknown): value is Server.Serving =>
  isRecord(value) && !Array.isArray(value) && (value["auth"] === undefined || isProviders(value["auth"]))

const isProviders = (value: unknown): boolean =>
  Array.isArray(value) && value.every((provider) => isRecord(provider) && typeof provider["_tag"] === "string")

/** Whether it needs nothing more cannot be seen; what is missing is named when a step asks for it. */
const isClosed = (value: unknown): value is Layer.Layer<unknown, unknown> => Layer.isLayer(value)

const attempt = <A>(entry: string, run: () => A): Effect.Effect<A, EntryInvalid> =>
  Effect.try({ try: run, catch: (cause) => new EntryInvalid({ entry, detail: cause instanceof Error ? cause.message : String(cause) }) })

/** With tsx, from the project of the entry or from here; a Node that strips types itself needs none. */
const readTypeScript = (entry: string, file: string): Effect.Effect<void, EntryInvalid> =>
  Effect.gen(function*() {
    const tsx = resolved(file) ?? resolved(import.meta.url)
    if (tsx === undefined && "typescript" in process.features && process.features.typescript !== false) return
    if (tsx === undefined) {
      return yield* new EntryInvalid({ entry, detail: "it is TypeScript, and tsx is not installed: npm install --save-dev tsx" })
    }
    // What `node --import tsx` does.
    yield* Effect.tryPromise({
      try: () => import(pathToFileURL(tsx).href),
      catch: (cause) => new EntryInvalid({ entry, detail: `tsx cannot be used: ${String(cause)}` })
    })
  })

const resolved = (from: string): string | undefined => {
  try {
    return createRequire(from).resolve("tsx")
  } catch {
    return undefined
  }
}

const imported = (entry: string, file: string): Effect.Effect<Readonly<Record<string, unknown>>, EntryInvalid> =>
  Effect.tryPromise({
    try: async (): Promise<Readonly<Record<string, unknown>>> => await import(pathToFileURL(file).href),
    catch: (cause) => new EntryInvalid({ entry, detail: `it cannot be loaded: ${thrown(cause)}` })
  })

/** Where it was thrown, as far as it is the user's own code. */
const thrown = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  const frames = (cause.stack ?? "").split("\n").filter((line) => /^\s+at .*file:/.test(line) && !line.includes("node_modules"))
  return [`${cause.name}: ${cause.message}`, ...frames.slice(0, 3)].join("\n")
}

/** A CommonJS module comes as the default of what it is imported as. */
const workflowsOf = (module: Readonly<Record<string, unknown>>): Pick<Entry, "workflows" | "exportedAs"> | undefined => {
  const { default: standard, workflows } = module
  if (isWorkflows(workflows)) return { workflows, exportedAs: "workflows" }
  if (isWorkflows(standard)) return { workflows: standard, exportedAs: "default" }
  if (isRecord(standard) && isWorkflows(standard["workflows"])) return { workflows: standard["workflows"], exportedAs: "workflows" }
  return undefined
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null

const isWorkflows = (value: unknown): value is ReadonlyArray<Workflow.Any> =>
  Array.isArray(value) && value.length > 0 && value.every((item) => isRecord(item) && item["_tag"] === "Workflow")

const nothing = (module: Readonly<Record<string, unknown>>): string => {
  const { default: standard, workflows = standard } = module
  if (Array.isArray(workflows)) {
    const at = workflows.findIndex((item) => !isWorkflows([item]))
    return at < 0 ? "its array of workflows is empty" : `number ${at + 1} of its array is no workflow`
  }
  const names = Object.keys(module)
  return `it exports ${names.length === 0 ? "nothing" : names.join(", ")}, and no array \`workflows\``
}

const checked = (entry: string, workflows: ReadonlyArray<Workflow.Any>): Effect.Effect<unknown, EntryInvalid> =>
  attempt(entry, () => Registry.make(workflows))
