/** "Over HTTP" of the README, and the guide: what they tell to type is typed, with another port and less patience. */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { afterAll, expect, it } from "vitest"
import { root } from "../harness/compiler.js"
import { blocksOf } from "../harness/markdown.js"
import { emptyFolder } from "./Served.js"

const folder = emptyFolder()
const alive = new Set<number>()
afterAll(() => {
  for (const pid of alive) process.kill(pid, "SIGKILL")
  folder.remove()
})

/** What `npx reprise dev` does, on a store of its own. */
const dev = async (command: string, port: string) => {
  const [, args = ""] = /^npx reprise (dev .*)$/.exec(command) ?? []
  const more = ["--port", port, "--store", join(folder.path, "runs.db"), "--json"]
  const child = spawn(process.execPath, [join(root, "packages/cli/bin/reprise.mjs"), ...args.split(" "), ...more], { cwd: root })
  const pids = [child.pid ?? 0]
  alive.add(child.pid ?? 0)
  let said = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (said += text))
  const ended = once(child, "close")
  const first = await Promise.race([once(createInterface(child.stdout), "line"), ended.then(() => undefined)])
  if (first === undefined) throw new Error(said)
  const { pid, url } = JSON.parse(first[0])
  pids.push(pid)
  alive.add(pid)
  /** As `pkill` of its command line. */
  const kill = async (): Promise<void> => {
    for (const each of pids) process.kill(each, "SIGKILL")
    for (const each of pids) alive.delete(each)
    await ended
  }
  return { host: new URL(url).host, kill, said: () => said }
}

const commandsOf = (page: string): ReadonlyArray<string> =>
  blocksOf(page).filter(({ info }) => info === "sh").flatMap(({ code }) => code.join("\n").replaceAll("\\\n", " ").split("\n"))

const typed = (command: string, host: string): Promise<{ readonly code: number; readonly out: string }> =>
  new Promise((done) => {
    const text = command.replace("127.0.0.1:7070", host).replace("\"packingSeconds\": 20", "\"packingSeconds\": 3")
    const env = { ...process.env, REPRISE_URL: `http://${host}` }
    execFile("bash", ["-c", text.replace("npx reprise", "node packages/cli/bin/reprise.mjs")], { cwd: root, env }, (error, stdout) => {
      done({ code: Number(error?.code ?? 0), out: stdout })
    })
  })

const readme = readFileSync(join(root, "README.md"), "utf8")
const section = readme.slice(readme.indexOf("## Over HTTP"), readme.indexOf("## The picture"))
const [install, begin = "", start = "", watch = "", pay = "", kill, again = "", result = "", show = ""] = commandsOf(section)

it("the README's server is killed, and the run completes", { timeout: 300_000 }, async () => {
  expect([install, kill, again]).toEqual(["npm install", "pkill -9 -f 15-server/order", begin])
  const first = await dev(begin, "0")
  expect(JSON.parse((await typed(start, first.host)).out)).toEqual({ runId: "order-1", existed: false })
  const watched = typed(watch, first.host)
  expect(JSON.parse((await typed(pay, first.host)).out)).toMatchObject({ runId: "order-1" })
  await first.kill()
  // curl says that the other end has gone.
  const { code, out } = await watched
  expect(code).not.toBe(0)
  expect(out).toContain("\"_tag\":\"RunStarted\"")
  const second = await dev(again, "0")
  expect(JSON.parse((await typed(result, second.host)).out)).toEqual({ runId: "order-1", status: "completed", output: "a lamp for Ada" })
  expect((await typed(watch, second.host)).out).toMatch(/"_tag":"RunCompleted".*\n\nevent: end\ndata: \{\}\n\n$/)
  expect((await typed(show, second.host)).out).toMatch(/^run order-1 of workflow order version 1: completed\n/)
  expect(second.said()).not.toContain("one lamp is reserved")
  await second.kill()
})

it("the guide has the same commands, and the workflow of the example", () => {
  const guide = readFileSync(join(root, "docs/guide/15-server.md"), "utf8")
  expect(commandsOf(guide)).toEqual([begin, start, watch, pay, kill, result])
  const example = readFileSync(join(root, "examples/15-server/order.ts"), "utf8")
  const [, workflow = ""] = /(const Pay = [^]*?)\nexport/.exec(example) ?? []
  expect(guide).toContain(workflow.trimEnd())
})
