/**
 * Damages the files of a store, a byte or a length at a time, and opens it: what was written is found, or the damage is
 * named. It is never something else, a crash without a name, or a process that stands still.
 */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { copyFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Budget, count, dice, type Figures, Wrong } from "./Budget.js"
import type { Damage, End, Question } from "./open.js"
import * as Server from "./Server.js"
import * as Story from "./Story.js"

/** Longest wait for one opening. */
const PATIENCE_MILLIS = 20_000

export interface Bases {
  /** A store that was closed. */
  readonly closed: string
  /** One whose process was killed: its write-ahead log and the index of it lie beside it. */
  readonly killed: string
  /** The same without the index, as a power cut or a copy may leave it. */
  readonly unindexed: string
  /** What `unindexed` was before its last transaction, before the one before that, and so on. */
  readonly earlier: ReadonlyArray<string>
}

const WANTED = { orders: 3, senders: 1, notes: 1 }

/** Orders that have ended, and one that waits for a note. */
const makeBases = (root: string, name: string) =>
  Effect.gen(function*() {
    const story = Story.begin(root, name, WANTED)
    const { filename } = story.place
    const [closed = "", killed = "", unindexed = ""] = ["closed", "killed", "unindexed"].map((how) => join(root, `${name}-${how}.db`))
    yield* Story.live(story, "0")
    copyFileSync(filename, closed)
    yield* Effect.scoped(Effect.gen(function*() {
      const server = yield* Server.start(root, story.place, "1")
      yield* server.opened
      const runId = `${name}-waits`
      yield* server.ask({ op: "start", runId, asked: { notes: 2, refused: false, weight: 5 } })
      yield* server.ask({ op: "signal", runId, messageId: "0:0" })
      yield* Effect.sleep("300 millis")
      server.send("SIGKILL")
      yield* server.ended
    }))
    for (const end of ["", "-wal", "-shm"]) copyFileSync(`${filename}${end}`, `${killed}${end}`)
    for (const end of ["", "-wal"]) copyFileSync(`${filename}${end}`, `${unindexed}${end}`)
    return { closed, killed, unindexed, earlier: prefixes(unindexed) }
  })

/** A store for each transaction in the log of `base`, with the log cut before it; the longest first. */
const prefixes = (base: string): ReadonlyArray<string> => {
  const log = readFileSync(`${base}-wal`)
  const frameBytes = 24 + log.readUInt32BE(8)
  const begins = [32]
  for (let at = 32; at + frameBytes <= log.length; at += frameBytes) {
    if (log.readUInt32BE(at + 4) !== 0) begins.unshift(at + frameBytes)
  }
  return begins.slice(1).map((length) => {
    const path = `${base}-${length}`
    copyFileSync(base, path)
    copyFileSync(`${base}-wal`, `${path}-wal`)
    truncateSync(`${path}-wal`, length)
    return path
  })
}

/** A process that opens. When it dies, or stands still, that is the answer. */
const opener = (root: string) => {
  // In memory, where there is such a folder: what is tried here needs no disk.
  const folder = existsSync("/dev/shm") ? "/dev/shm" : root
  const child = spawn(process.execPath, [join(root, "open.mjs"), folder], { stdio: ["pipe", "pipe", "pipe"] })
  let answered: ((answer: string) => void) | undefined
  let said = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (said += text))
  Server.linesOf(child, (line) => {
    if (line.startsWith("{\"id\":")) answered?.((JSON.parse(line) as { readonly answer: string }).answer)
  })
  child.on("exit", (code, signal) => answered?.(`CRASHED: ended with ${code ?? signal}: ${said}`))
  const ask = (question: Question) =>
    Effect.async<string>((resume) => {
      answered = (answer) => resume(Effect.succeed(answer))
      child.stdin.write(`${JSON.stringify(question)}\n`)
    }).pipe(Effect.timeoutTo({ duration: PATIENCE_MILLIS, onSuccess: (answer) => answer, onTimeout: () => "STOOD STILL" }))
  return { ask, end: () => void child.stdin.end(), kill: () => void child.kill("SIGKILL") }
}

interface Field {
  readonly name: string
  readonly weight: number
  /** How many damages of this kind there are, and which the `n`-th is. */
  readonly size: number
  readonly damage: (n: number) => Damage
  readonly base: string
  readonly earlier: ReadonlyArray<string>
  /** What may come of it. */
  readonly allowed: RegExp
}

const NAMED = /^(identical|named by verify|refused: (Store(Damaged|Unavailable|Newer|ReadOnly)|LogError))$/
const NAMED_OR_EARLIER = new RegExp(`${NAMED.source}|^earlier$`)

const mask = (at: number): number => 1 + ((at * 7) % 255)

