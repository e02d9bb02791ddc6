/** Where types may be overruled: `any` and casts, counted for each file. */
import { type Finding, isSource, type Rule, type Source } from "./source.js"

/** How often a file says `any`, how often `as`, and why. The numbers may only go down. */
const ALLOWED: Readonly<Record<string, readonly [any: number, casts: number, reason: string]>> = {
  "packages/core/src/client/Messages.ts": [0, 2, "answers of several sorts are one union"],
  "packages/core/src/client/Results.ts": [2, 1, "a closed run's last event closes it"],
  "packages/core/src/define/Awakeable.ts": [2, 0, "the encoded side of a schema is not our business"],
  "packages/core/src/define/Query.ts": [2, 0, "the encoded side of a schema"],
  "packages/core/src/define/Retry.ts": [0, 1, "a schedule's input is contravariant"],
  "packages/core/src/define/Sensor.ts": [2, 2, "the encoded side of a schema; phantom requirements"],
  "packages/core/src/define/Signal.ts": [1, 0, "the encoded side of a schema"],
  "packages/core/src/define/Journal.ts": [0, 4, "answers of several sorts; a test kit's stand-in"],
  "packages/core/src/define/Step.ts": [6, 2, "any effect, and what it makes; schemas that were checked; phantom requirements"],
  "packages/core/src/define/Update.ts": [3, 1, "the encoded side of a schema"],
  "packages/core/src/define/Workflow.ts": [27, 5, "inference over any workflow, message and body"],
  "packages/core/src/engine/Containment.ts": [0, 10, "replaces globals and builtins, which TypeScript takes for constants"],
  "packages/core/src/engine/Decide.ts": [0, 1, "a computed key widens its object"],
  "packages/core/src/engine/Requests.ts": [0, 2, "one table of answers for all requests"],
  "packages/core/src/engine/Services.ts": [0, 12, "Effect's services, whose types are wider; the nodes of a config"],
  "packages/core/src/model/Payload.ts": [1, 12, "the one way between values and JSON"],
  "packages/server/src/handlers/Given.ts": [0, 2, "fields without those that are undefined; what was parsed from JSON"],
  "packages/sql/src/Committer.ts": [0, 1, "a cause without the store's own faults"],
  "packages/sql/src/History.ts": [0, 1, "rows as the driver gives them"],
  "packages/sql/src/Rows.ts": [0, 6, "what was written by us is read back, after its checksum"],
  "packages/sql/src/Store.ts": [0, 1, "an error without the store's own faults"],
  "packages/sql/src/Transaction.ts": [0, 2, "rows as the driver gives them"],
  "packages/worker/src/RunLoop.ts": [0, 2, "encoded JSON"],
  "packages/worker/src/Telemetry.ts": [0, 5, "annotations and console methods by name"],
  "packages/worker/src/Worker.ts": [0, 2, "one runtime for the services of all workflows; a check needs none of them"],
  "packages/server/src/api/Route.ts": [27, 3, "inference over any route; a route without parameters, query or answer"],
  "packages/server/src/client/Call.ts": [3, 1, "any route with this answer; a route without an answer is void"],
  "packages/server/src/client/Follow.ts": [1, 0, "the encoded side of a schema"],
  "packages/server/src/client/Results.ts": [1, 1, "any workflow that ends like this; what came as JSON"],
  "packages/testing/src/world/Process.ts": [0, 1, "the services of any workflows, met where the world is made"],
  "packages/testing/src/simulation/Scene.ts": [0, 1, "the services of any workflows, met where the scene is made"],
  "packages/testing/src/simulation/Simulation.ts": [0, 3, "inputs and services of any workflow; what a failure has printed"],
  "packages/testing/src/MemoryLog.ts": [0, 1, "a copy has the type of its original"]
}

const RENAMING = /\b(?:import|export)\s+(?:type\s+)?(?:\*\s+as\s+\w+|\w+\s*,)?\s*(?:\{[^}]*\})?/g

export const countEscapes = (file: Source): { readonly any: number; readonly casts: number } => {
  const bare = file.bare.replace(RENAMING, "")
  return {
    any: bare.match(/(?<![.\w])any\b(?!\s*[:(.])/g)?.length ?? 0,
    casts: bare.match(/(?<![.\w])as\s+(?!const\b)(?=[\w{[(])/g)?.length ?? 0
  }
}

const check = (files: ReadonlyArray<Source>): ReadonlyArray<Finding> =>
  files.filter(isSource).flatMap((file) => {
    const { any, casts } = countEscapes(file)
    const [anyMax, castsMax] = ALLOWED[file.path] ?? [0, 0, ""]
    if (any === anyMax && casts === castsMax) return []
    const advice = any > anyMax || casts > castsMax ? "write it without" : "lower the numbers there"
    return [`${file.path} has ${any} any, ${casts} casts; test/tidy/escapes.ts says ${anyMax}, ${castsMax}: ${advice}`]
  })

export const escapes: Rule = {
  name: "any and casts are as few as the table says",
  check,
  good: { "packages/core/src/A.ts": "import { b as c } from \"d\"\nconst many = Effect.any(c) // as any" },
  bad: { "packages/core/src/A.ts": "const a = b as C" }
}
