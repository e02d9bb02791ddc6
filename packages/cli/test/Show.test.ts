/** What is printed of runs: timelines, tables, lengths of time, and texts of others. */
import type { Event } from "@reprise/core/engine"
import { it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { stripVTControlCharacters } from "node:util"
import { describe, expect } from "vitest"
import * as Moment from "../src/show/Moment.js"
import * as Paint from "../src/show/Paint.js"
import * as Progress from "../src/show/Progress.js"
import { Screen } from "../src/show/Screen.js"
import * as Table from "../src/show/Table.js"
import * as Timeline from "../src/show/Timeline.js"

const began = Date.parse("2026-01-31T12:00:00Z")
const at = (millis: number) => ({ at: began + millis })

const HISTORY: ReadonlyArray<Event.Event> = [
  {
    _tag: "RunStarted",
    ...at(0),
    messageId: "s",
    workflow: "order",
    version: "1",
    input: { total: 3 },
    seed: "x",
    effect: "3",
    reprise: "0"
  },
  { _tag: "StepScheduled", ...at(0), id: "0#1", name: "charge" },
  { _tag: "StepAttemptFailed", ...at(40), id: "0#1", attempt: 1, failure: { _tag: "Error", error: "declined" } },
  { _tag: "StepRetryScheduled", ...at(40), id: "0#1", attempt: 2, dueAt: began + 1_040 },
  { _tag: "StepAttemptStarted", ...at(1_040), id: "0#1", attempt: 2 },
  { _tag: "StepCompleted", ...at(1_100), id: "0#1", attempt: 2, output: { paid: 3 } },
  { _tag: "TimerStarted", ...at(1_100), id: "0.0#1", millis: 86_400_000, dueAt: began + 86_401_100 },
  { _tag: "ChildScheduled", ...at(1_100), id: "0.1#1", runId: "c1", workflow: "pack it", version: "1", parentClose: "cancel" },
  { _tag: "ChildStarted", ...at(1_110), id: "0.1#1", messageId: "m", runId: "c1" },
  { _tag: "SignalReceived", ...at(1_200), messageId: "g", name: "go", payload: { text: "\u001b[2Jgone" }, by: "Ada" },
  { _tag: "ChildFailed", ...at(2_500), id: "0.1#1", messageId: "e", failure: { _tag: "Defect", name: "Error", message: "torn\nstack" } }
]

describe("a timeline", () => {
  it("has a line for each thing, its attempts below it, indented by fiber", () => {
    const lines = Timeline.lines(HISTORY, began + 3_600_000).map((line) => stripVTControlCharacters(line))
    expect(lines).toEqual([
      " +0ms  RunStarted order {\"total\":3}",
      " +0ms  step charge 1.1s → {\"paid\":3}",
      "         attempt 1 failed after 40ms: \"declined\", again in 1s",
      "+1.1s    sleep 1d open for 59m 58s, due in 23h",
      "+1.1s    child \"pack it\" run c1 1.4s failed: Error: torn",
      "+1.2s  SignalReceived go by Ada {\"text\":\"\\u001b[2Jgone\"}"
    ])
  })

  it("of nothing is nothing", () => {
    expect(Timeline.lines([], began)).toEqual([])
  })
})

describe("a table", () => {
  const rows = [{ name: "a long name of a run", count: 3 }, { name: "short", count: 12 }]
  const columns: ReadonlyArray<Table.Column<typeof rows[number]>> = [
    { title: "NAME", of: ({ name }) => name, gives: true },
    { title: "COUNT", of: ({ count }) => Paint.red(String(count)) }
  ]
  const shown = (width: number | undefined) =>
    stripVTControlCharacters(Effect.runSync(Effect.provideService(Table.text(columns, rows), Screen, { width, progress: undefined })))

  it("has columns and a heading on a terminal, and no more than its width", () => {
    expect(shown(80)).toBe("NAME                  COUNT\na long name of a run  3\nshort                 12")
    expect(shown(20)).toBe("NAME           COUNT\na long name …  3\nshort          12")
  })

  it("is separated by tabs, whole and without a heading, anywhere else", () => {
    expect(shown(undefined)).toBe("a long name of a run\t3\nshort\t12")
  })
})

it("lengths of time are read and written", () => {
  const read = ["90s", "1h30m", "7d", "250ms", "1h 30m", "", "s", "-1s", "1.5s", "3w"].map(Moment.parseLength)
  expect(read).toEqual([90_000, 5_400_000, 604_800_000, 250, 5_400_000, undefined, undefined, undefined, undefined, undefined])
  const written = [0, 999, 1_000, 59_999, 60_000, 3_605_000, 90_061_000, 86_400_000].map(Moment.length)
  expect(written).toEqual(["0ms", "999ms", "1s", "59.9s", "1m", "1h", "1d 1h", "1d"])
  expect(Moment.parseInstant("2026-01-31T12:00:00Z", 0, 1)).toBe(began)
  expect(Moment.parseInstant("1m", began, -1)).toBe(began - 60_000)
  expect(Moment.parseInstant("yesterday", began, -1)).toBeUndefined()
})

it.effect("long work shows that it goes on, and leaves no trace; short work shows nothing", () =>
  Effect.gen(function*() {
    let written = ""
    const screen = { width: 80, progress: (text: string) => void (written += stripVTControlCharacters(text)) }
    const work = (seconds: number) =>
      Effect.provideService(Progress.during("counting", Effect.as(Effect.sleep(seconds * 1_000), seconds)), Screen, screen)
    const short = yield* Effect.fork(work(0.9))
    yield* TestClock.adjust("900 millis")
    expect([yield* Fiber.join(short), written]).toEqual([0.9, ""])
    const long = yield* Effect.fork(work(2.1))
    yield* TestClock.adjust("3 seconds")
    expect(yield* Fiber.join(long)).toBe(2.1)
    expect(written.split("\r")).toEqual(["", ...Array(4).fill("counting … 1s"), "counting … 2s", ""])
  }))

it("texts of others do nothing to a terminal", () => {
  expect(Paint.plain("a\u001b]0;title\u0007b\nc\u202Ed")).toBe("a\\u001b]0;title\\u0007b\\u000ac\\u202ed")
})
