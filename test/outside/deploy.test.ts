/** The unit, the container file and the commands of the guide, without a machine to deploy to: what they run is run here. */
import { execFile, execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { root } from "../harness/compiler.js"
import { ask, emptyFolder } from "./Served.js"

const folder = emptyFolder()
const project = join(folder.path, "shop")
const data = join(folder.path, "data")
const read = (name: string): string => readFileSync(join(root, "examples/deploy", name), "utf8")

/** A user's project: an entry, and what it depends on. */
beforeAll(() => {
  mkdirSync(join(project, "src"), { recursive: true })
  mkdirSync(data)
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }))
  copyFileSync(join(root, "examples/15-server/order.ts"), join(project, "src/workflows.ts"))
  symlinkSync(join(root, "node_modules"), join(project, "node_modules"))
})
afterAll(() => folder.remove())

const PORT = /"url":"[^"]*:(\d+)"/

/** Begins a command as it is, but for the port, and says where it listens. */
const begun = async ([, ...args]: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, [...args, "--port", "0", "--json"], { cwd: project })
  let said = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (said += text))
  const ended = once(child, "close")
  const line = await Promise.race([once(child.stdout.setEncoding("utf8"), "data"), ended.then(() => undefined)])
  if (line === undefined) throw new Error(said)
  const [, port] = PORT.exec(line[0]) ?? []
  const stop = async (): Promise<number> => {
    child.kill("SIGTERM")
    return (await ended)[0]
  }
  return { url: `http://127.0.0.1:${port}`, port: String(port), stop }
}

/** The exit code of a command with Node in its first place. */
const codeOf = ([, ...args]: ReadonlyArray<string>): Promise<number> =>
  new Promise((done) => execFile(process.execPath, [...args], { cwd: project }, (error) => done(Number(error?.code ?? 0))))

const settingOf = (name: string): string => new RegExp(`^${name}=(.*)$`, "m").exec(read("shop.service"))?.[1] ?? ""

describe("the unit", () => {
  it("is one that systemd takes, where there is one", () => {
    const found = spawnSync("systemd-analyze", ["--version"])
    if (found.error !== undefined) return
    const unit = join(folder.path, "shop.service")
    writeFileSync(unit, read("shop.service").replace("/usr/bin/node", process.execPath))
    expect(execFileSync("systemd-analyze", ["verify", "--man=no", unit], { encoding: "utf8", stdio: "pipe" })).toBe("")
  })

  it("begins a server that lets nobody in without a key, and stops it in order", async () => {
    const command = settingOf("ExecStart").replace("${STATE_DIRECTORY}", data).split(" ")
    const create = [...command.slice(0, 2), "keys", "create", "ada", "--role", "admin", "--store", join(data, "runs.db")]
    const key = execFileSync(process.execPath, create.slice(1), { cwd: project, encoding: "utf8" }).trim().split(/\s/).at(-1) ?? ""
    const server = await begun(command)
    expect((await ask(server.url, "/api/v1/runs")).status).toBe(401)
    expect((await ask(server.url, "/api/v1/runs", undefined, { authorization: `Bearer ${key}` })).status).toBe(200)
    expect(await server.stop()).toBe(0)
    expect(Number(settingOf("TimeoutStopSec"))).toBeGreaterThan(Number(/--grace (\d+)s/.exec(settingOf("ExecStart"))?.[1]))
  })
})

describe("the container", () => {
  const listOf = (instruction: RegExp): ReadonlyArray<string> =>
    JSON.parse((instruction.exec(read("Dockerfile"))?.[1] ?? "[]").replace("/data/", `${data}/`))

  it("begins a server, whose health its check can tell", async () => {
    const server = await begun(listOf(/^CMD (.*)$/m))
    const check = listOf(/^HEALTHCHECK .*CMD (.*)$/m).map((part) => part.replace("7070", server.port))
    expect(await codeOf(check)).toBe(0)
    expect(await server.stop()).toBe(0)
    expect(await codeOf(check)).toBe(1)
  })

  it("is given no store and no secret", () => {
    expect(read(".dockerignore").split("\n")).toEqual(expect.arrayContaining(["*.db", "*.db-*", ".env"]))
  })
})
