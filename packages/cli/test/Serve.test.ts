/** Processes that run workflows: begun, asked, stopped, killed, and replaced when their code changes. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"
import { begin, type Process, within } from "./Processes.js"

const SHOP = fileURLToPath(new URL("./fixture/shop.ts", import.meta.url))
const root = fileURLToPath(new URL("../../..", import.meta.url))

const folder = mkdtempSync(join(tmpdir(), "reprise-serve-"))
const begun: Array<Process> = []
afterAll(async () => {
  for (const one of begun) one.signal("SIGKILL")
  await Promise.all(begun.map(({ ended }) => ended))
  rmSync(folder, { recursive: true, force: true })
})

/** Several processes start, each of which compiles what it imports. */
const PATIENCE = { timeout: 120_000 }

const started = (name: string, ...more: ReadonlyArray<string>) => {
  const store = join(folder, `${name}.db`)
  const notes = join(folder, `${name}.txt`)
  const one = begin(["start", SHOP, "--store", store, "--port", "0", ...more], { NOTES: notes })
  begun.push(one)
  return { ...one, store, notes: () => existsSync(notes) ? readFileSync(notes, "utf8").trim().split("\n") : [] }
}

describe("start", PATIENCE, () => {
  it("serves and works; what was under way goes on after a kill", async () => {
    const first = started("killed")
    const { url } = await first.ready()
    await first.says("there is no auth")
    const at = ["--url", url]
    expect(await within("runs", "start", "order", "{\"total\":3}", "--id", "one", ...at)).toEqual({ code: 0, out: "one\n", err: "" })
    expect((await within("runs", "query", "one", "stage", ...at)).out).toBe("\"waits for go, nobody\"\n")
    expect((await within("runs", "update", "one", "rename", "\"Ada\"", ...at)).out).toBe("\"Ada\"\n")
    first.signal("SIGKILL")
    await first.ended

    const second = started("killed")
    const again = ["--url", (await second.ready()).url]
    expect((await within("runs", "query", "one", "stage", ...again)).out).toBe("\"waits for go, Ada\"\n")
    expect((await within("runs", "result", "one", ...again)).code).toBe(2)
    expect((await within("runs", "signal", "one", "go", "{\"fast\":true}", ...again)).code).toBe(0)
    expect(await within("runs", "result", "one", "--wait", "1m", ...again)).toEqual({ code: 0, out: "\"shipped fast\"\n", err: "" })
    expect(second.notes()).toEqual(["reserve", "ship"])
    second.signal("SIGTERM")
    expect((await second.ended).code).toBe(0)
  })

  it("shows runs as lists, timelines and events, and a store's without the server", async () => {
    const shop = started("shown")
    const at = ["--url", (await shop.ready()).url]
    await within("runs", "start", "order", "{\"total\":3}", "--id", "one", "--key", "k", ...at)
    await within("runs", "start", "order", "{\"total\":4}", "--id", "two", ...at)
    await within("runs", "pause", "two", "--reason", "wait for Ada", ...at)
    await within("runs", "signal", "one", "go", "{\"fast\":false}", ...at)
    expect((await within("runs", "tail", "one", ...at)).out).toMatch(/StepScheduled reserve\n(.*\n)*.*RunCompleted "shipped"\n$/)
    expect((await within("runs", "list", "--status", "completed", ...at)).out).toMatch(/^one\torder\tcompleted\tk\t/)
    const shown = (await within("runs", "show", "one", ...at)).out
    expect(shown).toMatch(/^run one of workflow order version 1 key k: completed\n/)
    expect(shown).toMatch(/step reserve \d+m?s\n/)
    expect((await within("runs", "logs", "one", ...at)).out).toMatch(/^[\d:.]+ INFO  reserve reserving 3\b/)
    expect(shown).toMatch(/SignalReceived go .*"fast":false/)
    expect(JSON.parse((await within("runs", "show", "one", "--json", ...at)).out)).toMatchObject({
      run: { runId: "one", status: "completed", createdAt: expect.stringMatching(/Z$/) },
      events: expect.arrayContaining([expect.objectContaining({ seq: 1, event: expect.objectContaining({ _tag: "RunStarted" }) })])
    })
    expect((await within("runs", "why", "two", ...at)).out).toContain("paused")
    const unknown = await within("runs", "start", "oder", ...at)
    expect(unknown).toEqual({ code: 2, out: "", err: expect.stringContaining("Did you mean \"order\"?") })

    const beside = ["--store", shop.store]
    expect((await within("runs", "list", "--paused", ...beside)).out).toMatch(/^two\torder\trunning paused\t/)
    const ageless = (text: string) => text.replace(/\(.* ago\)/g, "(ago)")
    expect(ageless((await within("runs", "show", "one", ...beside)).out)).toBe(ageless(shown))
    expect(await within("runs", "cancel", "two", ...beside)).toMatchObject({ code: 2, err: expect.stringContaining("--url URL") })
    expect((await within("db", "status", ...beside)).out).toContain("order\tcompleted\t1\n")
    shop.signal("SIGTERM")
    expect((await shop.ended).code).toBe(0)
    const some = await within("runs", "cancel", "two", "nobody", ...beside)
    expect(some).toEqual({ code: 1, out: "run two is asked to stop\n", err: expect.stringContaining("\"nobody\"") })
  })

  it("stops when its steps have ended; the next process goes on after them", async () => {
    const first = started("stopped")
    const at = ["--url", (await first.ready()).url]
    await within("runs", "start", "slow", "true", "--id", "one", ...at)
    first.signal("SIGTERM")
    await first.says("stopping: SIGTERM")
    expect((await first.ended).code).toBe(0)
    expect(first.notes()).toEqual(["begun", "done"])
    const second = started("stopped")
    const again = ["--url", (await second.ready()).url]
    expect((await within("runs", "result", "one", "--wait", "1m", ...again)).out).toBe("\"over\"\n")
    expect(second.notes()).toEqual(["begun", "done", "after"])
    second.signal("SIGINT")
    expect((await second.ended).code).toBe(0)
  })

  it("ends at once at a second signal", async () => {
    const shop = started("hurried")
    const at = ["--url", (await shop.ready()).url]
    await within("runs", "start", "slow", "false", "--id", "one", ...at)
    shop.signal("SIGTERM")
    await shop.says("stopping: SIGTERM")
    shop.signal("SIGTERM")
    expect((await shop.ended).code).toBe(143)
    expect(shop.notes()).toEqual(["begun"])
  })
})

