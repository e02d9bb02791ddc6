/** The worker: runs workflows on a log. */
export * as Worker from "./Worker.js"
export * as Metrics from "./Metrics.js"
