/** The command line as a shell sees it: processes, their output and their exit codes. */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bundles } from "../../../test/harness/bundle.js"
import { type Ended, within } from "./Processes.js"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))
const fixture = (name: string) => fileURLToPath(new URL(`./fixture/${name}`, import.meta.url))
const NODE = ["--conditions=reprise-source", "--import", "tsx"]

const node = (args: ReadonlyArray<string>): Promise<Ended> =>
  new Promise((done) => {
    execFile(process.execPath, args, { cwd: root, timeout: 60_000 }, (error, out, err) =>
      done({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, out, err }))
  })

/** As files of JavaScript, which start in a fifth of the time. */
let [program, worker] = ["", ""]
beforeAll(async () => {
  [program = "", worker = ""] = await bundles([main, fixture("live.ts")])
})

/** An entry has its packages in common with the command: only from the sources do both find the same. */
const reprise = (...args: ReadonlyArray<string>): Promise<Ended> =>
  node([...args.includes("--workflows") ? [...NODE, main] : [program], ...args])

const folder = mkdtempSync(join(tmpdir(), "reprise-cli-"))
const at = (name: string) => join(folder, name)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, text: string): string => {
  writeFileSync(at(name), text)
  return at(name)
}

const WORKFLOWS = fixture("workflows.ts")
const CHANGED = fixture("changed.ts")

/** A worker that works on, in a process of its own. */
const live = async (filename: string): Promise<() => Promise<void>> => {
  const child = spawn(process.execPath, [worker, filename], { cwd: root, stdio: ["pipe", "pipe", "inherit"] })
  const [line] = await once(createInterface(child.stdout), "line")
  expect(line).toBe("ready")
  return async () => {
    const closed = once(child, "close")
    child.kill("SIGKILL")
    await closed
  }
}

/** Several processes start at once, each of which compiles what it imports. */
const PATIENCE = { timeout: 60_000 }

