/** `feed`: the events of all runs, in the order of their commits (L9). */
import type { Log } from "@reprise/core/engine"
import { Effect } from "effect"
import * as Case from "./Case.js"
import * as Sample from "./Sample.js"

/** All that follows a position, by pages of `limit`. */
const follow = (log: Log.LogShape, after: number, limit: number, filter: Log.FeedFilter = {}) =>
  Effect.gen(function*() {
    const events: Array<Log.FeedEvent> = []
    for (let position = after;;) {
      const page = yield* log.feed(position, limit, filter)
      Case.equal(page.events.length <= limit, true, "a page is not longer than it may be")
      events.push(...page.events)
      if (page.position === position) return { events, position }
      position = page.position
    }
  })

const names = (events: ReadonlyArray<Log.FeedEvent>) => events.map(({ event, runId, seq }) => `${runId}/${seq} ${event._tag}`)

const traffic = (log: Log.LogShape) =>
  Effect.gen(function*() {
    yield* Case.begin(log, "a", { key: "k" })
    yield* Case.begin(log, "b", { workflow: "other", parent: { runId: "a", id: "0#0" } })
    yield* log.append([
      Case.appendOf(log, "b", 1, [Sample.scheduled("0#1"), Sample.received("m")]),
      Case.appendOf(log, "a", 7, [Sample.scheduled("0#2")]),
      Case.appendOf(log, "a", 1, [Sample.scheduled("0#3")])
    ])
    yield* Case.close(log, "b", 3)
  })

const ALL = [
  "a/1 RunStarted",
  "b/1 RunStarted",
  "b/2 StepScheduled",
  "b/3 SignalReceived",
  "a/2 StepScheduled",
  "b/4 RunCompleted"
]

const ordered = Case.on("every event is told once, in the order of the commits, whatever the length of the pages", (log) =>
  Effect.gen(function*() {
    Case.equal(yield* log.feed(0, 10, {}), { events: [], position: 0 })
    Case.equal(yield* log.feed("end", 10, {}), { events: [], position: 0 })
    yield* traffic(log)
    for (const limit of [1, 2, 5, 100]) {
      const { events, position } = yield* follow(log, 0, limit)
      Case.equal(names(events), ALL)
      const positions = events.map((event) => event.position)
      Case.equal(positions, positions.toSorted((a, b) => a - b))
      Case.equal([new Set(positions).size, positions.at(-1)], [ALL.length, position])
      Case.equal(events[3]?.event, Sample.received("m"))
    }
    Case.equal((yield* log.feed(0, 0, {})).events, [])
  }))

const goesOn = Case.on("who goes on after a position hears what came since, and nothing again", (log) =>
  Effect.gen(function*() {
    yield* traffic(log)
    const { events: [, , third] } = yield* log.feed(0, 3, {})
    Case.equal(names((yield* follow(log, third?.position ?? 0, 2)).events), ALL.slice(3))
    const end = yield* log.feed("end", 100, {})
    Case.equal(end, { events: [], position: (yield* follow(log, 0, 4)).position })
    Case.equal(yield* log.feed(end.position, 100, {}), end)
    yield* Case.begin(log, "c")
    Case.equal(names((yield* log.feed(end.position, 100, {})).events), ["c/1 RunStarted"])
  }))

const filters = Case.on("events that fit are told, and the position goes over those that do not", (log) =>
  Effect.gen(function*() {
    yield* traffic(log)
    const { position } = yield* log.feed("end", 1, {})
    const told = (filter: Log.FeedFilter) =>
      Effect.map(follow(log, 0, 2, filter), (found) => {
        Case.equal(found.position, position)
        return names(found.events)
      })
    Case.equal(yield* told({ workflow: "other" }), ALL.filter((name) => name.startsWith("b")))
    Case.equal(yield* told({ key: "k" }), ALL.filter((name) => name.startsWith("a")))
    Case.equal(yield* told({ parent: "a" }), ALL.filter((name) => name.startsWith("b")))
    Case.equal(yield* told({ runIds: ["a"] }), ALL.filter((name) => name.startsWith("a")))
    Case.equal(yield* told({ runIds: ["a", "b", "nobody"] }), ALL)
    Case.equal(yield* told({ types: ["StepScheduled", "RunCompleted"] }), [ALL[2], ALL[4], ALL[5]])
    Case.equal(yield* told({ types: ["RunStarted"], workflow: "checkout" }), [ALL[0]])
    Case.equal(yield* told({ runIds: [] }), [])
    Case.equal(yield* told({ types: [] }), [])
  }))

const stays = Case.restarted(
  "positions are the same after a restart",
  (log) => Effect.zipRight(traffic(log), follow(log, 0, 100)),
  (log, kept) =>
    Effect.gen(function*() {
      Case.equal(yield* follow(log, 0, 100), kept)
      yield* Case.begin(log, "c")
      Case.equal(names((yield* log.feed(kept.position, 100, {})).events), ["c/1 RunStarted"])
    })
)

export const cases: ReadonlyArray<Case.Case> = [ordered, goesOn, filters, stays]
