#!/usr/bin/env node
/**
 * The command `reprise`. A published package holds what was compiled. In a clone of the repository it is the sources that
 * run, compiled or not: a build may be older than they are.
 */
import { existsSync } from "node:fs"
import { register } from "node:module"

const isClone = existsSync(new URL("../tsconfig.build.json", import.meta.url))

if (isClone) {
  // What `--import tsx` and `--conditions=reprise-source` do, within this process: signals reach it, and so does a kill.
  await import("tsx")
  register("./condition.mjs", import.meta.url)
}

await import(isClone ? "../src/main.ts" : "../dist/main.js")