it("a worker works on what was put into its store before", PATIENCE, async () => {
  const store = join(folder, "worked.db")
  const notes = join(folder, "worked.txt")
  const env = { NOTES: notes }
  const first = begin(["worker", SHOP, "--store", store], env)
  begun.push(first)
  await first.ready()
  first.signal("SIGTERM")
  expect((await first.ended).code).toBe(0)
  const there = ["--store", store, "--workflows", SHOP]
  expect((await within("runs", "start", "order", "{\"total\":1}", "--id", "one", ...there)).out).toBe("one\n")
  await within("runs", "signal", "one", "go", "{\"fast\":true}", ...there)
  const second = begin(["worker", SHOP, "--store", store], env)
  begun.push(second)
  await second.ready()
  expect((await within("runs", "result", "one", "--wait", "1m", "--store", store)).out).toBe("\"shipped fast\"\n")
  second.signal("SIGTERM")
  expect((await second.ended).code).toBe(0)
})

it("dev takes new code, keeps open runs, and says what would block them", PATIENCE, async () => {
  // In the repository, so that the entry finds the packages.
  mkdirSync(resolve(root, ".demo"), { recursive: true })
  const place = mkdtempSync(resolve(root, ".demo/dev-"))
  const write = (file: string, text: string) => writeFileSync(join(place, file), text)
  const entry = (step: string) => `import { Effect, Schema } from "effect"
import { Signal, Step, Workflow } from "@reprise/core"
import { text } from "./text.js"
const Go = Signal.make("go")
const Order = Workflow.make("order", { output: Schema.String }, () => Effect.gen(function*() {
  yield* Step.run(${JSON.stringify(step)}, Effect.void)
  yield* Go.receive
  return yield* Step.run("say", Effect.sync(() => text))
}))
export const workflows = [Order]\n`
  try {
    write("entry.ts", entry("reserve"))
    write("text.ts", "export const text = \"one\"\n")
    const dev = begin(["dev", join(place, "entry.ts"), "--store", join(place, "runs.db"), "--port", "0"])
    begun.push(dev)
    const { url } = await dev.ready()
    for (const id of ["one", "two"]) await within("runs", "start", "order", "--id", id, "--url", url)

    write("text.ts", "export const text = \"two\"\n")
    expect((await dev.ready()).url).toBe(url)
    await within("runs", "signal", "one", "go", "--url", url)
    expect((await within("runs", "result", "one", "--wait", "1m", "--url", url)).out).toBe("\"two\"\n")

    write("text.ts", "export const text = \n")
    await dev.says("the code before the change is served on")
    expect((await within("runs", "list", "--url", url)).code).toBe(0)

    write("text.ts", "export const text = \"three\"\n")
    await dev.ready()
    write("entry.ts", entry("hold"))
    await dev.says("expected: step \"reserve\"")
    await dev.says("These runs are blocked now")
    await dev.ready()
    write("entry.ts", entry("reserve"))
    await dev.ready()
    await within("runs", "signal", "two", "go", "--url", url)
    expect((await within("runs", "result", "two", "--wait", "1m", "--url", url)).out).toBe("\"three\"\n")
    dev.signal("SIGINT")
    expect((await dev.ended).code).toBe(0)
    expect((await within("runs", "list", "--store", join(place, "runs.db"))).code).toBe(0)
  } finally {
    rmSync(place, { recursive: true })
  }
})
