/** What a command ends with. Documented in --help and in docs/guide/command-line.md; scripts rely on it. */
import { Data } from "effect"

export const FINE = 0
/** The command has done its work, and found something that is not as it should be. */
export const FOUND = 1
/** The command could not do its work: wrong usage, an entry that cannot be loaded, a store that cannot be read. */
export const UNABLE = 2

/** A command ends with `FOUND`; it has said what it found. */
export class Found extends Data.TaggedError("Found")<{}> {}

/** What a command fails with, beside the library's own errors of usage. */
export interface Failed {
  readonly _tag: string
  readonly message: string
}
