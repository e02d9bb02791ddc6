/**
 * Random traffic against a model that is too simple to be wrong: a list of events, a list of mail and a flag for each
 * run. Calls of one volley are made at once, so that they share transactions; their answers are those of calls made
 * one after another.
 */
import type { Event, Log } from "@reprise/core/engine"
import { Effect, FastCheck as fc } from "effect"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

/** One call. `off` makes it stale; `events` is how many events it brings. */
export type Call =
  | { readonly _tag: "start"; readonly run: number; readonly key: number | undefined }
  | {
    readonly _tag: "append"
    readonly run: number
    readonly events: number
    readonly off: boolean
    readonly deliver: boolean
    readonly close: boolean
  }
  | { readonly _tag: "send"; readonly run: number; readonly message: number }
  | { readonly _tag: "read"; readonly run: number }

export type Volley = ReadonlyArray<Call>

const run = fc.integer({ min: 0, max: 4 })
const rarely = fc.integer({ min: 0, max: 9 }).map((roll) => roll === 9)

const call: fc.Arbitrary<Call> = fc.oneof(
  fc.record({
    _tag: fc.constant("start" as const),
    run,
    key: fc.option(fc.integer({ min: 0, max: 1 }), { nil: undefined })
  }),
  fc.record({
    _tag: fc.constant("append" as const),
    run,
    events: fc.integer({ min: 0, max: 20 }),
    off: rarely,
    deliver: fc.boolean(),
    close: rarely
  }),
  fc.record({ _tag: fc.constant("send" as const), run, message: fc.integer({ min: 0, max: 12 }) }),
  fc.record({ _tag: fc.constant("read" as const), run })
)

export const volleys: fc.Arbitrary<ReadonlyArray<Volley>> = fc.array(fc.array(call, { minLength: 1, maxLength: 8 }), {
  maxLength: 12
})

interface Model {
  readonly key: number | undefined
  readonly events: Array<Event.Event>
  mail: Array<string>
  readonly seen: Set<string>
  closed: boolean
}

type Models = Map<number, Model>

/** Makes the calls of all volleys and compares every answer, and in the end every run, with the model. */
export const check = (all: ReadonlyArray<Volley>, log: Log.LogShape) =>
  Effect.gen(function*() {
    const models: Models = new Map()
    for (const volley of all) {
      const planned = volley.map((one) => plan(log, models, one))
      const answers = yield* Effect.forEach(planned, ({ effect }) => effect, { concurrency: "unbounded" })
      Case.equal(answers, planned.map(({ expected }) => expected))
      yield* agree(log, models)
    }
  })

interface Planned {
  readonly effect: Effect.Effect<unknown, unknown>
  readonly expected: unknown
}

const plan = (log: Log.LogShape, models: Models, one: Call): Planned => {
  const runId = `r${one.run}`
  const model = models.get(one.run)
  switch (one._tag) {
    case "start":
      return planStart(log, models, one)
    case "append":
      return planAppend(log, model, one)
    case "send": {
      const messageId = `m${one.message}`
      const effect = Effect.catchTags(log.send(runId, Sample.signal(messageId)), {
        RunNotFound: (error) => Effect.succeed(error._tag),
        RunClosed: (error) => Effect.succeed(error._tag)
      })
      return { effect, expected: receive(model, messageId) }
    }
    case "read":
      // What a read sees of calls made at the same time is not promised: only that it does not fail.
      return { effect: Effect.as(log.read(runId, 0, 7), "read"), expected: "read" }
  }
}

const planStart = (log: Log.LogShape, models: Models, one: Extract<Call, { _tag: "start" }>): Planned => {
  const key = one.key === undefined ? undefined : `k${one.key}`
  const effect = Effect.map(Case.start(log, `r${one.run}`, { key }), (answer) => answer?._tag)
  const taken = [...models.values()].some((model) => !model.closed && model.key !== undefined && model.key === one.key)
  if (models.has(one.run) || taken) return { effect, expected: "Exists" }
  models.set(one.run, { key: one.key, events: [], mail: ["start"], seen: new Set(["start"]), closed: false })
  return { effect, expected: "Committed" }
}

const planAppend = (log: Log.LogShape, model: Model | undefined, one: Extract<Call, { _tag: "append" }>): Planned => {
  const first = model?.events.length ?? 0
  const events = Array.from({ length: one.events }, (_, index) => Sample.scheduled(`0#${first + index}`))
  if (one.close) events.push(Sample.completed())
  const delivered = one.deliver ? model?.mail ?? [] : []
  const expectedSeq = one.off ? first + 1 : first
  const row = one.close ? Sample.closed() : undefined
  const effect = Effect.map(
    Case.append(log, `r${one.run}`, expectedSeq, events, { delivered, row }),
    (answer) => answer?._tag
  )
  if (model === undefined || model.closed || one.off) return { effect, expected: "Stale" }
  if (one.close && delivered.length < model.mail.length) return { effect, expected: "MailPending" }
  model.events.push(...events)
  if (one.deliver) model.mail = []
  model.closed = one.close
  return { effect, expected: "Committed" }
}

const receive = (model: Model | undefined, messageId: string): string => {
  if (model === undefined) return "RunNotFound"
  if (model.seen.has(messageId)) return "Duplicate"
  if (model.closed) return "RunClosed"
  model.seen.add(messageId)
  model.mail.push(messageId)
  return "Sent"
}

const agree = (log: Log.LogShape, models: Models) =>
  Effect.forEach(models, ([index, model]) =>
    Effect.gen(function*() {
      Case.equal(yield* Case.history(log, `r${index}`, 7), Case.numbered(model.events))
      Case.equal(yield* Case.waiting(log, `r${index}`), model.mail)
    }), { discard: true })
