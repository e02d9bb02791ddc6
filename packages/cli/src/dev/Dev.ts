/**
 * What `reprise dev` does: it serves the entry in a process of its own, watches what that has loaded, and replaces the process
 * when something of it has changed. The new process loads its code and replays the open runs on it while the old one serves
 * on; only then they change places. Code that cannot be loaded never gets its turn.
 */
import { Console, Effect } from "effect"
import { relative, resolve } from "node:path"
import * as Signals from "../Signals.js"
import * as Child from "./Child.js"
import * as Watch from "./Watch.js"

export interface Asked {
  readonly entry: string
  /** 0 for any; the one that was taken first is kept. */
  readonly port: number
  /** The command line of the process that serves. */
  readonly args: ReadonlyArray<string>
}

interface State {
  readonly asked: Asked
  readonly watch: Watch.Watch
  current: Child.Child | undefined
  /** The one that has not had its turn yet. */
  next: Child.Child | undefined
  port: number
  files: ReadonlyArray<string>
}

/** Serves until a signal comes. */
export const run = (asked: Asked): Effect.Effect<void> =>
  Effect.scoped(Effect.gen(function*() {
    const watch = yield* Watch.make
    const files = [resolve(asked.entry)]
    const state: State = { asked, watch, current: undefined, next: undefined, port: asked.port, files }
    yield* watch.follow(files)
    const signal = yield* Effect.raceFirst(Effect.zipRight(replace(state), Effect.forever(afterChange(state))), Signals.next)
    const children = [state.next, state.current]
    // Nobody is surprised by these ends.
    state.current = undefined
    for (const child of children) if (child !== undefined) yield* child.stop(signal)
  }))

const afterChange = (state: State): Effect.Effect<void> =>
  Effect.gen(function*() {
    const file = yield* state.watch.changed
    yield* Effect.logInfo(`${relative(process.cwd(), file)} has changed`)
    yield* replace(state)
  })

const replace = (state: State): Effect.Effect<void> =>
  Effect.gen(function*() {
    const next = yield* Child.make(state.asked.args)
    state.next = next
    const loaded = yield* next.loaded
    // What it had loaded before it met an error is watched, too: the error may be there.
    if (loaded !== undefined) state.files = loaded._tag === "Loaded" ? loaded.files : [...new Set([...state.files, ...loaded.files])]
    yield* state.watch.follow(state.files)
    if (loaded?._tag !== "Loaded") return yield* turnAway(state, next, loaded?.message)
    // For people, in lines: no log keeps them.
    if (loaded.misfits !== undefined) yield* Console.error(`${loaded.misfits}\n\n${WHAT_TO_DO}`)
    const { current } = state
    state.current = undefined
    if (current !== undefined) yield* current.stop("SIGTERM")
    state.next = undefined
    state.current = next
    const port = yield* next.serve(state.port)
    if (port === undefined) {
      state.current = undefined
      return yield* Effect.logError("the process could not serve; it is tried again when a file has changed")
    }
    state.port = port
    yield* Effect.forkDaemon(mourn(state, next))
  })

const WHAT_TO_DO = "These runs are blocked now. Their histories are untouched: they go on as soon as the code fits them again.\n" +
  "Take the change back, or put it behind Workflow.patched, or end them: reprise runs terminate RUN"

const turnAway = (state: State, next: Child.Child, message: string | undefined): Effect.Effect<void> =>
  Effect.gen(function*() {
    yield* next.ended
    state.next = undefined
    const on = state.current === undefined ? "nothing is served until a file has changed" : "the code before the change is served on"
    yield* Console.error(`reprise: ${message ?? "the entry has ended the process, or waits for ever when it is loaded"}`)
    yield* Effect.logError(on)
  })

/** It has ended without being asked: its log says why. */
const mourn = (state: State, child: Child.Child): Effect.Effect<void> =>
  Effect.flatMap(child.ended, (code) => {
    if (state.current !== child) return Effect.void
    state.current = undefined
    return Effect.logError(`the process has ended with code ${code}; it is begun again when a file has changed`)
  })
