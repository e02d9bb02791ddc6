/**
 * Traces, metrics and log lines to an OpenTelemetry collector, when the environment names one: `OTEL_EXPORTER_OTLP_ENDPOINT`,
 * `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_SDK_DISABLED`, as its
 * specification has them. Sent as JSON over HTTP. A collector that is not there costs a warning a minute, and what was to be
 * sent is dropped.
 */
// The package as a whole wants the SDKs of OpenTelemetry; this module of it wants none.
import * as Otlp from "@effect/opentelemetry/Otlp"
import { FetchHttpClient, HttpClient } from "@effect/platform"
import { Release } from "@reprise/core/engine"
import { Config, Duration, Effect, Layer, Option, type Scope } from "effect"

interface Settings {
  readonly endpoint: string
  readonly headers: Readonly<Record<string, string>>
  /** `undefined` when the attributes of the environment have it. */
  readonly serviceName: string | undefined
  readonly everyMillis: number
}

const SERVICE_NAME = "reprise"
/** The default of the specification is a minute; graphs want more. */
const EVERY_MILLIS = 10_000
/** What is left is sent when the process ends, and that is not to keep it. */
const LAST_WORDS = Duration.seconds(1)
const WARN_EVERY_MILLIS = 60_000

const text = (name: string) => Config.string(name).pipe(Config.map((value) => value.trim()), Config.withDefault(""))

/** Nothing is sent without an endpoint, or when `OTEL_SDK_DISABLED` says so. */
const settings: Effect.Effect<Option.Option<Settings>> = Effect.gen(function*() {
  const endpoint = yield* text("OTEL_EXPORTER_OTLP_ENDPOINT")
  const isDisabled = (yield* text("OTEL_SDK_DISABLED")).toLowerCase() === "true"
  if (endpoint === "" || isDisabled) return Option.none()
  if (!URL.canParse(endpoint)) {
    yield* Effect.logWarning(`OTEL_EXPORTER_OTLP_ENDPOINT is no URL, so nothing is sent: ${endpoint}`)
    return Option.none()
  }
  const isNamed = /(?:^|,)\s*service\.name\s*=/.test(yield* text("OTEL_RESOURCE_ATTRIBUTES"))
  const every = Number(yield* text("OTEL_METRIC_EXPORT_INTERVAL"))
  return Option.some({
    endpoint,
    headers: headersOf(yield* text("OTEL_EXPORTER_OTLP_HEADERS")),
    serviceName: (yield* text("OTEL_SERVICE_NAME")) || (isNamed ? undefined : SERVICE_NAME),
    everyMillis: every > 0 ? every : EVERY_MILLIS
  })
}).pipe(Effect.orDie)

/** `name=value,name=value`, percent-encoded. */
const headersOf = (list: string): Settings["headers"] =>
  Object.fromEntries(list.split(",").flatMap((pair) => {
    const mark = pair.indexOf("=")
    return mark < 1 ? [] : [[pair.slice(0, mark).trim(), decoded(pair.slice(mark + 1).trim())]]
  }))

const decoded = (value: string): string => {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/** Sends what the effects that it is provided to do, as far as they are traced, counted and logged. */
export const layer: Layer.Layer<never> = Layer.unwrapEffect(Effect.map(settings, Option.match({
  onNone: () => Layer.empty,
  onSome: ({ endpoint, everyMillis, headers, serviceName }) =>
    Otlp.layerJson({
      baseUrl: endpoint,
      headers,
      resource: { serviceName, serviceVersion: Release.RELEASE },
      metricsExportInterval: Duration.millis(everyMillis),
      tracerExportInterval: Duration.millis(Math.min(everyMillis, 5_000)),
      loggerExportInterval: Duration.millis(Math.min(everyMillis, 1_000)),
      shutdownTimeout: LAST_WORDS
    }).pipe(Layer.provide(Layer.provide(warning(endpoint), FetchHttpClient.layer)))
})))

/** Takes the figures that nobody has asked for, as often as they are sent; while the scope is open. */
export const sampling = (sample: Effect.Effect<void>): Effect.Effect<void, never, Scope.Scope> =>
  Effect.flatMap(settings, Option.match({
    onNone: () => Effect.void,
    onSome: ({ everyMillis }) => Effect.asVoid(Effect.forkScoped(Effect.forever(Effect.zipRight(sample, Effect.sleep(everyMillis)))))
  }))

/** A client that says when the collector does not answer, once in a while; the exporter itself tries again and gives up in silence. */
const warning = (endpoint: string): Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient> => {
  const last = { at: -Infinity }
  const warn = (why: string) =>
    Effect.flatMap(Effect.clock, (clock) => {
      const now = clock.unsafeCurrentTimeMillis()
      if (now - last.at < WARN_EVERY_MILLIS) return Effect.void
      last.at = now
      return Effect.logWarning(`telemetry is dropped: ${endpoint} ${why}`)
    })
  return Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, (client) =>
    client.pipe(
      HttpClient.tapError(() => warn("does not answer")),
      HttpClient.tap(({ status }) => (status < 400 ? Effect.void : warn(`answers with ${status}`)))
    )))
}
