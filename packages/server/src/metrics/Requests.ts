/** What is counted of requests: in series that callers cannot multiply, because routes, methods and statuses are few. */
import { Metric, MetricBoundaries, MetricLabel } from "effect"

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

const requests = counter("reprise_http_requests_total", "Requests answered.")
const seconds = Metric.histogram(
  "reprise_http_request_duration_seconds",
  MetricBoundaries.fromIterable([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]),
  "From a request to its answer; of a stream, to its beginning."
)
const authFailures = counter("reprise_http_auth_failures_total", "Requests refused for who asked.")
const rateLimited = counter("reprise_http_rate_limited_total", "Requests refused for their number.").register()

type Labels = ReadonlyArray<MetricLabel.MetricLabel>

/** Found by identity in Effect's registry: making them costs more than counting. */
const made = new Map<string, Labels>()

const labelsOf = (id: string, pairs: () => Record<string, string>): Labels => {
  const known = made.get(id)
  if (known !== undefined) return known
  const labels = Object.entries(pairs()).map(([key, value]) => MetricLabel.make(key, value))
  made.set(id, labels)
  return labels
}

const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
const AUTH_FAILURES: ReadonlySet<string> = new Set(["Unauthenticated", "Forbidden", "CsrfRefused"])

const MILLIS = 1_000

export interface Answered {
  /** The path of the route, with its parameters' names; `undefined` for a path that no route has. */
  readonly route: string | undefined
  readonly method: string
  readonly status: number
  /** Why it was refused. */
  readonly code: string | undefined
  readonly millis: number
}

export const count = ({ code, millis, status, ...asked }: Answered): void => {
  const route = asked.route ?? "none"
  const method = METHODS.has(asked.method) ? asked.method : "other"
  requests.unsafeUpdate(1, labelsOf(`${method} ${route} ${status}`, () => ({ route, method, status: String(status) })))
  seconds.unsafeUpdate(millis / MILLIS, labelsOf(`${method} ${route}`, () => ({ route, method })))
  if (code === undefined) return
  if (AUTH_FAILURES.has(code)) authFailures.unsafeUpdate(1, labelsOf(code, () => ({ code })))
  if (code === "RateLimited") rateLimited.unsafeUpdate(1, [])
}
