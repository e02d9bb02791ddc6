/**
 * A case of the suite: a name, and a test that is given a way to open stores. The suite knows no test runner; each
 * case fails by a defect of `node:assert`.
 */
import type { Event } from "@reprise/core/engine"
import { Log, type Records, type RunLogs } from "@reprise/core/engine"
import { Context, Effect, type Layer, type Scope } from "effect"
import { deepStrictEqual } from "node:assert/strict"
import * as Sample from "./Sample.js"

/**
 * Makes an empty store, for as long as the scope lives, and answers the layer of a process on it. Building the layer
 * once more, after the first was closed, is the same store after a restart.
 */
export type MakeStore = Effect.Effect<Layer.Layer<Ports, unknown>, unknown, Scope.Scope>

/** What a store offers. */
export type Ports = Log.Log | Records.Records | RunLogs.RunLogs
export type Scoped = Scope.Scope

export interface Case {
  readonly name: string
  readonly test: (make: MakeStore) => Effect.Effect<void, unknown, Scope.Scope>
}

/** A case on one process. */
export const on = <E>(name: string, body: (log: Log.LogShape) => Effect.Effect<void, E, Scope.Scope>): Case =>
  onPort(Log.Log, name, body)

export const onPort = <I extends Ports, S, E>(
  port: Context.Tag<I, S>,
  name: string,
  body: (service: S) => Effect.Effect<void, E, Scope.Scope>
): Case => onStore(name, (store) => body(Context.get(store, port)))

export const onStore = <E>(name: string, body: (store: Context.Context<Ports>) => Effect.Effect<void, E, Scope.Scope>): Case => ({
  name,
  test: (make) => Effect.flatMap(make, (layer) => Effect.flatMap(Effect.context<Ports>(), body).pipe(Effect.provide(layer)))
})

/** A case on one process and then, on the same store, on another. */
export const restarted = <A, E, F>(
  name: string,
  before: (log: Log.LogShape) => Effect.Effect<A, E, Scope.Scope>,
  after: (log: Log.LogShape, kept: A) => Effect.Effect<void, F, Scope.Scope>
): Case => restartedPort(Log.Log, name, before, after)

export const restartedPort = <I extends Ports, S, A>(
  port: Context.Tag<I, S>,
  name: string,
  before: (service: S) => Effect.Effect<A, unknown, Scope.Scope>,
  after: (service: S, kept: A) => Effect.Effect<void, unknown, Scope.Scope>
): Case =>
  restartedStore(
    name,
    (store) => before(Context.get(store, port)),
    (store, kept) => after(Context.get(store, port), kept)
  )

export const restartedStore = <A, E, F>(
  name: string,
  before: (store: Context.Context<Ports>) => Effect.Effect<A, E, Scope.Scope>,
  after: (store: Context.Context<Ports>, kept: A) => Effect.Effect<void, F, Scope.Scope>
): Case => ({
  name,
  test: (make) =>
    Effect.gen(function*() {
      const layer = yield* make
      const kept = yield* Effect.scoped(Effect.flatMap(Effect.context<Ports>(), before).pipe(Effect.provide(layer)))
      yield* Effect.flatMap(Effect.context<Ports>(), (store) => after(store, kept)).pipe(Effect.provide(layer))
    })
})

export const equal = <A>(actual: A, expected: A, what?: string): void => deepStrictEqual(actual, expected, what)

export const COMMITTED: Log.Appended = { _tag: "Committed" }
export const STALE: Log.Appended = { _tag: "Stale" }
export const FENCED: Log.Appended = { _tag: "Stale", fenced: true }
export const MAIL_PENDING: Log.Appended = { _tag: "MailPending" }

export const appendOf = (
  log: Log.LogShape,
  runId: string,
  expectedSeq: number,
  events: ReadonlyArray<Event.Event>,
  rest: Partial<Log.Append> = {}
): Log.Append => ({
  runId,
  epoch: log.epoch,
  expectedSeq,
  events,
  delivered: [],
  row: undefined,
  start: undefined,
  outgoing: [],
  ...rest
})

export const append = (
  log: Log.LogShape,
  runId: string,
  expectedSeq: number,
  events: ReadonlyArray<Event.Event>,
  rest: Partial<Log.Append> = {}
) => Effect.map(log.append([appendOf(log, runId, expectedSeq, events, rest)]), ([answer]) => answer)

export const startOf = (log: Log.LogShape, runId: string, rest: Partial<Log.StartRequest> = {}): Log.Append =>
  appendOf(log, runId, 0, [], { start: Sample.request(runId, rest) })

export const start = (log: Log.LogShape, runId: string, rest: Partial<Log.StartRequest> = {}) =>
  Effect.map(log.append([startOf(log, runId, rest)]), ([answer]) => answer)

/** Starts a run and delivers its Start message: its history then holds one event. */
export const begin = (log: Log.LogShape, runId: string, rest: Partial<Log.StartRequest> = {}) =>
  Effect.zipRight(
    start(log, runId, rest),
    append(log, runId, 0, [Sample.started()], { delivered: ["start"], row: Sample.running() })
  )

/** All events of a run, by pages of `limit`. */
export const history = (log: Log.LogShape, runId: string, limit = 1_000) =>
  Effect.gen(function*() {
    const all: Array<Event.Recorded> = []
    while (true) {
      const page = yield* log.read(runId, all.length, limit)
      all.push(...page)
      if (page.length < limit) return all
    }
  })

export const numbered = (events: ReadonlyArray<Event.Event>): ReadonlyArray<Event.Recorded> =>
  events.map((event, index) => ({ seq: index + 1, event }))

/** Appends one event, as a program's command does, and asks for what follows from it. */
export const ask = (log: Log.LogShape, runId: string, expectedSeq: number, ...outgoing: ReadonlyArray<Log.Outgoing>) =>
  append(log, runId, expectedSeq, [Sample.scheduled(`0#${expectedSeq}`)], { outgoing })

/** Closes a run, which delivers all that waits for it. */
export const close = (log: Log.LogShape, runId: string, expectedSeq: number, rest: Partial<Log.Append> = {}) =>
  Effect.flatMap(waiting(log, runId), (delivered) =>
    append(log, runId, expectedSeq, [Sample.completed()], { delivered, row: Sample.closed(), ...rest }))

/** The undelivered messages of a run. */
export const mail = (log: Log.LogShape, runId: string) => Effect.map(log.inbox(runId), ({ messages }) => messages)

export const waiting = (log: Log.LogShape, runId: string) =>
  Effect.map(log.inbox(runId), ({ messages }) => messages.map((message) => message.messageId))

/** Records the changes that are told while the scope lives. */
export const changes = (log: Log.LogShape) =>
  Effect.gen(function*() {
    const told: Array<Log.Change> = []
    yield* log.watch((change) => told.push(change))
    return told
  })
