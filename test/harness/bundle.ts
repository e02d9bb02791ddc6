/** Programs that tests start as processes, each made into one file of JavaScript, which starts in a third of the time. */
import { build } from "esbuild"
import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { root } from "./compiler.js"

/** In node_modules, where what stays outside the files is found. */
const FOLDER = join(root, "node_modules/.reprise-bundles")

/** A program of a test has been loaded by then, also when it starts itself again. */
const KEPT_MILLIS = 6 * 3_600_000

/**
 * The path of the program in `entry` as one file, for `node PATH`. Same sources, same path.
 * Node tells where in the sources an error was when it is started with --enable-source-maps.
 */
export const bundle = async (entry: string): Promise<string> => {
  // Names are not kept: to name each function when it is made costs random programs a quarter of their time.
  const { outputFiles: [map, program] } = await build({
    entryPoints: [entry],
    outdir: FOLDER,
    outExtension: { ".js": ".mjs" },
    write: false,
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["reprise-source"],
    external: ["better-sqlite3"],
    sourcemap: "linked",
    logLevel: "error"
  })
  if (program === undefined || map === undefined) throw new Error(`esbuild has made nothing of ${entry}`)
  const hash = createHash("sha256").update(program.contents).digest("hex").slice(0, 12)
  const folder = join(FOLDER, `${basename(entry, ".ts")}-${hash}`)
  mkdirSync(folder, { recursive: true })
  removeOld()
  // The map is found by the program's name, so that only the folder bears the hash.
  const path = join(folder, basename(program.path))
  put(join(folder, basename(map.path)), map.contents)
  put(path, program.contents)
  return path
}

/** Others may be starting the same program. */
const put = (path: string, contents: Uint8Array): void => {
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, contents)
  renameSync(draft, path)
}

const removeOld = (): void => {
  for (const name of readdirSync(FOLDER)) {
    const folder = join(FOLDER, name)
    if (Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > KEPT_MILLIS) {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
