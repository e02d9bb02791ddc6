/**
 * What `npm test`, `npm run check`, `npm run demo` and the other scripts do. It installs what is missing first, so that
 * each of them works on a fresh clone.
 */
import { spawn } from "node:child_process"
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ensure, root } from "./ensure.mjs"

/** Where the sums of the last `npm test` are left for .ci/run. */
const RESULTS = join(root, "node_modules/.reprise-results.json")
const TESTS = join(root, `node_modules/.reprise-tests-${process.pid}.json`)

const NONE = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 }

/** Runs Node on `args` with this terminal; the child gets Ctrl-C itself, so here it is only waited for. */
const node = (args, stdin = "ignore", stdout = "inherit") =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: [stdin, stdout, "inherit"] })
    process.on("SIGINT", () => {})
    process.on("SIGTERM", () => child.kill("SIGTERM"))
    child.on("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 1)))
  })

const bin = (name, path) => join(root, "node_modules", name, path)
const tsc = (...args) => node([bin("typescript", "bin/tsc"), ...args])
const oxlint = (...args) => node([bin("oxlint", "bin/oxlint"), ...args])
const vitest = (...args) => node([bin("vitest", "vitest.mjs"), "run", "--config", "test/vitest.config.ts", ...args])
const TYPESCRIPT = ["--conditions=reprise-source", "--import", "tsx"]
/** Runs a TypeScript file from its sources; packages are resolved to their src folders. */
const file = (path, args) => node([...TYPESCRIPT, path, ...args], "inherit")

const step = async (name, run) => {
  process.stdout.write(`\n== ${name}\n`)
  const passed = (await run()) === 0
  if (passed && name !== "tests") process.stdout.write("ok\n")
  return passed
}

/** Types and lint count as one test each. With arguments, they go to vitest: a file name, `-t name`, `-u`. */
const test = async (args, only = []) => {
  rmSync(RESULTS, { force: true })
  const checks = [
    await step("types", () => tsc("-p", "tsconfig.json")),
    await step("lint", () => oxlint("packages", "examples", "test", ".ci"))
  ]
  const json = ["--reporter=default", "--reporter=json", `--outputFile.json=${TESTS}`]
  const green = await step("tests", () => vitest(...json, ...only, ...args))

  const sums = existsSync(TESTS) ? JSON.parse(readFileSync(TESTS, "utf8")) : NONE
  rmSync(TESTS, { force: true })
  const passed = sums.numPassedTests + checks.filter((ok) => ok).length
  // A test is left out only when its file cannot be set up, unless arguments chose among the tests.
  const failures = sums.numFailedTests + (args.length === 0 ? sums.numPendingTests : 0)
  // A file that cannot be loaded, an unhandled error or an empty run fails no single test: it counts as one failure.
  const silent = (!green || sums.numPassedTests === 0) && failures === 0 ? 1 : 0
  const failed = failures + silent + checks.filter((ok) => !ok).length
  writeFileSync(RESULTS, JSON.stringify({ passed, failed }))
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
  return failed === 0 ? 0 : 1
}

const example = ([name, ...args]) => {
  const names = existsSync(join(root, "examples"))
    ? readdirSync(join(root, "examples")).filter((entry) => entry.endsWith(".ts")).toSorted()
    : []
  const found = names.find((entry) => name !== undefined && (entry === name || entry.startsWith(name)))
  if (found !== undefined) return file(join("examples", found), args)
  const list = names.map((entry) => `  npm run example -- ${entry.replace(/\.ts$/, "")}`).join("\n")
  process.stderr.write(`${name === undefined ? "Which example?" : `There is no example "${name}".`}\n${list}\n`)
  return 1
}

/** Measures what users run: the compiled packages. Standard output is for the results alone. */
const bench = async (args) => {
  const built = await node([".ci/build.mjs"], "ignore", 2)
  return built === 0 ? node(["--import", "tsx", "test/bench/main.ts", ...args], "inherit") : built
}

const commands = {
  test: (args) => test(args),
  check: (args) => test(args, ["test/tidy.test.ts"]),
  build: () => node([".ci/build.mjs"]),
  demo: (args) => file("examples/demo/main.ts", args),
  reprise: (args) => file("packages/cli/src/main.ts", args),
  torture: (args) => file("test/torture/main.ts", args),
  mutants: (args) => file("test/mutants/main.ts", args),
  record: (args) => file("test/histories/record.ts", args),
  simulate: (args) => file("test/simulate/main.ts", args),
  bench,
  example
}

const [name, ...args] = process.argv.slice(2)
const command = commands[name]
if (command === undefined) {
  process.stderr.write(`usage: node .ci/run.mjs ${Object.keys(commands).join("|")} [arguments]\n`)
  process.exit(1)
}
ensure()
process.exitCode = await command(args)
