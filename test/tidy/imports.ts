/** Who may import whom: between packages, inside core, without cycles, and nothing that no entry reaches. */
import { posix } from "node:path"
import { type Finding, importsOf, isSource, packageOf, type Rule, type Source, target } from "./source.js"

/** The permitted directions between packages, as docs/architecture.md draws them. */
const PACKAGES: Readonly<Record<string, ReadonlyArray<string>>> = {
  core: [],
  sql: ["core"],
  worker: ["core"],
  testing: ["core", "worker"],
  dag: ["core"],
  operators: ["core", "dag"],
  server: ["core", "dag"],
  dashboard: ["server"],
  cli: ["core", "sql", "worker", "testing", "dag", "operators", "server", "dashboard"]
}

/** The permitted directions between core's folders; files beside them (Client, the doors) sit on top. */
const CORE: Readonly<Record<string, ReadonlyArray<string>>> = {
  model: ["model"],
  define: ["model", "define"],
  ports: ["model", "ports"],
  engine: ["model", "define", "engine"]
}

const OWN = /^@reprise\/([^/]+)/
const packageNameOf = (specifier: string): string =>
  specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/")

const packageDirection = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files.filter(isSource).flatMap((file) => {
    const from = packageOf(file.path) ?? ""
    return importsOf(file).flatMap(({ line, specifier }) => {
      const relative = specifier.startsWith(".")
      const to = relative ? packageOf(`${target(file, specifier)}/`) : OWN.exec(specifier)?.[1]
      if (relative ? to === from : to === undefined || (PACKAGES[from] ?? []).includes(to)) return []
      return [`${file.path}:${line} ${from} may not import "${specifier}"`]
    })
  })

/** Every package that a source imports is in its package.json; core depends on effect alone. */
const dependencies = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files.filter(isSource).flatMap((file) => {
    const name = packageOf(file.path) ?? ""
    const manifest = files.find(({ path }) => path === `packages/${name}/package.json`)
    const declared = JSON.parse(manifest?.text ?? "{}") as Record<string, Record<string, string> | undefined>
    const known = Object.keys({ ...declared["dependencies"], ...declared["peerDependencies"] })
    return importsOf(file).flatMap(({ line, specifier }) => {
      if (specifier.startsWith(".")) return []
      if (specifier.startsWith("node:") ? name !== "core" : known.includes(packageNameOf(specifier))) return []
      return [`${file.path}:${line} "${specifier}" is not a dependency of @reprise/${name}`]
    })
  })

const coreDirection = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files.filter((file) => isSource(file) && file.path.startsWith("packages/core/src/")).flatMap((file) => {
    const layer = (path: string) => /^packages\/core\/src\/([^/]+)\//.exec(path)?.[1]
    const allowed = CORE[layer(file.path) ?? ""]
    if (allowed === undefined) return []
    return importsOf(file).flatMap(({ line, specifier }) => {
      if (!specifier.startsWith(".") || allowed.includes(layer(target(file, specifier)) ?? "")) return []
      return [`${file.path}:${line} ${layer(file.path)} may not import "${specifier}"`]
    })
  })

/** Source files by path, each with the source files that it imports. */
const graphOf = (files: ReadonlyArray<Source>): ReadonlyMap<string, ReadonlyArray<string>> => {
  const paths = new Set(files.map(({ path }) => path))
  return new Map(files.filter(isSource).map((file) => [
    file.path,
    importsOf(file)
      .filter(({ specifier }) => specifier.startsWith("."))
      .map(({ specifier }) => target(file, specifier))
      .filter((path) => paths.has(path))
  ]))
}

const cycles = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> => {
  const graph = graphOf(files)
  const done = new Set<string>()
  const found: Array<Finding> = []
  const visit = (path: string, trail: ReadonlyArray<string>): void => {
    if (trail.includes(path)) {
      found.push([...trail.slice(trail.indexOf(path)), path].join(" -> "))
      return
    }
    if (done.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return found
}

/** The source files that package.json names: exports and commands. */
const entriesOf = (manifest: Source): ReadonlyArray<string> =>
  [...manifest.text.matchAll(/"\.\/(src\/[^"*]+\.tsx?)"/g)].map((match) =>
    posix.join(posix.dirname(manifest.path), match[1] ?? "")
  )

const reachable = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> => {
  const graph = graphOf(files)
  const seen = new Set<string>()
  const visit = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    for (const next of graph.get(path) ?? []) visit(next)
  }
  for (const file of files) {
    if (/^packages\/[^/]+\/package\.json$/.test(file.path)) entriesOf(file).forEach(visit)
  }
  const lost = files.filter((file) => isSource(file) && !seen.has(file.path))
  return lost.map(({ path }) => `${path} is reached from no entry`)
}

const manifest = (dependency: string) => `{ "exports": "./src/index.ts", "dependencies": { "${dependency}": "1" } }`

export const imports: ReadonlyArray<Rule> = [
  {
    name: "packages import only along the arrows",
    check: packageDirection,
    good: { "packages/worker/src/A.ts": `import type { Log } from "@reprise/core/engine"\nimport "./B.js"` },
    bad: { "packages/core/src/A.ts": `export {\n  Log\n} from "@reprise/sql"\nimport "../../sql/src/Log.js"` }
  },
  {
    name: "a package imports only what its package.json declares",
    check: dependencies,
    good: { "packages/core/package.json": manifest("effect"), "packages/core/src/A.ts": `import "effect/Effect"` },
    bad: { "packages/core/package.json": manifest("effect"), "packages/core/src/A.ts": `await import("node:fs")` }
  },
  {
    name: "inside core: model <- define <- engine, model <- ports",
    check: coreDirection,
    good: { "packages/core/src/engine/A.ts": `import { B } from "../model/B.js"\nimport { C } from "./C.js"` },
    bad: { "packages/core/src/model/A.ts": `import type { B } from "../engine/B.js"` }
  },
  {
    name: "no import cycles, not even of types",
    check: cycles,
    good: { "packages/core/src/A.ts": `import "./B.js"`, "packages/core/src/B.ts": `// import "./A.js"` },
    bad: { "packages/core/src/A.ts": `import "./B.js"`, "packages/core/src/B.ts": `import type { A } from "./A.js"` }
  },
  {
    name: "every source file is reached from an entry",
    check: reachable,
    good: {
      "packages/core/package.json": manifest("effect"),
      "packages/core/src/index.ts": `export * as A from "./A.js"`,
      "packages/core/src/A.ts": ""
    },
    bad: { "packages/core/package.json": manifest("effect"), "packages/core/src/A.ts": "" }
  }
]
