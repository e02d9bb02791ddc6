/** The routes as a page: one document without scripts, made from the OpenAPI document, that needs nothing from elsewhere. */
import { PROBLEMS } from "./api/Problem.js"
import type { Any } from "./api/Route.js"
import { ROUTES } from "./api/Routes.js"
import * as Headers from "./auth/Headers.js"
import * as OpenApi from "./OpenApi.js"

export interface Page {
  readonly html: string
  /** Under which browsers show it: nothing but its own style. */
  readonly headers: Readonly<Record<string, string>>
}

export const page = (): Page => (made ??= make())
let made: Page | undefined

const STYLE = [
  ":root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}",
  "body{margin:2rem auto;max-width:60rem;padding:0 1rem}",
  "code,pre{font:13px/1.45 ui-monospace,monospace}",
  "pre{overflow:auto;padding:.75rem;border:1px solid #8885;border-radius:4px}",
  "section{margin:1.5rem 0;border-top:1px solid #8883}",
  "h3{margin:1rem 0 .25rem}",
  ".method{display:inline-block;min-width:4.5rem;font-weight:700}",
  "td{padding:.1rem 1rem .1rem 0;vertical-align:top}"
].join("")

const make = (): Page => {
  const routes = Object.values<Any>(ROUTES)
  const tags = [...new Set(routes.map(({ tag }) => tag))]
  const html = [
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Reprise: HTTP routes</title>",
    "<meta name=\"viewport\" content=\"width=device-width\">",
    `<style>${STYLE}</style></head><body><h1>Reprise over HTTP</h1>`,
    "<p>The same for programs: <a href=\"/openapi.json\">openapi.json</a>. What the workflows of this server take:",
    " <a href=\"/api/v1/workflows\">/api/v1/workflows</a>.</p>",
    `<nav><ul>${tags.map((tag) => `<li><a href="#${tag}">${tag}</a></li>`).join("")}</ul></nav>`,
    ...tags.map((tag) => `<h2 id="${tag}">${tag}</h2>${routes.filter((route) => route.tag === tag).map(sectionOf).join("")}`),
    `<h2 id="problems">problems</h2><table>${Object.entries<Meaning>(PROBLEMS).map(problemRow).join("")}</table>`,
    `<h2 id="schemas">schemas</h2>${schemas()}`,
    "</body></html>"
  ].join("\n")
  return { html, headers: Headers.page({ styles: [STYLE], scripts: [] }) }
}

const sectionOf = (route: Any): string => {
  const operation = operationOf(route)
  return [
    `<section id="${route.name}"><h3><span class="method">${route.method}</span> <code>${escaped(route.path)}</code></h3>`,
    `<p>${prose(route.summary)}. Access: ${route.access}.</p>`,
    partOf("Parameters", operation["parameters"]),
    partOf("Body", operation["requestBody"]),
    partOf("Answers", operation["responses"]),
    "</section>"
  ].join("")
}

const operationOf = (route: Any): Readonly<Record<string, unknown>> =>
  objectOf(objectOf(objectOf(OpenApi.document()["paths"])[route.path])[route.method.toLowerCase()])

const objectOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {}

const partOf = (title: string, part: unknown): string =>
  part === undefined ? "" : `<details><summary>${title}</summary><pre>${escaped(JSON.stringify(part, undefined, 2))}</pre></details>`

type Meaning = (typeof PROBLEMS)[keyof typeof PROBLEMS]

const problemRow = ([code, { status, title }]: readonly [string, Meaning]): string =>
  `<tr><td>${status}</td><td><code>${code}</code></td><td>${escaped(title)}</td></tr>`

const schemas = (): string =>
  Object.entries(objectOf(objectOf(OpenApi.document()["components"])["schemas"]))
    .map(([name, schema]) =>
      `<section id="schema-${escaped(name)}"><h3><code>${escaped(name)}</code></h3>${partOf("Schema", schema)}</section>`)
    .join("")

/** Text with code in backquotes. */
const prose = (text: string): string => escaped(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>")

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\"", "&quot;")
