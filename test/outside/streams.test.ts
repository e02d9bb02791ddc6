/** Streams, read by what people have: curl, the `EventSource` of a browser, and the typed client in a page. */
import { build } from "esbuild"
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { type Browser, chromium } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { ask, type Served, workshop } from "./Served.js"

const shop = workshop()
afterAll(() => shop.close())

const start = async (server: Served, workflow: string, input?: unknown): Promise<string> =>
  (await ask(server.url, "/api/v1/runs", { workflow, input })).json.runId

const approve = ({ url }: Served, runId: string) => ask(url, `/api/v1/runs/${runId}/signals/approve`, { payload: { by: "Ada" } })

const countOf = async ({ url }: Served, runId: string): Promise<number> => (await ask(url, `/api/v1/runs/${runId}`)).json.eventCount

const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, index) => index + 1)

describe("curl -N", () => {
  it("follows a run to its end", async () => {
    const server = await shop.serve("curl")
    const runId = await start(server, "order", { item: "lamps", count: 1 })
    const curl = spawn("curl", ["-sSN", "-H", "Accept: text/event-stream", `${server.url}/api/v1/runs/${runId}/events`])
    const ended = new Promise((resolve) => curl.on("close", resolve))
    let text = ""
    for await (const chunk of curl.stdout.setEncoding("utf8")) {
      text += chunk
      // All that there is before the run is told more.
      if (text.includes("StepCompleted") && !text.includes("SignalReceived")) await approve(server, runId)
    }
    expect(await ended).toBe(0)
    expect([...text.matchAll(/^id: (\d+)\ndata:/gm)].map(([, id]) => Number(id))).toEqual(upTo(await countOf(server, runId)))
    expect(text).toMatch(/"_tag":"RunCompleted".*\n\nevent: end\ndata: \{\}\n\n$/)
  })
})

const openStreams = async ({ url }: Served): Promise<number> => {
  const { json } = await ask(url, "/api/v1/stats")
  return json.metrics.find(({ name }: { readonly name: string }) => name === "reprise_http_open_streams").value
}

it("readers that go away are forgotten, and nothing is printed for them", async () => {
  const server = await shop.serve("gone")
  const path = `/api/v1/runs/${await start(server, "busy")}/events`
  const readers = await Promise.all(Array.from({ length: 5 }, async () => {
    const leave = new AbortController()
    const answer = await fetch(server.url + path, { headers: { accept: "text/event-stream" }, signal: leave.signal })
    await answer.body!.getReader().read()
    return leave
  }))
  expect(await openStreams(server)).toBe(5)
  for (const reader of readers) reader.abort()
  await vi.waitFor(async () => expect(await openStreams(server)).toBe(0), { timeout: 30_000 })
  expect(server.said()).toBe("")
})

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
const CHROMIUM = [process.env["CHROMIUM"] ?? "", ...PLACES].find(existsSync)

/** It speaks to nobody but the test. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync"
]

/** Keeps the id of each event; a stream that is over is not asked for again. */
const FOLLOWING = `<!doctype html><title>following</title><script>
  const ids = [], opened = []
  let over = false
  const follow = (runId) => {
    const source = new EventSource("/api/v1/runs/" + runId + "/events")
    source.onopen = () => opened.push(ids.length)
    source.onmessage = ({ data, lastEventId }) => ids.push([Number(lastEventId), JSON.parse(data).seq])
    source.addEventListener("end", () => { over = true; source.close() })
  }
</script>`

const bundled = async (): Promise<string> => {
  const { outputFiles: [file] } = await build({
    entryPoints: [join(import.meta.dirname, "page.ts")],
    write: false,
    bundle: true,
    platform: "browser",
    conditions: ["reprise-source"],
    logLevel: "error"
  })
  return file?.text ?? ""
}

describe("a page in Chromium", () => {
  let browser: Browser
  beforeAll(async () => {
    if (CHROMIUM === undefined) throw new Error(`${PLACES[0]} is missing: apt-get install chromium, or name another in CHROMIUM`)
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, headless: true })
  })
  afterAll(() => browser?.close())

  /** A page that has the server's origin, as if both stood behind one proxy. */
  const opened = async (server: Served, html: string) => {
    const page = await browser.newPage()
    page.setDefaultTimeout(60_000)
    await page.route("**/page", (route) => route.fulfill({ contentType: "text/html", body: html }))
    await page.goto(`${server.url}/page`)
    await page.unroute("**/page")
    return page
  }

  it("goes on after a server that was killed, with no gap and nothing twice", async () => {
    const first = await shop.serve("browser")
    const runId = await start(first, "busy")
    const page = await opened(first, FOLLOWING)
    await page.evaluate(`follow(${JSON.stringify(runId)})`)
    await page.waitForFunction("ids.length > 30")
    await first.kill()
    const second = await shop.serve("browser", first.port)
    await page.waitForFunction("opened.length === 2 && ids.length > opened[1] + 30")
    await approve(second, runId)
    await page.waitForFunction("over")
    const all = upTo(await countOf(second, runId))
    expect(await page.evaluate("ids")).toEqual(all.map((seq) => [seq, seq]))
    expect(await page.evaluate("opened.length")).toBe(2)
    await page.close()
  })

  it("starts a run with the typed client, signals it, follows it, and has its result", async () => {
    const server = await shop.serve("client")
    const page = await opened(server, "<!doctype html><title>client</title>")
    await page.addScriptTag({ content: await bundled() })
    const [result, ...events] = await page.evaluate<ReadonlyArray<string>>(`order(${JSON.stringify(server.url)})`)
    expect(result).toBe("2 lamps, approved by Ada")
    expect([events[0], events.at(-1)]).toEqual(["RunStarted", "RunCompleted"])
    expect(events.filter((tag) => tag === "SignalReceived" || tag === "StepCompleted").toSorted()).toEqual(WAITED_FOR)
    await page.close()
  })
})

/** The signal may come before or after the first step has ended. */
const WAITED_FOR = ["SignalReceived", "StepCompleted", "StepCompleted"]
