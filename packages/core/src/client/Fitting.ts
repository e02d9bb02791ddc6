/** Trying a build on the runs that are open. */
import { Effect } from "effect"
import { type LogError, WorkerMissing } from "../model/Errors.js"
import type { Report } from "./Report.js"
import { Client } from "./Shape.js"

/**
 * Replays every open run on this build, without running anything of it: which of them do not fit, and which branch of each
 * patch they took. An old branch may go when `oldBranch.count` is 0 and no run is a misfit. Needs a worker in this process;
 * to try a build before it is deployed, use `Worker.check` on a copy of the store.
 *
 * @example
 * import { Effect } from "effect"
 * import { Client } from "@reprise/core"
 *
 * const canRetire = (patch: string) =>
 *   Effect.map(Client.check({ workflow: "order" }), ({ misfitCount, patches }) =>
 *     misfitCount === 0 && patches.every((use) => use.patch !== patch || use.oldBranch.count === 0))
 */
export const check = (
  options: { readonly workflow?: string } = {}
): Effect.Effect<Report, WorkerMissing | LogError, Client> =>
  Effect.flatMap(Client, ({ local }): Effect.Effect<Report, WorkerMissing | LogError> =>
    local === undefined ? Effect.fail(new WorkerMissing({ operation: "check" })) : local.check(options))
