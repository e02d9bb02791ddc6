/** About the server itself. */
import { Client } from "@reprise/core"
import { Release } from "@reprise/core/engine"
import { Duration, Effect, ModuleVersion } from "effect"
import { type Handlers, value } from "../api/Handler.js"
import type * as Model from "../api/Model.js"
import * as Docs from "../Docs.js"
import * as Metrics from "../Metrics.js"
import * as OpenApi from "../OpenApi.js"

type Named = "openApi" | "docs" | "version" | "live" | "ready" | "metrics" | "stats"

export const handlers: Handlers<Named, Client.Client> = {
  openApi: () => Effect.sync(() => value(OpenApi.document())),
  docs: () =>
    Effect.sync(() => {
      const { headers, html } = Docs.page()
      return { _tag: "Body", contentType: "text/html; charset=utf-8", body: html, headers }
    }),
  version: () =>
    Effect.succeed(value({ reprise: Release.RELEASE, effect: ModuleVersion.getCurrentVersion(), node: process.version })),
  live: () => Effect.succeed(value({ status: "pass", checks: [] })),
  ready: () => Effect.map(readiness, (health) => value(health, health.status === "fail" ? { status: 503 } : {})),
  metrics: () =>
    Effect.map(Metrics.text, (body) => ({ _tag: "Body", contentType: "text/plain; version=0.0.4; charset=utf-8", body })),
  stats: () =>
    Effect.gen(function*() {
      const { log } = yield* Client.Client
      return value({ runs: yield* log.tally({}), metrics: yield* Metrics.figures })
    })
}

/** A store that does not answer a small question in this time cannot be said to work. */
const PATIENCE = Duration.seconds(2)

const readiness: Effect.Effect<Model.Health, never, Client.Client> = Effect.gen(function*() {
  const { local, log } = yield* Client.Client
  const asked = yield* Effect.either(Effect.timeoutFail(log.find({ limit: 1 }), {
    duration: PATIENCE,
    onTimeout: () => new Error(`it did not answer within ${Duration.format(PATIENCE)}`)
  }))
  const store: Model.Health["checks"][number] = asked._tag === "Right"
    ? { name: "store", status: "pass" }
    : { name: "store", status: "fail", detail: "the store cannot be read; see the log of the server" }
  const worker: Model.Health["checks"][number] = {
    name: "worker",
    status: "pass",
    detail: local === undefined ? "none in this process" : "in this process"
  }
  if (asked._tag === "Left") yield* Effect.logWarning("The store is not ready", asked.left)
  return { status: store.status, checks: [store, worker] }
})
