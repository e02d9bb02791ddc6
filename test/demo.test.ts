/**
 * The demo, run as its reader runs it: a process of its own, two children, one of them killed, and what
 * they leave behind.
 */
import Database from "better-sqlite3"
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { root } from "./harness/compiler.js"

const folder = mkdtempSync(join(tmpdir(), "reprise-demo-"))
let output = ""
let code: unknown

beforeAll(async () => {
  const args = ["--conditions=reprise-source", "--import", "tsx", "examples/demo/main.ts", folder]
  await new Promise<void>((done) => {
    execFile(process.execPath, args, { cwd: root, timeout: 110_000 }, (error, stdout, stderr) => {
      code = error === null ? 0 : error.code
      output = stdout + stderr
      done()
    })
  })
}, 120_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const rows = (file: string, sql: string): ReadonlyArray<unknown> => {
  const db = new Database(join(folder, file), { readonly: true })
  try {
    return db.prepare(sql).raw().all()
  } finally {
    db.close()
  }
}

describe("the demo", () => {
  it("ends well, with all its checks", () => {
    expect(code, output).toBe(0)
    expect(output.match(/^ {2}ok {2}/gm)).toHaveLength(6)
    expect(output).not.toContain("NOT SO")
  })

  it("tells what happened", () => {
    expect(output).toMatch(/process \d+ was killed with SIGKILL, in the middle of: load batch 10 of 21\n/)
    expect(output).toMatch(/\b31 finished steps\b/)
    expect(output).toMatch(/load +batch 10 of 21 +\d+ ms +150 movies already there\n/)
    expect(output).toMatch(/31 steps were finished before, and 0 of them were run again\n/)
    expect(output).toMatch(/publish +summary +\d+ ms +approved by Ada\n/)
  })

  it("prints each step's line at most once, and one for each step that the kill did not silence", () => {
    const lines = output.match(/^ {2}(extract|validate|transform|load|quarantine|total|publish) .* ms\b/gm) ?? []
    const steps = lines.map((line) => line.replace(/ +\d+ ms$/, ""))
    expect(new Set(steps).size).toBe(steps.length)
    expect(steps.length).toBeGreaterThanOrEqual(44)
  })

  it("loads each valid row once, and keeps each bad one with its reasons", () => {
    expect(rows("warehouse.db", "SELECT COUNT(*), COUNT(DISTINCT row) FROM movies")).toEqual([[3127, 3127]])
    expect(rows("warehouse.db", "SELECT COUNT(DISTINCT row) FROM quarantine WHERE problem <> ''")).toEqual([[74]])
    expect(rows("warehouse.db", "SELECT 1 FROM movies WHERE row IN (SELECT row FROM quarantine)")).toEqual([])
    expect(rows("warehouse.db", "SELECT title FROM movies WHERE title LIKE 'Ast%Jeux%'")).toEqual([
      ["Astérix aux Jeux Olympiques"]
    ])
  })

  it("runs every body once, and the killed one twice", () => {
    const lines = readFileSync(join(folder, "bodies.tsv"), "utf8").trimEnd().split("\n")
    const times = new Map<string, Array<string>>()
    for (const [name = "", step = ""] of lines.map((line) => line.split("\t"))) {
      times.set(step, [...(times.get(step) ?? []), name])
    }
    expect([...times.values()].filter((names) => names.length > 1)).toEqual([["first", "second"]])
    expect(rows("reprise.db", "SELECT COUNT(*) FROM events WHERE type='StepCompleted'")).toEqual([[times.size]])
  })

  it("leaves a finished run and its summary", () => {
    expect(rows("reprise.db", "SELECT type FROM events ORDER BY seq DESC LIMIT 1")).toEqual([["RunCompleted"]])
    const summary: unknown = JSON.parse(readFileSync(join(folder, "summary.json"), "utf8"))
    expect(summary).toMatchObject({ approvedBy: "Ada", movies: 3127, quarantined: 74 })
  })
})
