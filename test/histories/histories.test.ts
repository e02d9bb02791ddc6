/** Histories that earlier releases have recorded are replayed by this build: to the same end, and from wherever they were cut. */
import { it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { describe, expect } from "vitest"
import { type Document, Event, Host, Registry, Replay, type Run } from "@reprise/core/engine"
import { eventTags } from "../tidy/purity.js"
import { readAll } from "../tidy/source.js"
import { decode, FOLDER, record } from "./History.js"
import { config, stories, type Story } from "./stories.js"

const folder = dirname(fileURLToPath(import.meta.url))
const releases = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name)
const namesIn = (release: string) => readdirSync(resolve(folder, release)).map((file) => file.replace(/\.json$/, "")).toSorted()
const read = (release: string, name: string): ReadonlyArray<Document.Document> =>
  decode(JSON.parse(readFileSync(resolve(folder, release, `${name}.json`), "utf8")))

const host = Host.make({ secret: () => "secret", config })

/** Where a history may have been cut by a crash: wherever an append may have ended. */
const cutsOf = (events: ReadonlyArray<Event.Event>): ReadonlyArray<number> =>
  events.flatMap((event, i) => (i > 0 && Event.sortOf(event) !== "command" ? [i] : [])).concat(events.length)

const replay = (story: Story, { events, run }: Document.Document, length: number): Replay.Replay => {
  const history = events.slice(0, length).map((event, i) => ({ seq: i + 1, event }))
  const generationSeq = history.findLast(({ event }) => event._tag === "RunStarted")?.seq ?? 1
  const isOwn = ({ event }: Event.Recorded) => event._tag === "RunStarted" || event._tag === "RunVersionChanged"
  const last = history.findLast(isOwn)?.event
  const version = last !== undefined && "version" in last ? last.version : run.version
  const subject = { runId: run.runId, workflow: run.workflow, version, generationSeq }
  const registry = Registry.make(story.workflows)
  const made = Replay.begin(subject, registry, host, () => {})
  Replay.feed(made, history.slice(generationSeq - 1))
  Replay.end(made)
  return made
}

const STATUS: Readonly<Record<string, Run.Status>> = {
  RunCompleted: "completed",
  RunFailed: "failed",
  RunCancelled: "cancelled",
  RunTerminated: "terminated"
}

for (const release of releases) {
  describe(`histories of ${release}`, () => {
    for (const name of namesIn(release)) {
      it(`${name}: replays to the same end, and from every cut`, () => {
        const story = stories.find((other) => other.name === name)
        if (story === undefined) throw new Error(`there is no story "${name}" any more: it is needed as long as its histories are kept`)
        for (const document of read(release, name)) {
          for (const length of cutsOf(document.events)) {
            expect(replay(story, document, length).fault?.message, `${document.run.runId}, cut after ${length}`).toBeUndefined()
          }
          const whole = replay(story, document, document.events.length)
          expect(whole.state.status).toBe(STATUS[document.events.at(-1)?._tag ?? ""])
          expect(whole.program?.finished ?? false).toBe(whole.state.status !== "terminated")
        }
      })
    }

    it("are stamped with the versions that wrote them", () => {
      const stamps = namesIn(release).flatMap((name) => read(release, name)).flatMap(({ events }) =>
        events.flatMap((event) => (event._tag === "RunStarted" ? [event] : [])))
      expect(new Set(stamps.map(({ reprise }) => reprise))).toEqual(new Set([release]))
      for (const { effect } of stamps) expect(effect).toMatch(/^\d+\.\d+\.\d+/)
    })
  })
}

describe("this release", () => {
  it("has a history of every story", () => {
    expect(namesIn(FOLDER)).toEqual(stories.map(({ name }) => name).toSorted())
  })

  it("has every kind of event in them", () => {
    const documents = namesIn(FOLDER).flatMap((name) => read(FOLDER, name))
    const seen = new Set<string>(documents.flatMap(({ events }) => events.map(({ _tag }) => _tag)))
    // A fork's history is its source's, with one event more; its own tests replay it.
    expect([...eventTags(readAll())].filter((tag) => !seen.has(tag))).toEqual(["RunForked"])
  })

  for (const story of stories) {
    it.effect(`${story.name}: ends as it was recorded`, () =>
      Effect.map(record(story), (documents) => {
        const ends = (all: ReadonlyArray<Document.Document>) => all.map(({ events, run }) => [run.runId, events.at(-1)?._tag])
        expect(ends(documents)).toEqual(ends(read(FOLDER, story.name)))
      }))
  }
})
