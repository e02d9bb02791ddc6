/**
 * Where a fiber stands in its program: `0` is the root fiber, `0.2` its third child in order of birth. The k-th command
 * of a fiber has the id `path#k`, so that editing one branch leaves the ids of the others alone. The root fiber of a run
 * that has continued as new n times is `n`: an id stands for one command of the whole history.
 */
import { FiberRef, type Random } from "effect"
import type { ProgramState } from "./ProgramState.js"

export interface FiberPlace {
  readonly program: ProgramState
  readonly path: string
  /** A fiber on the side (query, validator) may only look: it must not issue commands. */
  readonly aside: boolean
  forkCount: number
  commandCount: number
  /** This fiber's own random stream, made when it is first drawn from. */
  random: Random.Random | undefined
}

export const place = (program: ProgramState, path: string, aside = false): FiberPlace => ({
  program,
  path,
  aside,
  forkCount: 0,
  commandCount: 0,
  random: undefined
})

/** Each fiber of a program carries its own place; a child is placed below its parent when it is forked. */
export const FiberPath: FiberRef.FiberRef<FiberPlace | undefined> = FiberRef.unsafeMake<FiberPlace | undefined>(undefined, {
  fork: (parent) => parent && place(parent.program, `${parent.path}.${parent.forkCount++}`, parent.aside),
  join: (parent) => parent
})

export const rootPath = (program: ProgramState): string => String(program.info.generation)

/** The path of an update's handler. The id is the sender's, so what has a meaning in paths is escaped. */
export const updatePath = (messageId: string): string =>
  `u${messageId.replace(/[%.#]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)}`

export const nextId = (here: FiberPlace): string => `${here.path}#${here.commandCount++}`

/** The path of the fiber that asked for the command with this id. */
export const fiberOf = (id: string): string => id.slice(0, id.lastIndexOf("#"))
