/**
 * A small disk that fills up again and again while orders are served on it: a tmpfs with a ballast where this user may mount
 * one; otherwise a limit on the size of the process's files. Both cut writes short before they fail.
 */
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from "node:fs"
import { join } from "node:path"
import { type Budget, count, dice, type Figures, Wrong } from "./Budget.js"
import * as Judge from "./Judge.js"
import type * as Server from "./Server.js"
import * as Story from "./Story.js"

const WANTED = { orders: 24, senders: 2, notes: 3, atOnce: 4, weight: 6_000 }
const DISK_MEGABYTES = 24

interface Disk {
  readonly how: string
  readonly path: string
  readonly fill: (pid: number) => void
  readonly free: (pid: number) => void
  readonly remove: () => void
}

const did = (command: string, ...parameters: ReadonlyArray<string>): boolean => {
  try {
    execFileSync(command, parameters, { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

const diskAt = (path: string): Disk => {
  mkdirSync(path)
  if (!did("mount", "-t", "tmpfs", "-o", `size=${DISK_MEGABYTES}m`, "tmpfs", path)) return limited(path)
  const ballast = join(path, "ballast")
  return {
    how: "on a tmpfs",
    path,
    fill: () => fillUp(ballast),
    free: () => rmSync(ballast, { force: true }),
    remove: () => void did("umount", path)
  }
}

/** Writes until nothing more goes in, the last byte included. */
const fillUp = (path: string): void => {
  const file = openSync(path, "a")
  try {
    for (let bytes = 1_048_576; bytes >= 1;) {
      try {
        if (writeSync(file, Buffer.alloc(bytes)) < bytes) bytes = Math.floor(bytes / 2)
      } catch {
        bytes = Math.floor(bytes / 2)
      }
    }
  } finally {
    closeSync(file)
  }
}

const limited = (path: string): Disk => {
  const limit = (pid: number, bytes: string) => void did("prlimit", "--pid", String(pid), `--fsize=${bytes}:`)
  return {
    how: "under a limit of file size",
    path,
    fill: (pid) => limit(pid, String(statSync(join(path, "full.db-wal")).size + 10_000)),
    free: (pid) => limit(pid, "unlimited"),
    remove: () => {}
  }
}

export const full = (root: string, { isEnough, seed }: Budget, figures: Figures) =>
  Effect.gen(function*() {
    const roll = dice(seed)
    for (let done = 0; !isEnough(done); done++) {
      const disk = diskAt(join(root, `full-${done}`))
      yield* Effect.ensuring(onDisk(root, disk, roll, seed, figures), Effect.sync(disk.remove))
    }
  })

const onDisk = (root: string, disk: Disk, roll: (below: number) => number, seed: number, figures: Figures) =>
  Effect.gen(function*() {
    const begun = Story.begin(root, `full-${roll(1_000_000_000)}`, WANTED)
    // The ledger of the steps is on another disk.
    const story = { ...begun, place: { ...begun.place, filename: join(disk.path, "full.db") } }
    const fail = (wrongs: ReadonlyArray<string>) => Effect.fail(new Wrong(story.name, wrongs, seed))

    const filled = yield* Story.live(story, "0", [], fillNowAndThen(disk, roll, figures))
    if (filled.code !== 0 && filled.signal !== "SIGKILL") return yield* fail([`ended with ${filled.code}: ${filled.said}`])
    // It was killed while its disk was full, and is started while it is.
    const refused = yield* Story.live(story, "1", [], ({ opened, pid }) =>
      Effect.zipRight(Effect.ignore(opened), Effect.delay(Effect.sync(() => disk.free(pid)), "100 millis")))
    count(figures, `openings on a full disk: ${refused.notOpened ?? "opened"}`)
    const isNamed = refused.notOpened === undefined || refused.notOpened === "StoreUnavailable"
    if (!isNamed) return yield* fail([`refused as ${refused.notOpened}: ${refused.said}`])
    disk.free(0)
    const wrongs = [...yield* Judge.afterFault(story.place, story.book), ...yield* Story.end(story)]
    if (wrongs.length > 0) return yield* fail(wrongs)
    count(figures, `stories ${disk.how}`)
    count(figures, "calls refused for want of space", story.book.errors)
    count(figures, "attempts that ran again", Judge.repeats(story.place))
  })

const FILLS = 4

const fillNowAndThen = (disk: Disk, roll: (below: number) => number, figures: Figures) => ({ opened, pid, send }: Server.Server) =>
  Effect.gen(function*() {
    yield* Effect.ignore(opened)
    for (let fill = 0; fill < FILLS; fill++) {
      yield* Effect.sleep(20 + roll(60))
      disk.fill(pid)
      count(figures, "times that the disk was full")
      yield* Effect.sleep(100 + roll(200))
      if (fill < FILLS - 1) disk.free(pid)
    }
    send("SIGKILL")
  })
