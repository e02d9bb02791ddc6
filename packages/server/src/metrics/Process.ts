/** What is known of the process itself, by the names that Prometheus' own clients use. */
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks"
import { Release } from "@reprise/core/engine"
import { Effect, Metric, MetricLabel, ModuleVersion } from "effect"

const gauge = (name: string, description: string) => Metric.gauge(name, { description })

const residentBytes = gauge("process_resident_memory_bytes", "Memory of the process, in bytes.")
const heapBytes = gauge("nodejs_heap_size_used_bytes", "JavaScript heap in use, in bytes.")
const startSeconds = gauge("process_start_time_seconds", "When the process started, in seconds since 1970.")
const uptimeSeconds = gauge("process_uptime_seconds", "How long the process has run, in seconds.")
const lagSeconds = gauge("nodejs_eventloop_lag_p99_seconds", "Delay of the event loop since the last look, 99th percentile, in seconds.")
const lagMaxSeconds = gauge("nodejs_eventloop_lag_max_seconds", "Longest delay of the event loop since the last look, in seconds.")
const build = gauge("reprise_build_info", "1, with the versions that run as labels.")

const VERSIONS = [
  MetricLabel.make("version", Release.RELEASE),
  MetricLabel.make("effect", ModuleVersion.getCurrentVersion()),
  MetricLabel.make("node", process.version)
]

const NANOS = 1_000_000_000
const MILLIS = 1_000
/** How often the delay of the event loop is looked at, in milliseconds; that much is no delay. */
const RESOLUTION_MILLIS = 10

let delay: IntervalHistogram | undefined

const delayed = (): IntervalHistogram => {
  if (delay === undefined) {
    delay = monitorEventLoopDelay({ resolution: RESOLUTION_MILLIS })
    delay.enable()
  }
  return delay
}

const beyond = (nanos: number): number => Math.max(0, nanos / NANOS - RESOLUTION_MILLIS / MILLIS)

export const sample: Effect.Effect<void> = Effect.sync(() => {
  const { heapUsed, rss } = process.memoryUsage()
  residentBytes.unsafeUpdate(rss, [])
  heapBytes.unsafeUpdate(heapUsed, [])
  startSeconds.unsafeUpdate(performance.timeOrigin / MILLIS, [])
  uptimeSeconds.unsafeUpdate(process.uptime(), [])
  build.unsafeUpdate(1, VERSIONS)
  const lag = delayed()
  lagSeconds.unsafeUpdate(lag.count === 0 ? 0 : beyond(lag.percentile(99)), [])
  lagMaxSeconds.unsafeUpdate(lag.count === 0 ? 0 : beyond(lag.max), [])
  lag.reset()
})
