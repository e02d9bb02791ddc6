/**
 * Opens damaged copies of a store: `open FOLDER`. For each line of JSON on its standard input it copies a sound store, damages
 * the copy, opens and reads it, and answers with a line that says what came of it. It is a process of its own because it may
 * crash or stand still; then the line is missing.
 */
import { Log } from "@reprise/core/engine"
import { Maintenance, Sqlite } from "@reprise/sql"
import { Cause, Effect, Either } from "effect"
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { isDeepStrictEqual as equals } from "node:util"

export type Damage =
  /** Changes a byte. */
  | { readonly kind: "flip"; readonly end: End; readonly at: number; readonly mask: number }
  /** Leaves so many bytes. */
  | { readonly kind: "cut"; readonly end: End; readonly length: number }
  /** Puts another file in its place; without one there is none. */
  | { readonly kind: "replace"; readonly end: End; readonly by: string | undefined }

/** Which file of a store: the end of its name. */
export type End = "" | "-wal" | "-shm"

export interface Question {
  readonly id: number
  /** The path of the sound store. */
  readonly base: string
  /** Stores that are sound too, and what `base` may have become: how it was some commits before. */
  readonly earlier: ReadonlyArray<string>
  readonly damages: ReadonlyArray<Damage>
}

const ENDS: ReadonlyArray<End> = ["", "-wal", "-shm"]

const copy = (from: string, to: string): void => {
  for (const end of ENDS) {
    rmSync(`${to}${end}`, { force: true })
    if (existsSync(`${from}${end}`)) copyFileSync(`${from}${end}`, `${to}${end}`)
  }
}

const damage = (filename: string, one: Damage): void => {
  const path = `${filename}${one.end}`
  if (one.kind === "cut") truncateSync(path, one.length)
  else if (one.kind === "replace") {
    rmSync(path, { force: true })
    if (one.by !== undefined) copyFileSync(one.by, path)
  } else {
    const bytes = readFileSync(path)
    bytes[one.at] = (bytes[one.at] ?? 0) ^ one.mask
    writeFileSync(path, bytes)
  }
}

/** Everything that a worker or a client can learn of a store, and what `verify` has to say of it. */
const contents = Effect.gen(function*() {
  const log = yield* Log.Log
  const runs = yield* Effect.forEach(yield* log.find({ limit: 1_000 }), (summary) =>
    Effect.all({
      summary: Effect.succeed(summary),
      history: Effect.either(log.read(summary.runId, 0, 10_000)),
      inbox: Effect.either(log.inbox(summary.runId))
    }))
  return { runs, problems: (yield* Maintenance.verify).problems }
})

const read = (filename: string) => Effect.either(contents.pipe(Effect.provide(Sqlite.layer({ filename }))))

type Contents = Effect.Effect.Success<typeof contents>

const folder = mkdtempSync(join(process.argv[2] ?? "", "open-"))
const work = join(folder, "store.db")
const known = new Map<string, Contents>()

/** What a sound store holds; opening changes it, so a copy is opened. */
const sound = (base: string) =>
  Effect.gen(function*() {
    const found = known.get(base)
    if (found !== undefined) return found
    copy(base, work)
    const read = yield* contents.pipe(Effect.provide(Sqlite.layer({ filename: work })))
    known.set(base, read)
    return read
  })

type Run = Contents["runs"][number]

/** What is not told to be damaged is what it was. Columns that follow from a history are left to `verify`. */
const isHonest = (found: Run, wanted: Run | undefined, named: ReadonlySet<string | undefined>): boolean => {
  const { history, inbox, summary } = found
  const isSame = wanted !== undefined && summary.workflow === wanted.summary.workflow && summary.createdAt === wanted.summary.createdAt
  return (isSame || named.has(summary.runId)) && (Either.isLeft(history) || equals(history, wanted?.history)) &&
    (Either.isLeft(inbox) || equals(inbox, wanted?.inbox) || named.has(summary.runId))
}

const judged = (found: Contents, wanted: Contents, earlier: ReadonlyArray<Contents>): string => {
  if (equals(found, wanted)) return "identical"
  if (earlier.some((one) => equals(one, found))) return "earlier"
  const ofWanted = new Map(wanted.runs.map((run) => [run.summary.runId, run]))
  const named = new Set(found.problems.map(({ runId }) => runId))
  const lies = found.runs.filter((run) => !isHonest(run, ofWanted.get(run.summary.runId), named))
  const { problems } = found
  if (problems.length === 0) lies.push(...found.runs.filter((run) => !equals(run, ofWanted.get(run.summary.runId))))
  if (problems.length > 0 && lies.length === 0) return "named by verify"
  return `DIFFERENT: ${JSON.stringify({ problems, lies, runs: found.runs.length })}`
}

const outcome = ({ base, damages, earlier }: Question) =>
  Effect.gen(function*() {
    const wanted = yield* sound(base)
    const before = yield* Effect.forEach(earlier, sound)
    copy(base, work)
    for (const one of damages) damage(work, one)
    const found = yield* read(work)
    return Either.isLeft(found) ? `refused: ${found.left._tag}` : judged(found.right, wanted, before)
  }).pipe(Effect.catchAllCause((cause) => Effect.succeed(`CRASHED: ${Cause.pretty(cause)}`)))

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line) as Question
  const answer = await Effect.runPromise(outcome(question))
  writeSync(1, `${JSON.stringify({ id: question.id, answer })}\n`)
}
rmSync(folder, { recursive: true, force: true })
