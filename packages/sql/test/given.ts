/** A store in a temporary folder, and a few runs to put into it. */
import type { Event, Run } from "@reprise/core/engine"
import { Log } from "@reprise/core/engine"
import { Sqlite } from "@reprise/sql"
import Database from "better-sqlite3"
import { Effect, type Layer, type Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const NOW = 1_700_000_000_000

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "reprise-sql-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

export const file = Effect.map(folder, (path) => join(path, "log.db"))

type Provided = Layer.Layer.Success<ReturnType<typeof Sqlite.layer>>

/** Runs one process on the file, from opening to closing. */
export const process = <A, E, R extends Provided | Scope.Scope>(
  filename: string,
  body: (log: Log.LogShape) => Effect.Effect<A, E, R>,
  options: Partial<Sqlite.Options> = {}
) => Effect.flatMap(Log.Log, body).pipe(Effect.provide(Sqlite.layer({ filename, ...options })), Effect.scoped)

/** Opens the file with nothing of ours in between, as an operator or an accident would. */
export const raw = <A>(filename: string, use: (db: Database.Database) => A) =>
  Effect.sync(() => {
    const db = new Database(filename)
    try {
      return use(db)
    } finally {
      db.close()
    }
  })

export const started = (input = 0): Event.Of<"RunStarted"> => ({
  _tag: "RunStarted",
  at: NOW,
  messageId: "start",
  workflow: "checkout",
  version: "1",
  input,
  seed: "seed",
  effect: "3.22.4",
  reprise: "0.1.0"
})

export const scheduled = (id: string): Event.Event => ({ _tag: "StepScheduled", at: NOW, id, name: id })
export const completed: Event.Event = { _tag: "RunCompleted", at: NOW + 5, output: "done" }
export const signal = (messageId: string) =>
  ({ _tag: "Signal", messageId, name: "approve", payload: { by: "ada" } }) as const

export const running = (rest: Partial<Run.RunRow> = {}): Run.RunRow => ({
  status: "running",
  startedAt: NOW,
  closedAt: undefined,
  wakeAt: undefined,
  busy: false,
  version: "1",
  generationSeq: 1,
  paused: false,
  ...rest
})

export const closed: Run.RunRow = running({ status: "completed", closedAt: NOW + 5 })

export const start = (log: Log.LogShape, runId: string, key?: string): Log.Append => ({
  runId,
  epoch: log.epoch,
  expectedSeq: 0,
  events: [],
  delivered: [],
  row: undefined,
  start: {
    runId,
    workflow: "checkout",
    version: "1",
    key,
    createdAt: NOW,
    startAt: undefined,
    parent: undefined,
    forkedFrom: undefined,
    message: { _tag: "Start", messageId: "start", input: { order: 7 }, seed: "seed" }
  },
  outgoing: []
})

export const append = (
  log: Log.LogShape,
  runId: string,
  expectedSeq: number,
  events: ReadonlyArray<Event.Event>,
  rest: Partial<Log.Append> = {}
) =>
  Effect.map(
    log.append([
      { runId, epoch: log.epoch, expectedSeq, events, delivered: [], row: undefined, start: undefined, outgoing: [], ...rest }
    ]),
    ([answer]) => answer?._tag
  )

/** Whoever means to can drop the triggers that keep the log as it is; they are there again afterwards. */
export const withoutTriggers = (db: Database.Database, edit: (db: Database.Database) => void): void => {
  const select = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
  const triggers = db.prepare<[], { name: string; sql: string }>(select).all()
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`)
  edit(db)
  for (const { sql } of triggers) db.exec(sql)
}

/** A running run whose history is RunStarted and `steps` scheduled steps: its columns are those of that history. */
export const run = (log: Log.LogShape, runId: string, steps = 3, key?: string) =>
  Effect.gen(function*() {
    yield* log.append([start(log, runId, key)])
    const events = [started(), ...Array.from({ length: steps }, (_, index) => scheduled(`0#${index}`))]
    return yield* append(log, runId, 0, events, { delivered: ["start"], row: running({ busy: steps > 0 }) })
  })

export const childScheduled = (id: string, runId: string, rest: Partial<Event.Of<"ChildScheduled">> = {}): Event.Event => ({
  _tag: "ChildScheduled",
  at: NOW,
  id,
  runId,
  workflow: "checkout",
  version: "1",
  parentClose: "cancel",
  ...rest
})

/** The request of the event above. */
export const startChild = (parent: string, id: string, runId: string, rest: Partial<Event.Of<"ChildScheduled">> = {}): Log.Outgoing => ({
  _tag: "StartChild",
  id,
  parentClose: rest.parentClose ?? "cancel",
  onConflict: rest.onConflict ?? "fail",
  start: {
    runId,
    workflow: "checkout",
    version: "1",
    key: undefined,
    createdAt: NOW,
    startAt: undefined,
    parent: { runId: parent, id },
    forkedFrom: undefined,
    message: { _tag: "Start", messageId: "start", seed: "seed", parent: { runId: parent, id } }
  }
})

/** A run asks for children: `[id, runId]` each. */
export const ask = (
  log: Log.LogShape,
  runId: string,
  expectedSeq: number,
  children: ReadonlyArray<readonly [string, string, Partial<Event.Of<"ChildScheduled">>?]>,
  rest: Partial<Log.Append> = {}
) =>
  append(log, runId, expectedSeq, children.map(([id, child, more]) => childScheduled(id, child, more)), {
    outgoing: children.map(([id, child, more]) => startChild(runId, id, child, more)),
    ...rest
  })

/** A child begins as its parent's. */
export const begin = (log: Log.LogShape, runId: string, parent: string, id: string) =>
  append(log, runId, 0, [{ ...started(), parent: { runId: parent, id } }], { delivered: ["start"], row: running() })

/** Closes a run and delivers all of its mail. */
export const close = (log: Log.LogShape, runId: string, expectedSeq: number) =>
  Effect.flatMap(log.inbox(runId), ({ messages }) =>
    append(log, runId, expectedSeq, [completed], { row: closed, delivered: messages.map((message) => message.messageId) }))

/** Everything that a worker or a client can learn of a store. */
export const contents = (log: Log.LogShape) =>
  Effect.gen(function*() {
    const runs = yield* log.find({ limit: 1_000 })
    const all = yield* Effect.forEach(runs, (summary) =>
      Effect.all({
        summary: Effect.succeed(summary),
        history: Effect.either(log.read(summary.runId, 0, 1_000)),
        inbox: Effect.either(log.inbox(summary.runId))
      }))
    return all
  })
