/**
 * Records the histories of this release: `npm run record`. Files that are there stay as they are, because they are what
 * an earlier build wrote; `npm run record -- --again steps` writes one anew, as long as the release is not out.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { FOLDER, record, textOf } from "./History.js"
import { stories } from "./stories.js"

const folder = resolve(dirname(fileURLToPath(import.meta.url)), FOLDER)
const [flag, ...again] = process.argv.slice(2)

mkdirSync(folder, { recursive: true })
for (const story of stories) {
  const file = resolve(folder, `${story.name}.json`)
  if (existsSync(file) && !(flag === "--again" && again.includes(story.name))) continue
  const documents = await Effect.runPromise(record(story))
  writeFileSync(file, textOf(documents))
  console.log(`${FOLDER}/${story.name}: ${documents.map(({ events }) => `${events.length} events to ${events.at(-1)?._tag}`).join(", ")}`)
}
