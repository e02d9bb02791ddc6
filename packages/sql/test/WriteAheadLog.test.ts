import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Maintenance } from "@reprise/sql"
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { child } from "./child.js"
import * as given from "./given.js"

const HEADER_BYTES = 32
const FRAME_BYTES = 24 + 4_096

/** A store whose process was killed after some fifty commits, none of them copied out of the write-ahead log yet. */
const killed = Effect.gen(function*() {
  const filename = yield* given.file
  const writer = yield* child("write", filename)
  yield* writer.said(50)
  yield* writer.kill
  const acknowledged = Number(writer.lines[writer.lines.length - 1]?.split(" ")[1])
  return { acknowledged, filename, log: readFileSync(`${filename}-wal`) }
})

/** The history that a process finds which opens the store with this write-ahead log; undefined when it is refused. */
const opened = (filename: string, log: Buffer) =>
  Effect.gen(function*() {
    const copy = join(dirname(filename), "copy.db")
    copyFileSync(filename, copy)
    writeFileSync(`${copy}-wal`, log)
    const read = yield* Effect.either(given.process(copy, (log) => log.read("killed", 0, 100_000)))
    if (read._tag === "Right") return read.right
    expect(read.left._tag).toBe("StoreDamaged")
    return undefined
  })

it.scoped("a write-ahead log that a crash has left is read to its end", () =>
  Effect.gen(function*() {
    const { acknowledged, filename, log } = yield* killed
    expect((yield* opened(filename, log))?.length).toBeGreaterThanOrEqual(acknowledged)
    // The machine stopped in the middle of a commit: the end is torn, and nobody was told of it.
    const whole = (yield* opened(filename, log))?.length ?? 0
    const frames = Math.floor((log.length - HEADER_BYTES) / FRAME_BYTES)
    const torn = HEADER_BYTES + (frames - 1) * FRAME_BYTES + 1_000
    const cut = join(dirname(filename), "cut")
    writeFileSync(cut, log)
    truncateSync(cut, torn)
    const short = (yield* opened(filename, readFileSync(cut)))?.length ?? 0
    expect(whole - short).toBeLessThanOrEqual(1)
    expect(yield* opened(filename, Buffer.alloc(log.length))).toEqual([])
  }), 30_000)

it.scoped("a log that a killed process has left is refused when any of it is gone or changed, the last transaction included", () =>
  Effect.gen(function*() {
    const { filename, log } = yield* killed
    const index = readFileSync(`${filename}-shm`)
    const copy = join(dirname(filename), "indexed.db")
    const openedWith = (bytes: Buffer) => {
      copyFileSync(filename, copy)
      writeFileSync(`${copy}-wal`, bytes)
      writeFileSync(`${copy}-shm`, index)
      return Effect.either(given.process(copy, (log) => log.read("killed", 0, 100_000)))
    }
    const frames = index.readUInt32LE(16)
    const end = HEADER_BYTES + frames * FRAME_BYTES
    const changed = Buffer.from(log)
    changed[end - 1_000] = (changed[end - 1_000] ?? 0) ^ 1
    for (const bytes of [changed, log.subarray(0, end - 1), log.subarray(0, end - FRAME_BYTES), log.subarray(0, HEADER_BYTES)]) {
      expect(yield* openedWith(bytes)).toMatchObject({ _tag: "Left", left: { _tag: "StoreDamaged" } })
    }
    expect(yield* openedWith(log)).toMatchObject({ _tag: "Right" })
    // An index that says less, or that is torn, is no reason to refuse.
    index[0] = 255
    expect(yield* openedWith(log.subarray(0, end - FRAME_BYTES))).toMatchObject({ _tag: "Right" })
  }), 30_000)

it.scoped("the log of another store, or of this one before a backup was put in its place, is refused", () =>
  Effect.gen(function*() {
    const one = yield* killed
    const other = yield* killed
    const backup = join(dirname(one.filename), "backup.db")
    yield* given.process(other.filename, () => Maintenance.backup(backup))
    for (const filename of [other.filename, backup]) {
      writeFileSync(`${filename}-wal`, one.log)
      const error = yield* Effect.flip(given.process(filename, () => Effect.void))
      expect(error).toMatchObject({ _tag: "StoreDamaged", detail: expect.stringContaining("belongs to another file") })
    }
    // The backup of a store beside the log that the same store has left.
    const source = yield* killed
    const copy = join(dirname(source.filename), "copy.db")
    yield* given.process(source.filename, () => Maintenance.backup(copy))
    writeFileSync(`${copy}-wal`, source.log)
    expect(yield* Effect.flip(given.process(copy, () => Effect.void))).toMatchObject({ _tag: "StoreDamaged" })
  }), 60_000)

it.scoped("a log that was written without flushes may be broken by a power cut: that is said, not refused", () =>
  Effect.gen(function*() {
    const filename = yield* given.file
    const copy = join(dirname(filename), "copy.db")
    yield* given.process(filename, (log) =>
      Effect.gen(function*() {
        yield* given.run(log, "r1", 0)
        for (let seq = 1; seq < 30; seq++) yield* given.append(log, "r1", seq, [given.scheduled(`0#${seq}`)])
        const bytes = readFileSync(`${filename}-wal`)
        const middle = HEADER_BYTES + Math.floor(bytes.length / FRAME_BYTES / 2) * FRAME_BYTES + 100
        bytes[middle] = (bytes[middle] ?? 0) ^ 1
        copyFileSync(filename, copy)
        writeFileSync(`${copy}-wal`, bytes)
      }), { durability: "normal" })
    const history = yield* given.process(copy, (log) => log.read("r1", 0, 100))
    expect(history.length).toBeGreaterThan(5)
    expect(history.length).toBeLessThan(29)
  }))

it.scoped("a write-ahead log with a byte changed is refused, or has lost no more than its last transaction", () =>
  Effect.gen(function*() {
    const { filename, log } = yield* killed
    const whole = (yield* opened(filename, log)) ?? []
    let refused = 0
    for (let offset = 0; offset < log.length; offset += offset < HEADER_BYTES ? 1 : 9_973) {
      const bytes = Buffer.from(log)
      bytes[offset] = (bytes[offset] ?? 0) ^ (1 + (offset % 255))
      const history = yield* opened(filename, bytes)
      if (history === undefined) refused += 1
      else {
        expect([offset, whole.length - history.length]).toEqual([offset, expect.toSatisfy((lost: number) => lost <= 1)])
        expect(history).toEqual(whole.slice(0, history.length))
      }
    }
    expect(refused).toBeGreaterThan(40)
  }), 60_000)