describe("on the store of a process that works on", PATIENCE, () => {
  const store = at("live.db")
  let kill: () => Promise<void>
  beforeAll(async () => {
    kill = await live(store)
  })
  afterAll(() => kill())

  it("checks a build: 0 when all runs fit", async () => {
    const { code, err, out } = await reprise("check", "--store", store, "--workflows", WORKFLOWS)
    expect([code, err, out]).toEqual([0, "", "Replayed 4 open runs: all fit this build.\n"])
  })

  it("checks a build: 1 when some do not, with what, where and what to do", async () => {
    const { code, out } = await reprise("check", "--store", store, "--workflows", CHANGED, "--closed", "10")
    expect(code).toBe(1)
    expect(out).toContain("Replayed 4 open runs and 1 closed: 4 do not fit this build.\n")
    expect(out).toContain("1. 4 runs of \"order\": last, order-2, order-1, order-3\n")
    expect(out).toMatch(/expected: step "charge".*\n.*actual: {3}step "pay"/)
    expect(out).toMatch(/changed\.ts:\d+:\d+/)
    expect(out).toContain("Workflow.patched")
    expect(out).toContain("Client.fork")
  })

  it("prints a report as JSON, of one workflow if wanted", async () => {
    const { code, out } = await reprise("check", "--store", store, "--workflows", CHANGED, "--workflow", "order", "--json")
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      openCount: 3,
      closedCount: 0,
      misfitCount: 3,
      causes: [{
        workflow: "order",
        count: 3,
        runIds: ["last", "order-2", "order-1"],
        fault: { _tag: "Divergence", seq: 4, expected: "step \"charge\" [0#1]" },
        hint: expect.stringContaining("Workflow.patched")
      }],
      patches: []
    })
  })

  it("exports runs, which are then checked without the store", async () => {
    const file = at("order-3.json")
    const exported = await Promise.all([
      reprise("runs", "export", "order-3", "--store", store, "--out", file),
      reprise("runs", "export", "order-1", "--store", store)
    ])
    expect(exported.map(({ code, err }) => [code, err])).toEqual([[0, ""], [0, ""]])
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ format: 1, run: { runId: "order-3", workflow: "order" } })
    const both = write("both.json", `[${readFileSync(file, "utf8")},${exported[1].out}]`)
    const checks = await Promise.all([
      reprise("check", "--workflows", WORKFLOWS, both),
      reprise("check", "--workflows", CHANGED, file),
      reprise("runs", "export", "order-3", "--store", store, "--out", file)
    ])
    expect(checks.map(({ code }) => code)).toEqual([0, 1, 2])
    expect(checks[0].out).toBe("Replayed 1 open run and 1 closed: all fit this build.\n")
    expect(checks[2].err).toContain("a file of that name exists")
  })

  it("verifies and copies it, and refuses what needs its lock", async () => {
    const copy = at("copy.db")
    const [verified, copied, rebuilt] = await Promise.all([
      reprise("db", "verify", "--store", store),
      reprise("db", "backup", "--store", store, "--to", copy),
      reprise("db", "rebuild", "--store", store)
    ])
    expect([verified.code, verified.err]).toEqual([0, ""])
    expect(verified.out).toMatch(/^5 runs with \d+ events: in order\n$/)
    expect([copied.code, copied.err, existsSync(copy)]).toEqual([0, "", true])
    expect([rebuilt.code, rebuilt.err]).toEqual([2, expect.stringContaining("is open elsewhere")])
    const [again, mended] = await Promise.all([
      reprise("db", "backup", "--store", store, "--to", copy),
      reprise("db", "rebuild", "--store", copy, "--json")
    ])
    expect([again.code, again.err]).toEqual([2, expect.stringContaining("a file of that name exists")])
    expect([mended.code, JSON.parse(mended.out)]).toEqual([0, { runs: 5, changed: 0, damaged: [] }])
  })

  it("exports a run as a test, which passes on the code that made it and fails, readably, on changed code", async () => {
    // In the repository, so that the test finds the packages.
    mkdirSync(resolve(root, ".demo"), { recursive: true })
    const place = mkdtempSync(resolve(root, ".demo/cli-"))
    try {
      const [passing, failing, bare] = [join(place, "passes.test.ts"), join(place, "fails.test.ts"), join(place, "bare.test.ts")]
      const asTest = ["runs", "export", "order-1", "--store", store, "--as-test", "--out"]
      const written = await Promise.all([
        reprise(...asTest, passing, "--workflows", WORKFLOWS),
        reprise(...asTest, failing, "--workflows", CHANGED),
        reprise(...asTest, bare)
      ])
      expect(written.map(({ code }) => code)).toEqual([0, 0, 0])
      expect(written[0].err).toBe("")
      expect(written[1].err).toContain("the test fails on this code")
      expect(written[2].err).toContain("complete the import")
      expect(readFileSync(bare, "utf8")).toContain("import { workflows } from \"./workflows.js\"")
      rmSync(bare)
      const config = join(place, "vitest.config.ts")
      writeFileSync(config, `import shared from ${JSON.stringify(resolve(root, "test/vitest.config.ts"))}
export default { ...shared, root: ${JSON.stringify(place)}, test: { include: ["*.test.ts"] } }\n`)
      const vitest = resolve(root, "node_modules/vitest/vitest.mjs")
      const { code, err, out } = await node([vitest, "run", "--config", config, "--root", place, "--no-color"])
      expect(code).toBe(1)
      expect(out).toMatch(/✓ passes\.test\.ts/)
      expect(out).toMatch(/[❯×] fails\.test\.ts/)
      expect(out + err).toMatch(/Replayed 1 open run: 1 does not fit this build\.\n[^]*expected: step "charge"[^]*actual: {3}step "pay"/)
    } finally {
      rmSync(place, { recursive: true })
    }
  })
})

it("reads the store of a process that was killed", PATIENCE, async () => {
  const store = at("killed.db")
  await (await live(store))()
  const [checked, verified, exported] = await Promise.all([
    reprise("check", "--store", store, "--workflows", WORKFLOWS),
    reprise("db", "verify", "--store", store),
    reprise("runs", "export", "nobody", "--store", store)
  ])
  expect([checked.code, checked.out]).toEqual([0, "Replayed 4 open runs: all fit this build.\n"])
  expect(verified.code).toBe(0)
  expect([exported.code, exported.out, exported.err]).toEqual([2, "", expect.stringContaining("\"nobody\"")])
})

type Cases = ReadonlyArray<readonly [args: ReadonlyArray<string>, says: string]>

const seen = async (run: (...args: ReadonlyArray<string>) => Promise<Ended>, cases: Cases) =>
  Promise.all(cases.map(([args]) => run(...args).then(({ code, err, out }) => [args.join(" "), code, out, err])))

