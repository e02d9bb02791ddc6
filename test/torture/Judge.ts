/**
 * What must be true of a store after everything that was done to the processes on it: nothing acknowledged is lost or
 * doubled, each sender's notes are in order, every order has ended as it should, nothing that was finished ran again, and
 * the store finds nothing wrong with itself. Each function answers what is wrong, in words.
 */
import { type Event, Log } from "@reprise/core/engine"
import { Maintenance, Sqlite } from "@reprise/sql"
import { Effect } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { isDeepStrictEqual as equals } from "node:util"
import type { Book } from "./Orders.js"
import { endedIn, type Histories, histories, type Place } from "./Service.js"
import { type Asked, UNDO } from "./workload.js"

type Wrongs = ReadonlyArray<string>

/** After a fault, before anybody goes on: the store is in order, and whatever was acknowledged is in it. */
export const afterFault = (place: Place, book: Book): Effect.Effect<Wrongs, unknown> =>
  Effect.gen(function*() {
    const log = yield* Log.Log
    const all = yield* histories
    const waiting = new Set<string>()
    for (const runId of all.keys()) {
      for (const { messageId } of (yield* log.inbox(runId)).messages) waiting.add(`signal ${runId} ${messageId}`)
    }
    const isIn = (key: string): boolean => {
      const [kind, runId = "", messageId = ""] = key.split(" ")
      if (kind !== "signal") return all.has(runId)
      return waiting.has(key) || received(all.get(runId) ?? []).includes(messageId)
    }
    const lost = [...book.acknowledged].filter((key) => !isIn(key)).map((key) => `lost after the fault: ${key}`)
    return [...yield* storeWrongs, ...lost]
  }).pipe(Effect.provide(Sqlite.layer({ filename: place.filename })))

/** At the end, when every customer is served. */
export const atEnd = (place: Place, book: Book): Effect.Effect<Wrongs, unknown> =>
  Effect.gen(function*() {
    const all = yield* histories
    const orders = [...book.orders].flatMap(([runId, asked]) => orderWrongs(runId, asked, all.get(runId) ?? [], book))
    return [...yield* storeWrongs, ...strangers(all, book), ...orders, ...attemptWrongs(all, ledgerOf(place))]
  }).pipe(Effect.provide(Sqlite.layer({ filename: place.filename })))

const storeWrongs = Effect.gen(function*() {
  const { problems } = yield* Maintenance.verify
  const { changed } = yield* Maintenance.rebuild
  const found = problems.map((problem) => `verify: ${JSON.stringify(problem)}`)
  return changed === 0 ? found : [...found, `rebuild changed ${changed} rows`]
})

/** Every order is there once with its part, and nothing else is. */
const strangers = (all: Histories, book: Book): Wrongs => {
  const wanted = new Set([...book.orders.keys()].flatMap((runId) => [runId, childOf(all.get(runId) ?? [])]))
  return [...all.keys()].filter((runId) => !wanted.has(runId)).map((runId) => `nobody asked for ${runId}`)
}

const childOf = (events: ReadonlyArray<Event.Event>): string =>
  events.flatMap((event) => (event._tag === "ChildScheduled" ? [event.runId] : []))[0] ?? ""

const received = (events: ReadonlyArray<Event.Event>): ReadonlyArray<string> =>
  events.flatMap((event) => (event._tag === "SignalReceived" ? [event.messageId] : []))

const orderWrongs = (runId: string, asked: Asked, events: ReadonlyArray<Event.Event>, book: Book): Wrongs => {
  const wrongs: Array<string> = []
  const expectEqual = (what: string, found: unknown, wanted: unknown): void => {
    if (!equals(found, wanted)) wrongs.push(`${runId}: ${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`)
  }
  const notes = received(events)
  const sent = book.customers.flatMap(({ requests }) =>
    requests.flatMap((request) => (request.op === "signal" && request.runId === runId ? [request.messageId] : [])))
  expectEqual("what it was sent, in any order", notes.toSorted(), sent.toSorted())
  for (const sender of new Set(sent.map(senderOf))) {
    const own = (ids: ReadonlyArray<string>) => ids.filter((id) => senderOf(id) === sender)
    expectEqual(`the order of ${sender}`, own(notes), own(sent))
  }
  const last = events[events.length - 1]
  expectEqual("its last event", last?._tag, asked.refused ? "RunFailed" : "RunCompleted")
  if (!asked.refused) expectEqual("its output", last?._tag === "RunCompleted" ? last.output : undefined, notes)
  expectEqual("what its customers were told", book.ends.get(runId), asked.refused ? `refused after ${asked.notes}` : notes)
  const undone = events.filter((event) => event._tag === "StepScheduled" && event.name === UNDO).length
  expectEqual("the number of its undos", undone, asked.refused ? 1 : 0)
  return wrongs
}

const senderOf = (messageId: string): string => messageId.split(":")[0] ?? ""

interface Line {
  readonly kind: string
  readonly life: string
  readonly attempt: string
}

const ledgerOf = ({ ledger }: Place): ReadonlyArray<Line> =>
  (existsSync(ledger) ? readFileSync(ledger, "utf8") : "").split("\n").filter((line) => line !== "").map((line) => {
    const [kind = "", life = "", ...rest] = line.split(" ")
    return { kind, life, attempt: rest.join(" ") }
  })

/** What has ended has begun; none began in a life that found its end in the log, and none twice in one life. */
const attemptWrongs = (all: Histories, lines: ReadonlyArray<Line>): Wrongs => {
  const begun = lines.filter(({ kind }) => kind === "begun")
  const known = new Set(lines.filter(({ kind }) => kind === "ended").map(({ attempt, life }) => `${life} ${attempt}`))
  const ever = new Set(begun.map(({ attempt }) => attempt))
  const inLife = new Map<string, number>()
  for (const { attempt, life } of begun) inLife.set(`${life} ${attempt}`, (inLife.get(`${life} ${attempt}`) ?? 0) + 1)
  return [
    ...endedIn(all).filter((attempt) => !ever.has(attempt)).map((attempt) => `ended without having begun: ${attempt}`),
    ...[...inLife.keys()].filter((key) => known.has(key)).map((key) => `began although it had ended: ${key}`),
    ...[...inLife].filter(([, count]) => count > 1).map(([key, count]) => `began ${count} times in one life: ${key}`)
  ]
}

/** Attempts that began again because their end was not committed: allowed, and worth counting. */
export const repeats = (place: Place): number => {
  const begun = ledgerOf(place).filter(({ kind }) => kind === "begun").map(({ attempt }) => attempt)
  return begun.length - new Set(begun).size
}
