/** Compiles every package to its dist folder, a package after those that it imports. */
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { root } from "./ensure.mjs"

const packages = readdirSync(join(root, "packages"))
  .map((folder) => join(root, "packages", folder))
  .filter((path) => existsSync(join(path, "src/index.ts")))
  .map((path) => ({ path, ...JSON.parse(readFileSync(join(path, "package.json"), "utf8")) }))

const built = new Set()
const ready = ({ dependencies = {} }) =>
  packages.every(({ name }) => dependencies[name] === undefined || built.has(name))

const compile = (path) => {
  rmSync(join(path, "dist"), { recursive: true, force: true })
  const tsc = join(root, "node_modules/typescript/bin/tsc")
  return spawnSync(process.execPath, [tsc, "-p", join(path, "tsconfig.build.json")], { stdio: "inherit" }).status === 0
}

while (built.size < packages.length) {
  const next = packages.find((candidate) => !built.has(candidate.name) && ready(candidate))
  if (next === undefined) throw new Error("packages depend on each other in a circle")
  process.stdout.write(`building ${next.name}\n`)
  if (!compile(next.path)) process.exit(1)
  built.add(next.name)
}
