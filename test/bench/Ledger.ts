/** What steps really did, kept outside the engine: a file to which each body first of all adds a line. */
import { appendFileSync, existsSync, openSync, readFileSync, writeSync } from "node:fs"
import { join } from "node:path"

const fileOf = (folder: string): string => join(folder, "ledger.txt")

/** One more run of a body. The write is the kernel's when this returns, so a killed process loses none. */
export const writer = (folder: string, process: string): (step: string) => void => {
  appendFileSync(fileOf(folder), "")
  const file = openSync(fileOf(folder), "a")
  return (step) => void writeSync(file, `${process} ${step}\n`)
}

export interface Entry {
  readonly process: string
  readonly step: string
}

export const read = (folder: string): ReadonlyArray<Entry> => {
  const text = existsSync(fileOf(folder)) ? readFileSync(fileOf(folder), "utf8") : ""
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const [process = "", ...step] = line.split(" ")
    return { process, step: step.join(" ") }
  })
}

export const count = (folder: string): number => read(folder).length
