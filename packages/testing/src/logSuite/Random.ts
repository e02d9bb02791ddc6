/**
 * Random traffic against a model that is too simple to be wrong: a list of events, a list of mail and a flag for each
 * run, and one list of who awaits whom. Calls of one volley are made at once, so that they share transactions; their
 * answers are those of calls made one after another.
 */
import type { Event, Log } from "@reprise/core/engine"
import { Effect, FastCheck as fc } from "effect"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

/** What an append asks of other runs; `early` is before it continues as new, if it does. */
export type Ask =
  | {
    readonly _tag: "child"
    readonly early: boolean
    readonly run: number
    readonly key: number | undefined
    readonly use: boolean
    readonly parentClose: Event.ParentClose
  }
  | { readonly _tag: "signal"; readonly early: boolean; readonly run: number; readonly message: number; readonly answered: boolean }

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
    readonly continues: boolean
    readonly asks: ReadonlyArray<Ask>
  }
  | { readonly _tag: "send"; readonly run: number; readonly message: number }
  | { readonly _tag: "read"; readonly run: number }

export type Volley = ReadonlyArray<Call>

const run = fc.integer({ min: 0, max: 4 })
const rarely = fc.integer({ min: 0, max: 9 }).map((roll) => roll === 9)

const key = fc.option(fc.integer({ min: 0, max: 1 }), { nil: undefined })
const message = fc.integer({ min: 0, max: 12 })

const ask: fc.Arbitrary<Ask> = fc.oneof(
  fc.record({
    _tag: fc.constant("child" as const),
    early: fc.boolean(),
    run,
    key,
    use: fc.boolean(),
    parentClose: fc.constantFrom("cancel" as const, "terminate" as const, "abandon" as const)
  }),
  fc.record({ _tag: fc.constant("signal" as const), early: fc.boolean(), run, message, answered: fc.boolean() })
)

const call: fc.Arbitrary<Call> = fc.oneof(
  fc.record({ _tag: fc.constant("start" as const), run, key }),
  fc.record({
    _tag: fc.constant("append" as const),
    run,
    events: fc.integer({ min: 0, max: 20 }),
    off: rarely,
    deliver: fc.boolean(),
    close: rarely,
    continues: rarely,
    asks: fc.array(ask, { maxLength: 3 })
  }),
  fc.record({ _tag: fc.constant("send" as const), run, message }),
  fc.record({ _tag: fc.constant("read" as const), run })
)

export const volleys: fc.Arbitrary<ReadonlyArray<Volley>> = fc.array(fc.array(call, { minLength: 1, maxLength: 8 }), {
  maxLength: 12
})

interface Model {
  readonly runId: string
  readonly key: number | undefined
  readonly events: Array<Event.Event>
  mail: Array<string>
  readonly seen: Set<string>
  closed: boolean
}

interface Link {
  readonly run: Model
  readonly watcher: Model
  readonly id: string
  readonly parentClose: Event.ParentClose | undefined
}

interface Models {
  readonly runs: Map<number, Model>
  links: ReadonlyArray<Link>
  /** A command id stands for one command. */
  askCount: number
}

/** Makes the calls of all volleys and compares every answer, and in the end every run, with the model. */
export const check = (all: ReadonlyArray<Volley>, log: Log.LogShape) =>
  Effect.gen(function*() {
    const models: Models = { runs: new Map(), links: [], askCount: 0 }
    for (const volley of all) {
      const planned = volley.map((one) => plan(log, models, one))
      const answers = yield* Effect.forEach(planned, ({ effect }) => effect, { concurrency: "unbounded" })
      Case.equal(answers, planned.map(({ expected }) => expected))
      yield* agree(log, models)
    }
    yield* agreeAll(log, models)
  })

interface Planned {
  readonly effect: Effect.Effect<unknown, unknown>
  readonly expected: unknown
}

