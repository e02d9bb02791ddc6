/**
 * The workflow: an ordinary Effect program. It checks and cleans the file page by page, three pages at a
 * time, loads what is good batch by batch, waits for somebody's approval, and publishes. Nothing in it is
 * about crashes.
 */
import { Query, Signal, Step, Workflow } from "@reprise/core"
import { Array, Console, Duration, Effect, Option, Schedule, Schema } from "effect"
import * as Editors from "./Editors.js"
import { counted } from "./Ledger.js"
import { Movie, transform, validate } from "./Movie.js"
import * as Source from "./Source.js"
import * as Warehouse from "./Warehouse.js"

export const Approve = Signal.make("approve", { payload: Schema.Struct({ by: Schema.String }) })
const Stages = Schema.Literal("importing", "waiting for approval", "publishing")
export const Stage = Query.make("stage", { output: Stages })

export class NotApproved extends Schema.TaggedError<NotApproved>()("NotApproved", {}) {}

const Input = Schema.Struct({ rowsPerPage: Schema.Number, rowsPerBatch: Schema.Number })

export const ImportMovies = Workflow.make(
  "import movies",
  { input: Input, error: Schema.Union(Source.Unreadable, NotApproved), messages: [Approve, Stage] },
  ({ rowsPerBatch, rowsPerPage }) =>
    Effect.gen(function*() {
      let stage: typeof Stages.Type = "importing"
      yield* Query.handle(Stage, () => Effect.sync(() => stage))

      const extract = yield* Step.run("extract", counted(Source.extract), again).pipe(
        reported("extract", "movies.json", ({ bytes, rowCount }) => `${rowCount} rows, ${bytes} bytes`)
      )
      const spans = split(extract.rowCount, rowsPerPage)
      const pages = yield* Effect.forEach(spans, (span) => clean(extract, span), { concurrency: 3 })
      const bad = pages.flatMap((page) => page.bad)
      const movies = pages.flatMap((page) => page.movies)

      yield* Step.run("quarantine", counted(Warehouse.quarantine(bad))).pipe(
        reported("quarantine", `${bad.length} rows`, () => "with the reasons")
      )
      const batches = Array.chunksOf(movies, rowsPerBatch)
      yield* Effect.forEach(batches, (batch, index) => load(batch, `batch ${index + 1} of ${batches.length}`))
      const totals = yield* Step.run("total", counted(Warehouse.totals)).pipe(
        reported("total", "warehouse", ({ movies, quarantined }) => `${movies} movies, ${quarantined} rows in quarantine`)
      )

      yield* Step.run("ask for approval", counted(Editors.ask(totals)))
      stage = "waiting for approval"
      const approval = yield* Approve.receive.pipe(Effect.timeoutOption("7 days"))
      if (Option.isNone(approval)) return yield* new NotApproved()
      const { by } = approval.value

      stage = "publishing"
      yield* Step.run("publish", counted(Editors.publish(totals, by))).pipe(
        reported("publish", "summary", () => `approved by ${by}`)
      )
      return { approvedBy: by, validated: movies.length, rejected: bad.length, totals }
    })
)

/** One page: validates its rows one by one, and transforms the good ones. */
const clean = (extract: Source.Extract, { from, to }: Span) =>
  Effect.gen(function*() {
    const summary = `rows ${from} to ${to}`
    const checked = check(extract, from, to)
    const { bad, good } = yield* Step.run("validate", counted(checked), { ...again, summary }).pipe(
      reported("validate", summary, ({ bad, good }) => `${good.length} good, ${bad.length} bad`)
    )
    // Dates are no JSON: with a schema they survive the log.
    const output = Schema.Array(Movie)
    const transformed = Effect.sync(() => good.map(transform))
    const movies = yield* Step.run("transform", counted(transformed), { output, summary }).pipe(
      reported("transform", summary, (movies) =>
        repairs(movies.filter(({ title }, index) => title !== String(good[index]?.data.Title))))
    )
    return { bad, movies }
  })

const repairs = (movies: ReadonlyArray<Movie>): string => {
  const [first, ...others] = movies.map(({ title }) => `"${title}"`)
  if (first === undefined) return ""
  return `repaired ${first}${others.length === 0 ? "" : ` and ${others.length} more`}`
}

const check = (extract: Source.Extract, from: number, to: number) =>
  Effect.map(Source.rows(extract, from, to), (rows) => {
    const [bad, good] = Array.separate(rows.map((row, index) => validate(from + index, row)))
    return { bad, good }
  })

const load = (movies: ReadonlyArray<Movie>, summary: string) =>
  Step.run("load", counted(Warehouse.load(movies)), { summary }).pipe(
    reported("load", summary, (loaded) => `${movies.length} movies ${loaded}`)
  )

/** Reading may fail in passing. */
const again = {
  error: Source.Unreadable,
  retry: Schedule.exponential("100 millis").pipe(Schedule.jittered, Schedule.upTo("1 minute"))
}

/**
 * Prints a line when a step is done. What a workflow prints is told once, after the commit, and not again
 * on replay; `Effect.timed` reads the run's own clock.
 */
const reported =
  <A>(name: string, what: string, tell: (value: A) => string) => <E, R>(step: Effect.Effect<A, E, R>) =>
    Effect.gen(function*() {
      const [duration, value] = yield* Effect.timed(step)
      const millis = `${Duration.toMillis(duration)} ms`
      yield* Console.log(`  ${name.padEnd(11)}${what.padEnd(20)}${millis.padStart(8)}   ${tell(value)}`.trimEnd())
      return value
    })

interface Span {
  readonly from: number
  readonly to: number
}

const split = (count: number, size: number): ReadonlyArray<Span> =>
  Array.makeBy(Math.ceil(count / size), (page) => ({
    from: page * size + 1,
    to: Math.min(count, (page + 1) * size)
  }))