const fieldsOf = ({ closed, earlier, killed, unindexed }: Bases): ReadonlyArray<Field> => {
  const bytes = (base: string, end: End) => readFileSync(`${base}${end}`)
  type Rest = Partial<Field>
  const flips = (name: string, weight: number, base: string, end: End, only: (byte: number) => boolean, rest: Rest = {}): Field => {
    const offsets = [...bytes(base, end).entries()].filter(([, byte]) => only(byte)).map(([offset]) => offset)
    const damage = (n: number): Damage => ({ kind: "flip", end, at: offsets[n] ?? 0, mask: mask(n) })
    return { name: `bytes changed in ${name}`, weight, base, size: offsets.length, damage, earlier: [], allowed: NAMED, ...rest }
  }
  const cuts = (name: string, weight: number, base: string, end: End, from: number, rest: Rest = {}): Field => {
    const damage = (n: number): Damage => ({ kind: "cut", end, length: from + n })
    const size = bytes(base, end).length - from
    return { name: `lengths of ${name}`, weight, base, size, damage, earlier: [], allowed: NAMED, ...rest }
  }
  const isWritten = (byte: number): boolean => byte !== 0
  const any = (): boolean => true
  return [
    flips("the file, where it is not zero", 6, closed, "", isWritten),
    flips("the file, where it is zero", 1, closed, "", (byte) => !isWritten(byte)),
    flips("the log", 5, killed, "-wal", any),
    flips("the file under a log", 1, killed, "", isWritten),
    flips("the index", 1, killed, "-shm", any),
    flips("a log without index", 1, unindexed, "-wal", any, { earlier: earlier.slice(0, 1), allowed: NAMED_OR_EARLIER }),
    // To SQLite a file of no byte, or of one, is a database that nobody has written to yet.
    cuts("the file", 2, closed, "", 2),
    cuts("the log", 2, killed, "-wal", 32),
    cuts("the log, to less than its header", 1, killed, "-wal", 0, { size: 32, earlier, allowed: NAMED_OR_EARLIER }),
    cuts("the index", 1, killed, "-shm", 0),
    cuts("a log without index", 1, unindexed, "-wal", 0, { earlier, allowed: NAMED_OR_EARLIER })
  ]
}

/** Files that do not belong here, with what may come of them. */
const strangers = (root: string, { closed, earlier, killed }: Bases, other: Bases, roll: (below: number) => number) => {
  const garbage = Array.from({ length: 30 }, (_, n) => {
    const path = join(root, `garbage-${n}`)
    const magic = n % 2 === 0 ? "" : "SQLite format 3\0"
    writeFileSync(path, Buffer.concat([Buffer.from(magic), Buffer.from(Array.from({ length: 2 + roll(9_000) }, () => roll(256)))]))
    return { name: "garbage as the file", base: closed, earlier: [], damages: [replace("", path)], allowed: /^refused: StoreDamaged$/ }
  })
  const mixed = { earlier, allowed: NAMED_OR_EARLIER }
  return [
    ...garbage,
    { name: "no log", base: killed, damages: [replace("-wal", undefined)], ...mixed },
    { name: "the log of another store", base: killed, damages: [replace("-wal", `${other.killed}-wal`)], ...mixed },
    {
      name: "the log and index of another store",
      base: killed,
      damages: [replace("-wal", `${other.killed}-wal`), replace("-shm", `${other.killed}-shm`)],
      ...mixed
    },
    { name: "the log of another store beside a closed file", base: closed, damages: [replace("-wal", `${other.killed}-wal`)], ...mixed }
  ]
}

const replace = (end: End, by: string | undefined): Damage => ({ kind: "replace", end, by })

/** A step that meets every number below `size` once, and neighbours long after each other. */
const STEP = 7_368_787

export const damage = (root: string, { isEnough, seed, whole }: Budget, figures: Figures) =>
  Effect.gen(function*() {
    const bases = yield* makeBases(root, "sound")
    const fields = fieldsOf(bases)
    const roll = dice(seed)
    const turns = fields.flatMap((field) => Array.from({ length: field.weight }, () => field))
    const met = new Map<string, number>()
    for (const field of fields) met.set(field.name, whole ? 0 : roll(field.size))
    const server = opener(root)
    for (const { allowed, name, ...rest } of strangers(root, bases, yield* makeBases(root, "other"), roll)) {
      const answer = yield* server.ask({ id: 0, ...rest })
      if (!allowed.test(answer)) return yield* Effect.fail(new Wrong(name, [answer], seed))
      count(figures, `${name}: ${answer}`)
    }
    let left = true
    for (let done = 0; left && !isEnough(done); done++) {
      const field = turns[done % turns.length]
      if (field === undefined) break
      const n = met.get(field.name) ?? 0
      if (whole && n >= field.size) {
        left = fields.some(({ name, size }) => (met.get(name) ?? 0) < size)
        continue
      }
      met.set(field.name, n + 1)
      const one = field.damage((n * STEP) % field.size)
      const answer = yield* server.ask({ id: done, base: field.base, earlier: field.earlier, damages: [one] })
      if (!field.allowed.test(answer)) {
        server.kill()
        return yield* Effect.fail(new Wrong(`${field.name}, ${JSON.stringify(one)}`, [answer], seed))
      }
      count(figures, `${field.name}: ${answer}`)
      count(figures, "openings")
    }
    if (whole) for (const field of fields) count(figures, `${field.name}: of`, field.size)
    server.end()
  })