const plan = (log: Log.LogShape, models: Models, one: Call): Planned => {
  const runId = `r${one.run}`
  const model = models.runs.get(one.run)
  switch (one._tag) {
    case "start":
      return planStart(log, models, one)
    case "append":
      return planAppend(log, models, one)
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
  const effect = Effect.map(Case.start(log, `r${one.run}`, { key: keyOf(one.key) }), (answer) => answer?._tag)
  if (taken(models, one) !== undefined) return { effect, expected: "Exists" }
  create(models, one)
  return { effect, expected: "Committed" }
}

const keyOf = (key: number | undefined): string | undefined => (key === undefined ? undefined : `k${key}`)

interface Started {
  readonly run: number
  readonly key: number | undefined
}

const taken = ({ runs }: Models, { key, run }: Started): Model | undefined =>
  runs.get(run) ?? [...runs.values()].find((model) => !model.closed && model.key !== undefined && model.key === key)

const create = ({ runs }: Models, { key, run }: Started): Model => {
  const model = { runId: `r${run}`, key, events: [], mail: ["start"], seen: new Set(["start"]), closed: false }
  runs.set(run, model)
  return model
}

type AppendCall = Extract<Call, { _tag: "append" }>

const planAppend = (log: Log.LogShape, models: Models, one: AppendCall): Planned => {
  const model = models.runs.get(one.run)
  const first = model?.events.length ?? 0
  const runId = `r${one.run}`
  const asks = one.asks.map((ask) => ({ id: `0#ask${models.askCount++}`, ask }))
  const events = eventsOf(one, first, asks)
  const delivered = one.deliver ? model?.mail ?? [] : []
  const expectedSeq = one.off ? first + 1 : first
  const rest = { delivered, row: one.close ? Sample.closed() : undefined, outgoing: asks.map(outgoingOf(runId)) }
  const effect = Effect.map(Case.append(log, runId, expectedSeq, events, rest), (answer) => answer?._tag)
  if (model === undefined || model.closed || one.off) return { effect, expected: "Stale" }
  if (one.close && delivered.length < model.mail.length) return { effect, expected: "MailPending" }
  model.events.push(...events)
  if (one.deliver) model.mail = []
  follow(models, model, one, asks)
  return { effect, expected: "Committed" }
}

interface Asked {
  readonly id: string
  readonly ask: Ask
}

const eventsOf = (one: AppendCall, first: number, asks: ReadonlyArray<Asked>): ReadonlyArray<Event.Event> => {
  const events: Array<Event.Event> = Array.from({ length: one.events }, (_, index) => Sample.scheduled(`0#${first + index}`))
  if (one.continues) {
    for (const { ask, id } of asks) if (ask.early) events.push(Sample.childScheduled(id, `r${ask.run}`))
    events.push(Sample.continued, Sample.started())
  }
  if (one.close) events.push(Sample.completed())
  return events
}

const outgoingOf = (runId: string) => ({ ask, id }: Asked): Log.Outgoing => {
  if (ask._tag === "signal") return Sample.sendTo(`r${ask.run}`, id, `m${ask.message}`, ask.answered)
  const { key, parentClose, run, use } = ask
  return Sample.startChild(runId, id, `r${run}`, { parentClose, onConflict: use ? "use_existing" : "fail" }, { key: keyOf(key) })
}

/** What an append brings about in other runs. */
const follow = (models: Models, model: Model, one: AppendCall, asks: ReadonlyArray<Asked>): void => {
  model.closed = one.close
  const early = asks.filter(({ ask }) => one.continues && ask.early)
  for (const asked of early) apply(models, model, asked)
  if (one.continues) endChildren(models, model)
  for (const asked of asks) if (!early.includes(asked)) apply(models, model, asked)
  if (!one.close) return
  endChildren(models, model)
  const watchers = models.links.filter(({ run }) => run === model)
  models.links = models.links.filter(({ run }) => run !== model)
  for (const { id, watcher } of watchers) receive(watcher, `ended/${id}`)
}

const apply = (models: Models, model: Model, { ask, id }: Asked): void => {
  if (ask._tag === "signal") {
    receive(models.runs.get(ask.run), `m${ask.message}`)
    if (ask.answered) receive(model, `sent/${id}`)
    return
  }
  const existing = taken(models, ask)
  const run = existing ?? create(models, ask)
  receive(model, `started/${id}`)
  if (existing?.closed === true && ask.use) receive(model, `ended/${id}`)
  if (run.closed || (existing !== undefined && !ask.use)) return
  const parentClose = existing === undefined ? ask.parentClose : undefined
  models.links = [...models.links, { run, watcher: model, id, parentClose }]
}

const endChildren = (models: Models, model: Model): void => {
  const ended = models.links.filter(({ watcher }) => watcher === model)
  models.links = models.links.filter(({ watcher }) => watcher !== model)
  for (const { id, parentClose, run } of ended) {
    if (parentClose === "cancel" || parentClose === "terminate") receive(run, `parent/${model.runId}/${id}`)
  }
}

const receive = (model: Model | undefined, messageId: string): string => {
  if (model === undefined) return "RunNotFound"
  if (model.seen.has(messageId)) return "Duplicate"
  if (model.closed) return "RunClosed"
  model.seen.add(messageId)
  model.mail.push(messageId)
  return "Sent"
}

const agree = (log: Log.LogShape, { runs }: Models) =>
  Effect.forEach(runs, ([index, model]) =>
    Effect.gen(function*() {
      Case.equal(yield* Case.history(log, `r${index}`, 7), Case.numbered(model.events))
      Case.equal(yield* Case.waiting(log, `r${index}`), model.mail)
    }), { discard: true })

/** L9: the events of all runs, in pages, are those of each. */
const agreeAll = (log: Log.LogShape, { runs }: Models) =>
  Effect.gen(function*() {
    const told = new Map<string, Array<Event.Recorded>>([...runs.values()].map(({ runId }) => [runId, []]))
    for (let position = 0;;) {
      const page = yield* log.feed(position, 7, {})
      for (const { event, runId, seq } of page.events) told.get(runId)?.push({ seq, event })
      if (page.position === position) break
      position = page.position
    }
    for (const { events, runId } of runs.values()) Case.equal(told.get(runId) ?? [], Case.numbered(events))
  })
