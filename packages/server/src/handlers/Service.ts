/** About the server itself. */
import { Release } from "@reprise/core/engine"
import { Effect, ModuleVersion } from "effect"
import { type Handlers, value } from "../api/Handler.js"
import * as Docs from "../Docs.js"
import * as Figures from "../metrics/Figures.js"
import * as Health from "../metrics/Health.js"
import * as Text from "../metrics/Text.js"
import * as OpenApi from "../OpenApi.js"

type Named = "openApi" | "docs" | "version" | "live" | "ready" | "metrics" | "stats"

export const handlers: Handlers<Named, Health.Services> = {
  openApi: () => Effect.sync(() => value(OpenApi.document())),
  docs: () =>
    Effect.sync(() => {
      const { headers, html } = Docs.page()
      return { _tag: "Body", contentType: "text/html; charset=utf-8", body: html, headers }
    }),
  version: () =>
    Effect.succeed(value({ reprise: Release.RELEASE, effect: ModuleVersion.getCurrentVersion(), node: process.version })),
  live: () => Effect.succeed(value(Health.live)),
  ready: () => Effect.map(Health.ready, (health) => value(health, health.status === "fail" ? { status: 503 } : {})),
  metrics: () =>
    Effect.gen(function*() {
      yield* (yield* Figures.Figures).sample
      return { _tag: "Body", contentType: "text/plain; version=0.0.4; charset=utf-8", body: yield* Text.text }
    }),
  stats: () =>
    Effect.gen(function*() {
      const { runs } = yield* (yield* Figures.Figures).sample
      return value({ runs, metrics: yield* Text.figures })
    })
}
