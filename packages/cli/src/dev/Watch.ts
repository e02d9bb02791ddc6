/** Watches files, by their folders: editors replace a file by another one of its name. */
import { Effect, Queue, type Scope } from "effect"
import { type FSWatcher, statSync, watch } from "node:fs"
import { dirname, join } from "node:path"

export interface Watch {
  /** Watches these files, and no others. */
  readonly follow: (files: ReadonlyArray<string>) => Effect.Effect<void>
  /** A file that has changed since the last time, once nothing has changed for a moment. */
  readonly changed: Effect.Effect<string>
}

/** Saving several files, or a formatter after the save, is one change. */
const QUIET = "100 millis"

interface State {
  readonly folders: Map<string, FSWatcher>
  /** When each file was written last. */
  readonly files: Map<string, number>
  readonly changes: Queue.Queue<string>
}

export const make: Effect.Effect<Watch, never, Scope.Scope> = Effect.gen(function*() {
  const state: State = { folders: new Map(), files: new Map(), changes: yield* Queue.sliding<string>(1) }
  yield* Effect.addFinalizer(() => Effect.sync(() => follow(state, [])))
  return { follow: (files) => Effect.sync(() => follow(state, files)), changed: changed(state) }
})

const changed = (state: State): Effect.Effect<string> =>
  Effect.gen(function*() {
    let file = yield* Queue.take(state.changes)
    for (;;) {
      const next = yield* Effect.timeoutOption(Queue.take(state.changes), QUIET)
      if (next._tag === "None") return file
      file = next.value
    }
  })

const follow = (state: State, files: ReadonlyArray<string>): void => {
  const folders = new Set(files.map((file) => dirname(file)))
  for (const [folder, watcher] of state.folders) {
    if (folders.has(folder)) continue
    watcher.close()
    state.folders.delete(folder)
  }
  for (const file of state.files.keys()) if (!files.includes(file)) state.files.delete(file)
  for (const file of files) if (!state.files.has(file)) state.files.set(file, writtenAt(file))
  for (const folder of folders) if (!state.folders.has(folder)) open(state, folder)
}

const open = (state: State, folder: string): void => {
  try {
    const watcher = watch(folder, (_, name) => void (name === null ? undefined : look(state, join(folder, name))))
    // A folder that is removed takes its watcher with it.
    state.folders.set(folder, watcher.on("error", () => void state.folders.delete(folder)))
  } catch {
    // It is gone; so is what was in it.
  }
}

const look = (state: State, file: string): void => {
  const before = state.files.get(file)
  if (before === undefined) return
  const now = writtenAt(file)
  // Between two names there is no file; the other one comes in a moment.
  if (now === before || now === 0) return
  state.files.set(file, now)
  Queue.unsafeOffer(state.changes, file)
}

const writtenAt = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
