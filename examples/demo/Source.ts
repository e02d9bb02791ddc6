/** Where the rows come from: movies.json of the npm package vega-datasets. */
import { Context, Effect, Layer, Schema } from "effect"
import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"

export class Unreadable extends Schema.TaggedError<Unreadable>()("Unreadable", { detail: Schema.String }) {}

export interface Extract {
  readonly rowCount: number
  readonly bytes: number
  readonly sha256: string
}

export class Source extends Context.Tag("demo/Source")<Source, {
  readonly extract: Effect.Effect<Extract, Unreadable>
  /** Rows `from` to `to`, counted from 1, of the file that was extracted. */
  readonly rows: (extract: Extract, from: number, to: number) => Effect.Effect<ReadonlyArray<unknown>, Unreadable>
}>() {}

export const extract = Effect.flatMap(Source, (source) => source.extract)
export const rows = (extract: Extract, from: number, to: number) =>
  Effect.flatMap(Source, (source) => source.rows(extract, from, to))

const file = fileURLToPath(new URL("../data/movies.json", import.meta.resolve("vega-datasets")))

const load = Effect.gen(function*() {
  const text = yield* Effect.tryPromise({
    try: () => readFile(file),
    catch: (cause) => new Unreadable({ detail: String(cause) })
  })
  const rows: unknown = JSON.parse(text.toString())
  if (!Array.isArray(rows)) return yield* new Unreadable({ detail: "the file holds no list" })
  const sha256 = createHash("sha256").update(text).digest("hex")
  const all: ReadonlyArray<unknown> = rows
  return { rows: all, extract: { rowCount: all.length, bytes: text.length, sha256 } }
})

/**
 * Reads the file once for each process. A file that changed between two processes would mix old rows with
 * new ones.
 */
export const layer = Layer.effect(
  Source,
  Effect.map(Effect.cached(load), (loaded) => ({
    extract: Effect.map(loaded, ({ extract }) => extract),
    rows: (extract, from, to) =>
      Effect.flatMap(loaded, (now) =>
        now.extract.sha256 === extract.sha256
          ? Effect.succeed(now.rows.slice(from - 1, to))
          : new Unreadable({ detail: "the file has changed since it was extracted" }))
  }))
)
