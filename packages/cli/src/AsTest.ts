/** Writes an exported run as a test. */
import { Document, Release } from "@reprise/core/engine"
import { dirname, relative, resolve, sep } from "node:path"
import type { Entry } from "./Entry.js"

/** The text of a vitest file that stands at `out`. Without an entry its import is to be completed by hand. */
export const text = (document: Document.Document, out: string, entry: Entry | undefined): string => {
  const name = `run ${JSON.stringify(document.run.runId)} of workflow ${JSON.stringify(document.run.workflow)} replays on this code`
  const imported = entry?.exportedAs === "default" ? "workflows" : "{ workflows }"
  const from = entry === undefined ? "./workflows.js" : specifier(out, entry.file)
  const imports = [["{ ReplayCheck }", "@reprise/testing"], ["{ Effect }", "effect"], ["{ test }", "vitest"], [imported, from]]
  return `/**
 * The history of a run, exported by reprise ${Release.RELEASE}, and a test that this code still replays it. When the test fails, a
 * deployment would block runs like this one: put the change behind Workflow.patched, or keep the old code under its version
 * (docs/guide/changing-a-workflow.md). When no run like this one is open any more, delete the test.
 */
${imports.map(([what, from]) => `import ${what} from ${JSON.stringify(from)}`).join("\n")}

test(${JSON.stringify(name)}, () => Effect.runPromise(ReplayCheck.fits([exported], workflows)))

const exported: unknown = ${literal(document)}`
}

/** JSON is an expression, but for one key, which would set the prototype. */
const literal = (document: Document.Document): string => Document.text(document).replaceAll(`"__proto__":`, `["__proto__"]:`)

/** How a module at `out` imports `file`: TypeScript is imported by the name that it compiles to. */
const specifier = (out: string, file: string): string => {
  const path = relative(dirname(resolve(out)), file).split(sep).join("/").replace(/\.([cm]?)tsx?$/, ".$1js")
  return path.startsWith(".") ? path : `./${path}`
}
