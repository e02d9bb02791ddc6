/** The metrics of this process, which Effect keeps, as figures and as the text that Prometheus reads. */
import { Effect, Metric, type MetricPair, MetricState } from "effect"

export interface Figure {
  readonly name: string
  readonly labels: { readonly [label: string]: string }
  readonly value: number
}

/** The figures of one metric, with what Prometheus says of all of them. */
interface Family {
  readonly name: string
  readonly type: "counter" | "gauge" | "histogram" | "summary"
  readonly help: string
  readonly figures: ReadonlyArray<Figure>
}

export const figures: Effect.Effect<ReadonlyArray<Figure>> = Effect.map(Metric.snapshot, (pairs) =>
  pairs.flatMap((pair) => familyOf(pair).figures))

/** https://prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4. */
export const text: Effect.Effect<string> = Effect.map(Metric.snapshot, (pairs) => {
  const lines = new Map<string, Array<string>>()
  for (const family of pairs.map(familyOf)) {
    const head = [`# HELP ${family.name} ${escaped(family.help)}`, `# TYPE ${family.name} ${family.type}`]
    const all = lines.get(family.name) ?? (family.help === "" ? head.slice(1) : head)
    all.push(...family.figures.map(lineOf))
    lines.set(family.name, all)
  }
  return [...lines.values()].flat().map((line) => `${line}\n`).join("")
})

const lineOf = ({ labels, name, value }: Figure): string => {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text).replaceAll("\"", "\\\"")}"`)
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${shown(value)}`
}

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")

const shown = (value: number): string => {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf"
}

const named = (text: string): string => text.replaceAll(/[^a-zA-Z0-9_:]/g, "_").replace(/^(\d)/, "_$1")

const familyOf = ({ metricKey, metricState }: MetricPair.MetricPair.Untyped): Family => {
  const name = named(metricKey.name)
  const labels = Object.fromEntries(metricKey.tags.map(({ key, value }) => [named(key), value]))
  const help = metricKey.description._tag === "Some" ? metricKey.description.value : ""
  const figure = (value: number, more: Figure["labels"] = {}, end = ""): Figure =>
    ({ name: `${name}${end}`, labels: { ...labels, ...more }, value })
  const family = (type: Family["type"], all: ReadonlyArray<Figure>): Family => ({ name, type, help, figures: all })
  if (MetricState.isCounterState(metricState)) return family("counter", [figure(Number(metricState.count))])
  if (MetricState.isGaugeState(metricState)) return family("gauge", [figure(Number(metricState.value))])
  if (MetricState.isFrequencyState(metricState)) {
    return family("counter", [...metricState.occurrences].map(([key, count]) => figure(count, { key })))
  }
  if (MetricState.isHistogramState(metricState)) {
    const { buckets, count, sum } = metricState
    const all = [...buckets].map(([le, below]) => figure(below, { le: shown(le) }, "_bucket"))
    const last = [...buckets].some(([le]) => le === Infinity) ? [] : [figure(count, { le: "+Inf" }, "_bucket")]
    return family("histogram", [...all, ...last, figure(sum, {}, "_sum"), figure(count, {}, "_count")])
  }
  if (MetricState.isSummaryState(metricState)) {
    const { count, quantiles, sum } = metricState
    const all = [...quantiles].flatMap(([quantile, value]) =>
      value._tag === "Some" ? [figure(value.value, { quantile: String(quantile) })] : [])
    return family("summary", [...all, figure(sum, {}, "_sum"), figure(count, {}, "_count")])
  }
  return family("gauge", [])
}
