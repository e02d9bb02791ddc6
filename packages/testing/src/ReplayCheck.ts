/**
 * Tries a build on runs that exist: each is replayed, nothing is written, and nothing of it runs. `Worker.check` does the
 * work; here are the sources that a test or a pipeline has, an assertion, and the report as text.
 */
import type { Client, Workflow } from "@reprise/core"
import type { Errors, Log } from "@reprise/core/engine"
import { Worker } from "@reprise/worker"
import { Effect } from "effect"
import * as DocumentLog from "./DocumentLog.js"
import { type DocumentInvalid, MisfitsFound } from "./Errors.js"

export interface Options extends Omit<Worker.Options<Workflow.Any>, "workflows"> {
  /** Only the runs of this workflow. */
  readonly workflow?: string
  /** Closed runs, too: the newest of each registered workflow, so many of each; or all there are. Default: none. */
  readonly closed?: number | "all"
}

/**
 * Replays every open run of a log on these workflows, and closed ones if asked for.
 *
 * @example
 * import { ReplayCheck } from "@reprise/testing"
 * import { Sqlite } from "@reprise/sql"
 * import { Workflow } from "@reprise/core"
 * import { Console, Effect } from "effect"
 *
 * const Order = Workflow.make("order", {}, () => Effect.void)
 *
 * const main = ReplayCheck.run([Order], { closed: 100 }).pipe(
 *   Effect.flatMap((report) => Console.log(ReplayCheck.text(report))),
 *   Effect.provide(Sqlite.readerLayer({ filename: "runs.db" }))
 * )
 */
export const run = (
  workflows: ReadonlyArray<Workflow.Any>,
  options: Options = {}
): Effect.Effect<Client.Report, Errors.LogError, Log.Log> => Worker.check({ ...options, workflows })

/** Replays exported runs, open or closed, on these workflows. */
export const documents = (
  exported: ReadonlyArray<unknown>,
  workflows: ReadonlyArray<Workflow.Any>,
  options: Omit<Options, "closed"> = {}
): Effect.Effect<Client.Report, DocumentInvalid> =>
  run(workflows, { ...options, closed: "all" }).pipe(
    // Documents are in memory: reading them does not fail.
    Effect.catchTag("LogError", Effect.die),
    Effect.provide(DocumentLog.layer(exported))
  )

/**
 * Fails when an exported run does not fit these workflows, with the report as its message. For tests; `reprise runs export
 * --as-test` writes one.
 *
 * @example
 * import { ReplayCheck } from "@reprise/testing"
 * import { Workflow } from "@reprise/core"
 * import { Effect } from "effect"
 *
 * const Order = Workflow.make("order", {}, () => Effect.void)
 * const exported: unknown = {}
 *
 * const test = () => Effect.runPromise(ReplayCheck.fits([exported], [Order]))
 */
export const fits = (
  exported: ReadonlyArray<unknown>,
  workflows: ReadonlyArray<Workflow.Any>,
  options: Omit<Options, "closed"> = {}
): Effect.Effect<void, DocumentInvalid | MisfitsFound> =>
  Effect.flatMap(documents(exported, workflows, options), (report) =>
    report.misfitCount === 0 ? Effect.void : new MisfitsFound({ report, text: text(report) }))

// ---- text ----

/** A report for a terminal: what was replayed, each cause once with what to do about it, and where the patches stand. */
export const text = (report: Client.Report): string =>
  [
    ...head(report),
    ...report.causes.flatMap((cause, index) => ["", ...causeLines(cause, index + 1)]),
    ...omitted(report),
    ...(report.patches.length === 0 ? [] : ["", "Patches:", ...report.patches.map(patchLine)])
  ].join("\n")

const head = ({ closedCount, misfitCount, openCount }: Client.Report): ReadonlyArray<string> => {
  const count = openCount + closedCount
  const replayed = closedCount === 0 ? counted(openCount, "open run") : `${counted(openCount, "open run")} and ${closedCount} closed`
  if (count === 0) return ["There is no run to replay."]
  if (misfitCount === 0) return [`Replayed ${replayed}: all fit this build.`]
  return [`Replayed ${replayed}: ${misfitCount} ${misfitCount === 1 ? "does" : "do"} not fit this build.`]
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

/** Run ids that the text names for each cause. */
const NAMED_MAX = 5

const causeLines = ({ fault, runs, workflow }: Client.Cause, number: number): ReadonlyArray<string> => [
  `${number}. ${counted(runs.count, "run")} of "${workflow}": ${named(runs)}`,
  ...fault.message.split("\n").map((line) => `   ${line}`),
  ...(fault._tag === "Divergence"
    ? [`   or fork: Client.fork from an event before event ${fault.seq}, and Client.terminate the old run.`]
    : [])
]

const named = ({ count, runIds }: Client.Runs): string => {
  const shown = runIds.slice(0, NAMED_MAX)
  return `${shown.join(", ")}${count > shown.length ? `, and ${count - shown.length} more` : ""}`
}

const omitted = ({ causes, misfitCount }: Client.Report): ReadonlyArray<string> => {
  const rest = misfitCount - causes.reduce((sum, { runs }) => sum + runs.count, 0)
  return rest === 0 ? [] : ["", `and ${counted(rest, "run")} more, for other reasons`]
}

const patchLine = ({ newBranch, notAskedCount, oldBranch, patch, workflow }: Client.PatchUse): string =>
  `  "${patch}" of "${workflow}": ${oldBranch.count} on the old branch, ${newBranch.count} on the new, ${notAskedCount} not asked yet`
