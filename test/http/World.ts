/** An app with a worker on a store in memory, which remembers what it has told callers, so that they can ask for it again. */
import { Awakeable, Step, Workflow } from "@reprise/core"
import { Auth, Keys, Users } from "@reprise/server"
import { MemoryLog } from "@reprise/testing"
import { Effect, Redacted, Schema } from "effect"
import { type Answer, answerOf, type Rig, serve, WORKFLOWS } from "../../packages/server/test/served.js"
import { Known, type Pair, type Text } from "./Draws.js"

export const PASSWORD = "correct horse battery"

export interface World extends Rig {
  readonly authorization: string
  /** Names by kind, those that were told last at the end. */
  readonly known: Map<string, Array<string>>
  readonly store: MemoryLog.MemoryStore
}

/** Nothing is refused for being one too many: that would hide what else is wrong with it. */
export const OPTIONS = {
  auth: [Auth.keys, Auth.basic, Auth.sessions],
  authLimits: {
    requestBurst: 1e9,
    requestsPerSecond: 1e9,
    failuresOfAddress: 1e9,
    failuresOfName: 1e9,
    // Soon full, so that what is kept of many requests does not look like a leak.
    auditEntriesMax: 1_000
  }
}

export const make = async (options: Parameters<typeof serve>[0] = OPTIONS): Promise<World> => {
  const tokens: Array<string> = []
  const Waits = Workflow.make("waits", {}, () =>
    Effect.gen(function*() {
      const { await: settled, token } = yield* Awakeable.make("answer", { value: Schema.Unknown, error: Schema.Unknown })
      yield* Step.run("tell", Effect.sync(() => void tokens.push(token)))
      yield* Effect.either(settled)
    }))
  const store = MemoryLog.makeStore()
  const created = await Effect.runPromise(Effect.scoped(Effect.provide(
    Effect.zipLeft(
      Keys.create({ name: "root", role: "admin", createdBy: "test" }),
      Users.create({ name: "ada", password: Redacted.make(PASSWORD), role: "admin", createdBy: "test" })
    ),
    MemoryLog.layer(store)
  )))
  const rig = await serve(options, { store, workflows: [...WORKFLOWS, Waits] })
  const known = new Map([["token", tokens], ["member", ["ada"]], ["step", ["1", "2"]], ["message", ["m1", "m2"]]])
  return { ...rig, store, known, authorization: `Bearer ${Redacted.value(created.key)}` }
}

/** Of each kind only the newest are asked for: the older ones have probably ended. */
const RECENT_COUNT = 6

const nameOf = ({ known }: World, { kind, n }: Known): string => {
  const recent = known.get(kind)?.slice(-RECENT_COUNT) ?? []
  return recent[n % recent.length] ?? "none"
}

export const textOf = (world: World, value: Text): string => (value instanceof Known ? nameOf(world, value) : value)

/** What a drawn value stands for. */
export const valueOf = (world: World, value: unknown): unknown => {
  if (value instanceof Known) return nameOf(world, value)
  if (Array.isArray(value)) return value.map((item) => valueOf(world, item))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, valueOf(world, field)]))
}

export const pairsOf = (world: World, pairs: ReadonlyArray<Pair>) =>
  pairs.map(([name, value]) => [name, textOf(world, value)] as const)

const FIELDS = {
  startRun: ["run", "runId"],
  createKey: ["apiKey", "keyId"],
  createUser: ["user", "name"],
  startBulk: ["job", "jobId"]
} as const

const learnt = (world: World, kind: string, name: unknown): void => {
  if (typeof name !== "string") return
  const names = world.known.get(kind) ?? []
  world.known.set(kind, names)
  names.push(name)
}

/** Remembers the names that an answer tells. */
export const learn = (world: World, operationId: string, { json, status }: Answer): void => {
  if (status >= 300) return
  const told = Reflect.get(FIELDS, operationId)
  if (told !== undefined) learnt(world, told[0], json?.[told[1]])
  learnt(world, "cursor", json?.nextCursor)
}

/** Runs that can be talked to: others end, or are ended, all the time. */
export const refresh = async (world: World): Promise<void> => {
  const headers = { authorization: world.authorization }
  const key = `key ${world.known.get("key")?.length ?? 0}`
  for (const body of [{ workflow: "order", input: { total: 1 }, key }, { workflow: "waits" }]) {
    learn(world, "startRun", await world.ask("POST", "/api/v1/runs", { headers, body }))
  }
  learnt(world, "key", key)
}

/** Until then an answer is waited for; then its caller goes. */
const PATIENCE_MILLIS = 200
const SHOWN_BYTES = 20_000

/** Asks, and reads no more of the answer than what comes at first, when it is a stream. */
export const ask = async (
  world: World,
  request: (signal: AbortSignal) => Request,
  patienceMillis = PATIENCE_MILLIS
): Promise<Answer & { readonly gone: boolean }> => {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), patienceMillis)
  try {
    const response = await world.app.fetch(request(controller.signal), { remoteAddress: "127.0.0.1" })
    const gone = controller.signal.aborted
    if (!isStream(response)) return { ...(await answerOf(response)), gone }
    return { status: response.status, headers: response.headers, text: await beginningOf(response), json: undefined, gone }
  } finally {
    clearTimeout(timer)
  }
}

const isStream = ({ headers }: Response): boolean => /event-stream|ndjson/.test(headers.get("content-type") ?? "")

const beginningOf = async (response: Response): Promise<string> => {
  const reader = response.body?.getReader()
  if (reader === undefined) return ""
  const { value } = await reader.read().catch(() => ({ value: undefined }))
  await reader.cancel().catch(() => {})
  return new TextDecoder().decode(value).slice(0, SHOWN_BYTES)
}
