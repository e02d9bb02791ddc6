/** An app on a store in memory, with a worker and a few workflows, to be asked by tests. */
import type { Client } from "@reprise/core"
import { Query, Signal, Step, Update, Workflow } from "@reprise/core"
import { Worker } from "@reprise/worker"
import { MemoryLog } from "@reprise/testing"
import { Context, Effect, Layer, Logger, ManagedRuntime, Ref, Schema } from "effect"
import { afterEach } from "vitest"
import * as App from "../src/App.js"
import type { Options } from "../src/Options.js"

// ---- workflows ----

/** Ends at once. */
export const Greet = Workflow.make(
  "greet",
  { input: Schema.Struct({ name: Schema.String, times: Schema.optional(Schema.Number.pipe(Schema.int())) }) },
  ({ name }) => Step.run("compose", Effect.succeed(`Hello, ${name}`))
)

class OutOfStock extends Schema.TaggedError<OutOfStock>()("OutOfStock", { article: Schema.String }) {}

/** Fails with a typed error. */
export const Fail = Workflow.make("fail", { error: OutOfStock }, () =>
  Step.run("reserve", Effect.fail(new OutOfStock({ article: "lamp" })), { error: OutOfStock }))

const Approve = Signal.make("approve", { payload: Schema.Struct({ by: Schema.String }) })
const State = Query.make("state", { output: Schema.String })
const Rename = Update.make("rename", {
  input: Schema.Struct({ to: Schema.String }),
  output: Schema.String,
  error: OutOfStock
})

/** Waits for its approval; can be asked and renamed. */
export const Order = Workflow.make(
  "order",
  { input: Schema.Struct({ total: Schema.Number }), messages: [Approve, State, Rename] },
  ({ total }) =>
    Effect.gen(function*() {
      const name = yield* Ref.make(`order of ${total}`)
      yield* Query.handle(State, () => Ref.get(name))
      yield* Update.handle(Rename, {
        validate: ({ to }) => (to === "" ? Effect.fail("a name is not empty") : Effect.void),
        run: ({ to }) => (to === "lamp" ? new OutOfStock({ article: to }) : Ref.getAndSet(name, to))
      })
      const { by } = yield* Approve.receive
      return `approved by ${by}`
    })
)

/** Takes what it is given; declares nothing. */
export const Anything = Workflow.make("anything", { input: Schema.Unknown }, () => Effect.void)

export const WORKFLOWS = [Greet, Fail, Order, Anything]

// ---- an app ----

class Served extends Context.Tag("test/Served")<Served, App.App>() {}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** `undefined` unless it is JSON. */
  readonly json: any
}

export interface Asking {
  readonly body?: unknown
  /** In place of `body`, as it is sent. */
  readonly raw?: string | Uint8Array | ReadableStream<Uint8Array>
  readonly headers?: Record<string, string>
  readonly signal?: AbortSignal
}

export interface Rig {
  readonly app: App.App
  readonly ask: (method: string, path: string, asking?: Asking) => Promise<Answer>
  readonly run: <A, E>(effect: Effect.Effect<A, E, Client.Client>) => Promise<A>
  readonly logged: ReadonlyArray<string>
  readonly close: () => Promise<void>
}

const rigs = new Set<Rig>()

afterEach(async () => {
  for (const rig of rigs) await rig.close()
  rigs.clear()
})

export const HOST = "http://127.0.0.1"

export const serve = async (
  options: Options = {},
  { store = MemoryLog.makeStore(), workflows = WORKFLOWS as ReadonlyArray<Workflow.Any>, engine = workerOn }: {
    readonly store?: MemoryLog.MemoryStore
    readonly workflows?: ReadonlyArray<Workflow.Any>
    readonly engine?: typeof workerOn
  } = {}
): Promise<Rig> => {
  const logged: Array<string> = []
  const logger = Logger.replace(Logger.defaultLogger, Logger.map(Logger.logfmtLogger, (line) => void logged.push(line)))
  const app = Layer.scoped(Served, App.make(options))
  const runtime = ManagedRuntime.make(
    app.pipe(Layer.provideMerge(engine(workflows)), Layer.provideMerge(MemoryLog.layer(store)), Layer.provide(logger))
  )
  const served = await runtime.runPromise(Served)
  const rig: Rig = {
    app: served,
    ask: async (method, path, asking) => answerOf(await served.fetch(requestOf(method, path, asking))),
    run: (effect) => runtime.runPromise(effect),
    logged,
    close: () => runtime.dispose()
  }
  rigs.add(rig)
  return rig
}

type Ours = ReadonlyArray<Workflow.Workflow<any, any, any, never>>

export const workerOn = (workflows: ReadonlyArray<Workflow.Any>) => Worker.layer({ workflows: workflows as Ours })

const JSON_TYPE = { "content-type": "application/json" }

export const requestOf = (method: string, path: string, { body, headers = {}, raw, signal }: Asking = {}): Request =>
  new Request(`${HOST}${path}`, {
    method,
    headers: { ...(raw === undefined && body === undefined && method !== "POST" ? {} : JSON_TYPE), ...headers },
    ...(raw === undefined ? (body === undefined ? {} : { body: JSON.stringify(body) }) : { body: raw, duplex: "half" }),
    ...(signal === undefined ? {} : { signal })
  })

export const answerOf = async (response: Response): Promise<Answer> => {
  const text = await response.text()
  const isJson = (response.headers.get("content-type") ?? "").includes("json")
  return { status: response.status, headers: response.headers, text, json: isJson && text !== "" ? JSON.parse(text) : undefined }
}

