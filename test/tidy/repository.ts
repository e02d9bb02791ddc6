/** What the repository as a whole may hold. */
import { findAll, type Finding, type Rule, type Source } from "./source.js"

const TOP =
  /^((package|package-lock|tsconfig)\.json|(README|CHANGELOG)\.md|LICENSE|\..+|(packages|examples|test|docs)\/.*)$/

const topLevel = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files.filter(({ path }) => !TOP.test(path)).map(({ path }) => `${path} does not belong at the top level`)

/** The lock installs from whichever registry the machine uses. */
const lock = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files
    .filter(({ path }) => path === "package-lock.json")
    .flatMap((file) => findAll(file, file.text, /"resolved": "\w+:[^"]*/g, ([address]) => address))

const HOME = /(?<![\w.~-])\/(?:work|root|home|Users)\/[\w.-]+/g

/** A path of one machine is wrong on every other. */
const machinePaths = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files
    .filter(({ path }) => path !== "test/tidy/repository.ts")
    .flatMap((file) => findAll(file, file.text, HOME, ([path]) => `an absolute path: ${path}`))

/** All packages are released together: each has the version of the root, and depends on the others in that version. */
const oneVersion = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> => {
  const manifests = files.filter(({ path }) => /^(packages\/[^/]+\/)?package\.json$/.test(path))
  const version: unknown = JSON.parse(manifests.find(({ path }) => path === "package.json")?.text ?? "{}").version
  return manifests
    .flatMap((file) => findAll(file, file.text, /"(?:version|@reprise\/\w+)": "([^"]+)"/g, (match) => match[1] ?? ""))
    .filter((found) => !found.endsWith(` ${String(version)}`))
}

export const repository: ReadonlyArray<Rule> = [
  {
    name: "the top level holds only what is listed",
    check: topLevel,
    good: { "docs/log.md": "", ".ci/run": "", "LICENSE": "" },
    bad: { "vitest.config.ts": "" }
  },
  {
    name: "package-lock.json names no registry",
    check: lock,
    good: { "package-lock.json": "\"resolved\": \"packages/core\"" },
    bad: { "package-lock.json": "\"resolved\": \"https://registry.example/effect.tgz\"" }
  },
  {
    name: "no absolute paths of a machine",
    check: machinePaths,
    good: { "docs/a.md": "https://example.com/home/page and ./root/a and /tmp/reprise" },
    bad: { "docs/a.md": "see /home/me/reprise" }
  },
  {
    name: "all packages have one version",
    check: oneVersion,
    good: { "package.json": `{ "version": "1.0.0" }`, "packages/core/package.json": `{ "version": "1.0.0" }` },
    bad: { "package.json": `{ "version": "1.0.0" }`, "packages/core/package.json": `{ "version": "1.0.1" }` }
  }
]