/** Each exits with 2, says on standard error what is wrong, and nothing on standard output. */
const refused = (cases: Cases) => cases.map(([args, says]) => [args.join(" "), 2, "", expect.stringContaining(says)])

describe("what cannot be done is said, with exit code 2", () => {
  const check = (entry: string) => ["check", "--store", at("none.db"), "--workflows", entry]

  it("usage", async () => {
    const cases: Cases = [
      [["chekc"], "Did you mean \"reprise check\"?"],
      [["runs", "exprt"], "Did you mean \"reprise runs export\"?"],
      [["db"], "reprise db needs a command. There are: backup, migrate, rebuild, status, verify."],
      [["check"], "--workflows"],
      [["check", "--workflows", WORKFLOWS], "Give either --store FILE or exported documents."],
      [["check", "--workflows", WORKFLOWS, "--store"], "--store needs a value"],
      [["check", "--workflows", WORKFLOWS, "--store", "x", "--closed", "-1"], "--closed takes a number from 0"],
      [["check", "--workflow", WORKFLOWS, "--stoer", "x"], "Did you mean \"--store\"?"],
      [["runs", "list", "--stauts", "failed"], "Did you mean \"--status\"?"],
      [["runs", "export", "order-1", "--store", "x", "--as-test"], "--as-test needs --out FILE"],
      [["runs", "export", "order-1", "--store", "x", "--workflows", "y"], "goes with --as-test"]
    ]
    expect(await seen(within, cases)).toEqual(refused(cases))
  })

  it("stores and documents", async () => {
    const cases: Cases = [
      [check(WORKFLOWS), "none.db"],
      [["db", "verify", "--store", write("text.db", "no database".repeat(1_000))], "is damaged"],
      [["db", "backup", "--store", folder, "--to", at("nowhere.db")], "it is not a file"],
      [["db", "rebuild", "--store", at("none.db")], "there is no such file"],
      [["check", "--workflows", WORKFLOWS, write("broken.json", "{")], "broken.json"],
      [["check", "--workflows", WORKFLOWS, write("other.json", "{}")], "Document 1 cannot be replayed"]
    ]
    expect(await seen(within, cases)).toEqual(refused(cases))
  })

  it("entries", async () => {
    const cases: Cases = [
      [check(at("none.ts")), "no such file"],
      [check(write("throws.mjs", "throw new Error(\"boom\")")), "it cannot be loaded: Error: boom"],
      [check(write("misses.mjs", "import \"no-such-package\"")), "no-such-package"],
      [check(write("other.mjs", "export const flows = []")), "it exports flows, and no array `workflows`"],
      [check(write("empty.mjs", "export const workflows = []")), "its array of workflows is empty"],
      [check(write("wrong.cjs", "exports.workflows = [{}]")), "number 1 of its array is no workflow"]
    ]
    expect(await seen(within, cases)).toEqual(refused(cases))
  })

  it("to the shell", PATIENCE, async () => {
    const cases: Cases = [
      [["chekc"], "Did you mean \"reprise check\"?"],
      [["db", "verify"], "--store"],
      [check(WORKFLOWS), "none.db"],
      [check(write("broken.ts", "const x: number =")), "it cannot be loaded: TransformError"],
      [check(write("exits.mjs", "process.exit(0)")), "has ended the process"],
      [check(write("hangs.mjs", "await new Promise(() => {})")), "waits for ever"]
    ]
    expect(await seen(reprise, cases)).toEqual(refused(cases))
  })
})

it("shows help and version, with exit code 0", async () => {
  const [help, bare, runs, own, version] = await Promise.all([
    within("--help"),
    within(),
    within("runs", "--help"),
    within("check", "--help"),
    reprise("--version")
  ])
  expect([help.code, bare.code, runs.code, own.code, version.code]).toEqual([0, 0, 0, 0, 0])
  expect(bare.out).toBe(help.out)
  expect(help.out).toMatch(/^ {2}check +Replays every open run of a store, or exported ones, on a build, without running anything$/m)
  expect(runs.out).toMatch(/^ {2}export +Takes a run out of a store, with its payloads: as a JSON document, or as a test$/m)
  expect(own.out).toContain("Exit codes: 0 all fit, 1 some do not, 2 ")
  expect(version.out).toMatch(/^\d+\.\d+\.\d+\n$/)
})
