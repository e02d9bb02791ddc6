/** Programs that tests start as processes, made into files of JavaScript, which start in a fifth of the time. */
import { build } from "esbuild"
import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { root } from "./compiler.js"

/** In node_modules, where what stays outside the files is found. */
const FOLDER = join(root, "node_modules/.reprise-bundles")

/** For packages that are CommonJS: they ask for modules of Node. */
const REQUIRE = `import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url)`

/** A program of a test has been loaded by then, also when it starts itself again. */
const KEPT_MILLIS = 6 * 3_600_000

/**
 * The path of the program in `entry` as a file for `node PATH`. Same sources, same path. Where in the sources an error
 * was, Node tells when it is started with --enable-source-maps.
 */
export const bundle = async (entry: string): Promise<string> => {
  const [path = ""] = await bundles([entry])
  return path
}

/** Several programs, whose names differ, at once: what they have in common is shared. */
export const bundles = async (entries: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  // Names are not kept: to name each function when it is made costs random programs a quarter of their time.
  const { outputFiles } = await build({
    entryPoints: [...entries],
    entryNames: "[name]",
    // As deep as the folder that they come to, so that maps lead back to the sources.
    outdir: join(FOLDER, "draft"),
    outExtension: { ".js": ".mjs" },
    write: false,
    bundle: true,
    splitting: entries.length > 1,
    platform: "node",
    format: "esm",
    conditions: ["reprise-source"],
    external: ["better-sqlite3"],
    banner: { js: REQUIRE },
    sourcemap: "linked",
    logLevel: "error"
  })
  const hash = createHash("sha256")
  for (const { contents } of outputFiles) hash.update(contents)
  const folder = join(FOLDER, hash.digest("hex").slice(0, 16))
  mkdirSync(folder, { recursive: true })
  removeOld()
  for (const { contents, path } of outputFiles) put(join(folder, basename(path)), contents)
  return entries.map((entry) => join(folder, `${basename(entry, ".ts")}.mjs`))
}

/** Another test may be starting the same program. */
const put = (path: string, contents: Uint8Array): void => {
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, contents)
  renameSync(draft, path)
}

const removeOld = (): void => {
  for (const name of readdirSync(FOLDER)) {
    const folder = join(FOLDER, name)
    const since = statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Infinity
    if (Date.now() - since > KEPT_MILLIS) rmSync(folder, { recursive: true, force: true })
  }
}
