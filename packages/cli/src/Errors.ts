/** Why a command cannot do what it is asked for. docs/errors.md has a heading for each. */
import { Data } from "effect"
import * as Nearest from "./Nearest.js"

const told = (tag: string, what: string, hint: string): string =>
  `${what}\n  hint: ${hint}\n  see: docs/errors.md#${tag.toLowerCase()}`

/** The file that should have the workflows cannot be loaded, or has none. */
export class EntryInvalid extends Data.TaggedError("EntryInvalid")<{
  readonly entry: string
  readonly detail: string
}> {
  get hint() {
    return "Give a module that exports an array `workflows`, or such an array as its default, and that does nothing else."
  }
  override get message() {
    return told("EntryInvalid", `${this.entry}: ${this.detail}`, this.hint)
  }
}

/** A file that a command was told to read or to write. */
export class FileUnusable extends Data.TaggedError("FileUnusable")<{
  readonly path: string
  readonly detail: string
}> {
  get hint() {
    return "Check the path. A file that exists is never written over."
  }
  override get message() {
    return told("FileUnusable", `${this.path}: ${this.detail}`, this.hint)
  }
}

/** A command would change a store that another process has open. */
export class StoreTaken extends Data.TaggedError("StoreTaken")<{ readonly filename: string }> {
  get hint() {
    return "Ask the server of that process: --url URL in the place of --store. Or stop the process first."
  }
  override get message() {
    return told("StoreTaken", `The store ${this.filename} is open in another process, and only that one may change it.`, this.hint)
  }
}

/** The wait was over before the run was. */
export class NotEnded extends Data.TaggedError("NotEnded")<{ readonly runId: string; readonly status: string }> {
  get hint() {
    return `reprise runs why ${this.runId} says what it waits for; --wait waits for its end.`
  }
  override get message() {
    return told("NotEnded", `Run "${this.runId}" has not ended: it is ${this.status}.`, this.hint)
  }
}

/** Options that do not go together. */
export class UsageInvalid extends Data.TaggedError("UsageInvalid")<{
  readonly command: string
  readonly detail: string
}> {
  get hint() {
    return `${this.command} --help`
  }
  override get message() {
    return told("UsageInvalid", this.detail, this.hint)
  }
}

/** There is no such command; `name` is undefined when a group was given none. */
export class CommandUnknown extends Data.TaggedError("CommandUnknown")<{
  readonly group: string
  readonly name: string | undefined
  readonly known: ReadonlyArray<string>
}> {
  get hint() {
    return `${this.group} --help`
  }
  override get message() {
    const known = `There are: ${this.known.toSorted().join(", ")}.`
    if (this.name === undefined) return told("CommandUnknown", `${this.group} needs a command. ${known}`, this.hint)
    const nearest = Nearest.of(this.name, this.known)
    const meant = nearest === undefined ? known : `Did you mean "${this.group} ${nearest}"?`
    return told("CommandUnknown", `There is no command "${this.group} ${this.name}". ${meant}`, this.hint)
  }
}
