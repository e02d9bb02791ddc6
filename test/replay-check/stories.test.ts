/**
 * The mutation corpus on the workflows of test/histories: their recorded histories are cut at every prefix, and every single
 * thing that they ask for is renamed, comes after something new, or is dropped.
 */
import { it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { resolve } from "node:path"
import { Effect } from "effect"
import { expect } from "vitest"
import type { Document } from "@reprise/core/engine"
import { Event, Host, Registry, Replay } from "@reprise/core/engine"
import { root } from "../harness/compiler.js"
import { decode } from "../histories/History.js"
import { config, stories, type Story } from "../histories/stories.js"
import { edited, EDITS } from "./Edited.js"
import * as Prefixes from "./Prefixes.js"

const folder = resolve(root, "test/histories")
const documentsOf = ({ name }: Story): ReadonlyArray<Document.Document> =>
  readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).flatMap((release) =>
    decode(JSON.parse(readFileSync(resolve(folder, release.name, `${name}.json`), "utf8"))))

const host = Host.make({ secret: () => "secret", config })

/** How many requests a prefix holds of its last generation: the edit of a later one is not in it. */
const askedIn = (story: Story, { events, run }: Document.Document): ReadonlyMap<number, number> => {
  const counted = story.workflows.map((workflow) => edited(workflow))
  const registry = Registry.make(counted.map(({ workflow }) => workflow))
  return new Map(Prefixes.lengthsOf(events).map((length) => {
    const history = events.slice(0, length).map((event, i) => ({ seq: i + 1, event }))
    const generationSeq = history.findLast(({ event }) => event._tag === "RunStarted")?.seq ?? 1
    const version = versionOf(events.slice(0, length)) ?? run.version
    const { program } = Replay.run({ ...run, version, generationSeq }, history, registry, host)
    const own = counted.find(({ workflow }) => workflow.name === run.workflow && workflow.version === version)
    return [length, program === undefined ? 0 : own?.asked() ?? 0]
  }))
}

const versionOf = (events: ReadonlyArray<Event.Event>): string | undefined => {
  const last = events.findLast((event) => event._tag === "RunStarted" || event._tag === "RunVersionChanged")
  return last !== undefined && "version" in last ? last.version : undefined
}

const figures = Prefixes.noFigures()

for (const story of stories) {
  it.effect(`${story.name}: an edit is found at every prefix that contains the place, without a false alarm`, () =>
    Effect.gen(function*() {
      const complaints: Array<string> = []
      for (const document of documentsOf(story)) {
        const lengths = Prefixes.lengthsOf(document.events)
        const log = yield* Prefixes.logOf(document)
        const asked = askedIn(story, document)
        figures.programs += 1
        figures.prefixes += lengths.length
        const own = yield* Prefixes.misfits(log, story.workflows, { config })
        complaints.push(...[...own].map(([length, tag]) => `${document.run.runId}, cut after ${length}: a false alarm: ${tag}`))
        for (let number = 1; number <= Math.max(...asked.values()); number++) {
          for (const edit of EDITS) {
            const workflows = story.workflows.map((workflow) => edited(workflow, { number, edit }).workflow)
            const found = yield* Prefixes.misfits(log, workflows, { config })
            const what = `${document.run.runId}: ${edit} of request ${number}`
            complaints.push(...Prefixes.judged(what, lengths, (length) => (asked.get(length) ?? 0) >= number, found, figures))
          }
        }
      }
      expect(complaints).toEqual([])
    }))
}

it("are as many as they should be", () => {
  expect(figures.reached).toBeGreaterThan(1_000)
  console.info(`replay check of the recorded stories: ${JSON.stringify(figures)}`)
})
