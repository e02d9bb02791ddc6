/** Routes about the server itself. */
import { Schema } from "effect"
import { Health, Stats, Version } from "../Model.js"
import * as Route from "../Route.js"

const tag = "service"

export const openApi = Route.make("openApi", "GET", "/openapi.json", {
  tag,
  summary: "The OpenAPI 3.1 document of this server",
  access: "open",
  answer: Schema.Unknown
})

export const docs = Route.make("docs", "GET", "/docs", {
  tag,
  summary: "The routes as a page",
  access: "open",
  kind: "html",
  status: 200
})

export const version = Route.make("version", "GET", "/api/v1/version", {
  tag,
  summary: "What runs here",
  access: "open",
  answer: Version
})

export const live = Route.make("live", "GET", "/health/live", {
  tag,
  summary: "Whether the process answers",
  access: "open",
  answer: Health,
  also: [503]
})

export const ready = Route.make("ready", "GET", "/health/ready", {
  tag,
  summary: "Whether the store and the loops of the worker do their work; 503 when they do not",
  access: "open",
  answer: Health,
  also: [503]
})

export const metrics = Route.make("metrics", "GET", "/metrics", {
  tag,
  summary: "Metrics as Prometheus reads them",
  access: "read",
  kind: "text",
  status: 200
})

export const stats = Route.make("stats", "GET", "/api/v1/stats", {
  tag,
  summary: "The same figures as JSON",
  access: "read",
  answer: Stats
})
