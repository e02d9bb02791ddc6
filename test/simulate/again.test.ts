/** A failure of a simulation prints a command; whoever runs it sees the same failure, and nothing else. */
import { spawn } from "node:child_process"
import { join } from "node:path"
import { describe, expect, it } from "vitest"

const ROOT = join(import.meta.dirname, "../..")
const CARELESS = join(import.meta.dirname, "careless")

interface Ended {
  readonly code: number | null
  readonly said: string
}

/** As in a terminal. */
const shell = (command: string, cwd: string): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" }
    const child = spawn("sh", ["-c", command], { cwd, env, stdio: ["ignore", "pipe", "pipe"] })
    let said = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (said += data.toString()))
    child.on("error", reject)
    child.on("close", (code) => resolve({ code, said }))
  })

const playCount = ({ said }: Ended): number => Number(/played (\d+) times/.exec(said)?.[1])

/** The stories, each with the command that stands below it. */
const failures = (said: string): ReadonlyMap<string, string> =>
  new Map([...said.matchAll(/(Workflow "checkout"[^]*?)\n *hint: Play it again, alone: (.*)/g)].map(([, story, again]) => [story!, again!]))

describe("what a failed simulation prints", () => {
  it("plays it again where an example has found it", async () => {
    const example = "node --conditions=reprise-source --import tsx examples/14-simulation.ts"
    const first = await shell(example, ROOT)
    const [[story, again] = []] = failures(first.said)
    expect(story, first.said).toContain("seen     { value: 8400 }")
    expect(again).toMatch(/^REPRISE_SIMULATION='\{.*\}'$/)
    const repeated = await shell(`${again} ${example}`, ROOT)
    expect([...failures(repeated.said).keys()]).toEqual([story])
    // The mended one is tried with the same fault, and with nothing else.
    expect(first.said).toMatch(/careful: simulated \d{2,} times/)
    expect(repeated.said).toMatch(/careful: simulated 1 times, with 1 faults/)
  })

  it("plays it again where vitest has found it", async () => {
    const first = await shell("npx vitest run", CARELESS)
    expect(first.said).toMatch(/Tests +2 failed \(2\)/)
    expect(playCount(first)).toBeGreaterThan(100)
    const found = failures(first.said)
    expect(found.size, first.said).toBe(2)
    for (const [story, again] of found) {
      expect(again).toContain("npx vitest run checkout.ts -t ")
      const repeated = await shell(again, CARELESS)
      expect(repeated.code).not.toBe(0)
      expect([...failures(repeated.said).keys()]).toEqual([story])
      expect(repeated.said).toMatch(/Tests +1 failed \| 1 skipped \(2\)/)
      expect(playCount(repeated)).toBeLessThan(30)
    }
  })
})
