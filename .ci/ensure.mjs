/**
 * Makes a clone ready to run: checks the version of Node and installs the dependencies when they are missing or older
 * than the lock. It runs before anything is installed, so it may import nothing but Node.
 */
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("..", import.meta.url))
const require = createRequire(import.meta.url)

const json = (path) => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), "utf8"))
const has = (path) => existsSync(new URL(`../${path}`, import.meta.url))
const say = (text) => process.stderr.write(`reprise: ${text}\n`)

const checkNode = () => {
  const wanted = /(\d+)\.(\d+)/.exec(json("package.json").engines.node)
  const [major, minor] = process.versions.node.split(".").map(Number)
  if (major > Number(wanted[1]) || (major === Number(wanted[1]) && minor >= Number(wanted[2]))) return
  say(`Node ${wanted[0]} or newer is needed; this is ${process.version}. Get one at https://nodejs.org`)
  process.exit(1)
}

/** npm keeps a copy of the lock in node_modules. An optional package may be absent: it is for another platform. */
const matchesLock = () => {
  if (!has("package-lock.json")) return true
  const installed = json("node_modules/.package-lock.json").packages
  return Object.entries(json("package-lock.json").packages).every(([path, wanted]) => {
    if (!path.startsWith("node_modules/") && !path.includes("/node_modules/")) return true
    if (wanted.link) return has(path)
    const found = installed[path]
    return found === undefined ? wanted.optional === true || wanted.peer === true : found.version === wanted.version
  })
}

const loads = (name, use) => {
  try {
    use(require(name))
    return true
  } catch {
    return false
  }
}
const sqliteLoads = () => loads("better-sqlite3", (Database) => new Database(":memory:").close())
/** The test runner's native part; npm leaves it out when the lock was written on another platform. */
const runnerLoads = () => loads("rollup", () => {})

const npm = (...args) => {
  const shell = process.platform === "win32"
  return spawnSync("npm", args, { cwd: root, stdio: ["ignore", 2, 2], shell }).status === 0
}
const QUIET = ["--no-audit", "--no-fund", "--loglevel=error"]

const fresh = () => {
  if (has("package-lock.json")) {
    say("installing dependencies (npm ci); this happens once and takes about a minute")
    if (npm("ci", ...QUIET) && runnerLoads()) return true
    say("the lock does not fit this platform; installing without it (npm install --no-package-lock)")
    rmSync(new URL("../node_modules", import.meta.url), { recursive: true, force: true })
  } else {
    say("installing dependencies (npm install)")
  }
  return npm("install", "--no-package-lock", ...QUIET)
}

const update = () => {
  say("dependencies differ from package-lock.json; updating them (npm install)")
  return npm("install", ...QUIET)
}

/** Returns when everything is in place; ends the process with a message otherwise. */
export const ensure = () => {
  checkNode()
  const installed = has("node_modules/.package-lock.json")
  if (!(installed ? matchesLock() || update() : fresh())) {
    say("npm could not install the dependencies; its messages are above")
    process.exit(1)
  }
  if (sqliteLoads()) return
  say(`better-sqlite3 does not load on Node ${process.version}; building it again (npm rebuild better-sqlite3)`)
  if (npm("rebuild", "better-sqlite3", ...QUIET) && sqliteLoads()) return
  say("better-sqlite3 still does not load. Remove node_modules and run the command again")
  process.exit(1)
}
