/** The metrics of this process, which Effect keeps, as figures and as the text that Prometheus reads. */
import { Effect, Metric, type MetricKey, type MetricPair, MetricState } from "effect"

export interface Figure {
  readonly name: string
  readonly labels: { readonly [label: string]: string }
  readonly value: number
}

type Type = "counter" | "gauge" | "histogram" | "summary"

/** The figures of one metric, with what Prometheus says of all of them. */
interface Family {
  readonly name: string
  readonly type: Type
  readonly help: string
  readonly figures: Array<Figure>
}

export const figures: Effect.Effect<ReadonlyArray<Figure>> = Effect.map(Metric.snapshot, (pairs) =>
  familiesOf(pairs).flatMap((family) => family.figures))

/** https://prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4. */
export const text: Effect.Effect<string> = Effect.map(Metric.snapshot, (pairs) =>
  familiesOf(pairs).flatMap((family) => linesOf(family)).map((line) => `${line}\n`).join(""))

/** A name has one type. Of two metrics that share a name and are of different sorts, the first counts. */
const familiesOf = (pairs: ReadonlyArray<MetricPair.MetricPair.Untyped>): ReadonlyArray<Family> => {
  const families = new Map<string, Family>()
  for (const { metricKey, metricState } of pairs) {
    const type = typeOf(metricState)
    if (type === undefined) continue
    const name = nameOf(metricKey.name, type)
    const family = families.get(name) ?? { name, type, help: helpOf(metricKey), figures: [] }
    families.set(name, family)
    if (family.type === type) family.figures.push(...figuresOf(name, labelsOf(metricKey), metricState))
  }
  return [...families.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

const linesOf = ({ figures, help, name, type }: Family): ReadonlyArray<string> =>
  [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`, ...figures.map(lineOf)]

const lineOf = ({ labels, name, value }: Figure): string => {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text).replaceAll("\"", "\\\"")}"`)
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${shown(value)}`
}

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")

const shown = (value: number): string => {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf"
}

const typeOf = (state: MetricState.MetricState.Untyped): Type | undefined => {
  if (MetricState.isCounterState(state) || MetricState.isFrequencyState(state)) return "counter"
  if (MetricState.isGaugeState(state)) return "gauge"
  if (MetricState.isHistogramState(state)) return "histogram"
  return MetricState.isSummaryState(state) ? "summary" : undefined
}

const legal = (text: string): string => text.replaceAll(/[^a-zA-Z0-9_]/g, "_").replace(/^(?=\d)/, "_")

/** Counters end in `_total`, as Prometheus wants it, those of Effect and of steps, too. */
const nameOf = (given: string, type: Type): string => {
  const name = legal(given)
  return type === "counter" && !name.endsWith("_total") ? `${name}_total` : name
}

const helpOf = ({ description, name }: MetricKey.MetricKey.Untyped): string =>
  description._tag === "Some" && description.value !== "" ? description.value : `${name}, which nobody has described.`

const labelsOf = ({ tags }: MetricKey.MetricKey.Untyped): Figure["labels"] =>
  Object.fromEntries(tags.map(({ key, value }) => [legal(key), value]))

const figuresOf = (name: string, labels: Figure["labels"], state: MetricState.MetricState.Untyped): ReadonlyArray<Figure> => {
  const figure = (value: number, more: Figure["labels"] = {}, end = ""): Figure =>
    ({ name: `${name}${end}`, labels: { ...labels, ...more }, value })
  if (MetricState.isCounterState(state)) return [figure(Number(state.count))]
  if (MetricState.isGaugeState(state)) return [figure(Number(state.value))]
  if (MetricState.isFrequencyState(state)) return [...state.occurrences].map(([key, count]) => figure(count, { key }))
  const ends = (count: number, sum: number) => [figure(sum, {}, "_sum"), figure(count, {}, "_count")]
  if (MetricState.isHistogramState(state)) {
    const finite = [...state.buckets].filter(([le]) => le !== Infinity)
    const buckets = [...finite, [Infinity, state.count] as const]
    return [...buckets.map(([le, below]) => figure(below, { le: shown(le) }, "_bucket")), ...ends(state.count, state.sum)]
  }
  if (!MetricState.isSummaryState(state)) return []
  const quantiles = [...state.quantiles].flatMap(([quantile, value]) =>
    value._tag === "Some" ? [figure(value.value, { quantile: String(quantile) })] : [])
  return [...quantiles, ...ends(state.count, state.sum)]
}
