/** Which seed has noticed which mutant: kept in caught.json, and shown in docs/reliability.md. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { hunterOf } from "./Hunt.js"
import { mutants } from "./mutants.js"

const TABLE = join(import.meta.dirname, "caught.json")
const DOCS = join(import.meta.dirname, "../../docs/reliability.md")

/** By the mutant's name: the first seed of its hunter that notices it, which is how many it takes. */
export type Caught = Readonly<Record<string, number>>

export const read = (): Caught => existsSync(TABLE) ? JSON.parse(readFileSync(TABLE, "utf8")) as Caught : {}

/** In the order of the mutants, and of no others. */
export const write = (caught: Caught): void => {
  const kept = mutants.flatMap(({ name }) => (caught[name] === undefined ? [] : [[name, caught[name]]]))
  writeFileSync(TABLE, `${JSON.stringify(Object.fromEntries(kept), undefined, 2)}\n`)
  const docs = readFileSync(DOCS, "utf8")
  writeFileSync(DOCS, docs.replace(HEAD + shownIn(docs), () => HEAD + shown(caught)))
}

const HEAD = "| planted bug | promise | noticed by | seeds |\n| --- | --- | --- | --- |\n"

/** The rows of the table, as they stand in the docs. */
export const shown = (caught: Caught): string =>
  mutants.map((mutant) => `| ${mutant.name} | ${mutant.breaks} | ${hunterOf(mutant)} | ${caught[mutant.name]} |\n`).join("")

export const shownIn = (docs: string): string => {
  const from = docs.indexOf(HEAD)
  if (from < 0) throw new Error("docs/reliability.md has no table of planted bugs")
  return /^(?:\|.*\n)*/.exec(docs.slice(from + HEAD.length))![0]
}

export const docs = (): string => readFileSync(DOCS, "utf8")
