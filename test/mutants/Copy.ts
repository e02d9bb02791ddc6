/**
 * A copy of the project in a folder of its own, in which a bug can be planted. Packages and tests are copied; everything
 * else that is installed is linked, so that a copy takes a fraction of a second.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Mutant } from "./mutants.js"

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..")
const SCOPE = "@reprise"

export interface Copy {
  readonly folder: string
  readonly remove: () => void
}

export const make = (): Copy => {
  const folder = mkdtempSync(join(tmpdir(), "reprise-mutant-"))
  for (const name of ["packages", "test"]) cpSync(join(ROOT, name), join(folder, name), { recursive: true, filter: isSource })
  for (const name of ["package.json", "tsconfig.json"]) cpSync(join(ROOT, name), join(folder, name))
  const modules = join(folder, "node_modules")
  mkdirSync(join(modules, SCOPE), { recursive: true })
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    if (name !== SCOPE) symlinkSync(join(ROOT, "node_modules", name), join(modules, name))
  }
  // The packages of the copy itself, not those of the project.
  for (const name of readdirSync(join(ROOT, "node_modules", SCOPE))) {
    symlinkSync(join(folder, "packages", name), join(modules, SCOPE, name))
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

const isSource = (path: string): boolean => !/[/\\](node_modules|dist)$/.test(path)

/** Why a bug cannot be planted: its place is not found exactly once, so that it is out of date. */
export const misplaced = ({ file, from, name }: Mutant, folder = ROOT): string | undefined => {
  const places = readFileSync(join(folder, file), "utf8").split(from).length - 1
  return places === 1 ? undefined : `the mutant "${name}" is out of date: ${file} has its place ${places} times`
}

/** Plants a bug; the answer takes it out again. */
export const plant = (copy: Copy, mutant: Mutant): () => void => {
  const wrong = misplaced(mutant, copy.folder)
  if (wrong !== undefined) throw new Error(wrong)
  const { file, from, to } = mutant
  const path = join(copy.folder, file)
  const source = readFileSync(path, "utf8")
  writeFileSync(path, source.replace(from, () => to))
  return () => writeFileSync(path, source)
}
