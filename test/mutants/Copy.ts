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

/** Plants a bug; the answer takes it out again. Throws when its place is not found exactly once: then it is out of date. */
export const plant = (copy: Copy, { file, from, name, to }: Mutant): () => void => {
  const path = join(copy.folder, file)
  const source = readFileSync(path, "utf8")
  const places = source.split(from).length - 1
  if (places !== 1) throw new Error(`the mutant "${name}" is out of date: ${file} has its place ${places} times`)
  writeFileSync(path, source.replace(from, () => to))
  return () => writeFileSync(path, source)
}
