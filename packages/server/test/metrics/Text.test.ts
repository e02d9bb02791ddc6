/** The text that Prometheus reads: one family for each name, histograms that add up, and nothing that breaks a line. */
import { it } from "@effect/vitest"
import { Effect, Metric, MetricBoundaries } from "effect"
import { describe, expect } from "vitest"
import * as Text from "../../src/metrics/Text.js"

const linesOf = (name: string) =>
  Effect.map(Text.text, (text) => text.split("\n").filter((line) => line.includes(name)).map((line) => line.replaceAll(name, "x")))

describe("the text", () => {
  it.effect("has counters that end in _total, with their help and type", () =>
    Effect.gen(function*() {
      const counter = Metric.counter("text_done", { description: "Done\\so far\nand \"more\".", incremental: true })
      yield* Metric.incrementBy(Metric.tagged(counter, "who", "a\\b\"c\nd"), 3)
      expect(yield* linesOf("text_done")).toEqual([
        "# HELP x_total Done\\\\so far\\nand \"more\".",
        "# TYPE x_total counter",
        "x_total{who=\"a\\\\b\\\"c\\nd\"} 3"
      ])
    }))

  it.effect("has histograms whose buckets add up, to the last of all", () =>
    Effect.gen(function*() {
      const histogram = Metric.histogram("text_sizes", MetricBoundaries.fromIterable([1, 2.5]))
      for (const size of [0.5, 2, 2, 100]) yield* Metric.update(histogram, size)
      expect(yield* linesOf("text_sizes")).toEqual([
        "# HELP x x, which nobody has described.",
        "# TYPE x histogram",
        "x_bucket{le=\"1\"} 1",
        "x_bucket{le=\"2.5\"} 3",
        "x_bucket{le=\"+Inf\"} 4",
        "x_sum 104.5",
        "x_count 4"
      ])
    }))

  it.effect("has gauges, frequencies and summaries; odd names and numbers are made legal", () =>
    Effect.gen(function*() {
      yield* Metric.set(Metric.tagged(Metric.gauge("text.level"), "of-what", "é"), -Infinity)
      yield* Metric.update(Metric.frequency("text_words"), "a b")
      yield* Metric.update(Metric.summary({ name: "text_ages", maxAge: "1 day", maxSize: 10, error: 0, quantiles: [0.5] }), 7)
      expect((yield* linesOf("text_level")).slice(1)).toEqual(["# TYPE x gauge", "x{of_what=\"é\"} -Inf"])
      expect((yield* linesOf("text_words")).slice(1)).toEqual(["# TYPE x_total counter", "x_total{key=\"a b\"} 1"])
      expect((yield* linesOf("text_ages")).slice(1)).toEqual(["# TYPE x summary", "x{quantile=\"0.5\"} 7", "x_sum 7", "x_count 1"])
    }))

  it.effect("has one type for each name, and each name once", () =>
    Effect.gen(function*() {
      yield* Metric.set(Metric.gauge("text_twice"), 1)
      yield* Metric.update(Metric.histogram("text_twice", MetricBoundaries.fromIterable([1])), 1)
      yield* Metric.set(Metric.tagged(Metric.gauge("text_twice"), "a", "b"), 2)
      const types = (yield* Text.text).split("\n").filter((line) => line.startsWith("# TYPE ")).map((line) => line.split(" ")[2])
      expect(new Set(types).size).toBe(types.length)
      expect((yield* linesOf("text_twice")).filter((line) => line.startsWith("# TYPE"))).toHaveLength(1)
    }))

  it.effect("and the figures say the same", () =>
    Effect.gen(function*() {
      yield* Metric.set(Metric.tagged(Metric.gauge("text_same"), "a", "b"), 2)
      const same = (yield* Text.figures).filter(({ name }) => name === "text_same")
      expect(same).toEqual([{ name: "text_same", labels: { a: "b" }, value: 2 }])
    }))
})
