/**
 * The thread between `reprise dev` and the process that it replaces at each change: what each tells the other. A process
 * that is not linked serves at once; a linked one loads its code first, says what came of it, and waits for its turn.
 */
import { Effect, Schema } from "effect"

/** What the served process says. */
export const Said = Schema.Union(
  /** The code is loaded, from these files. `misfits`: which open runs it would block, and why. */
  Schema.TaggedStruct("Loaded", { files: Schema.Array(Schema.String), misfits: Schema.optional(Schema.String) }),
  /** It cannot be loaded. */
  Schema.TaggedStruct("Broken", { files: Schema.Array(Schema.String), message: Schema.String }),
  Schema.TaggedStruct("Serving", { port: Schema.Number })
)
export type Said = typeof Said.Type

/** Set for linked processes. */
export const VARIABLE = "REPRISE_LINKED"

export const isLinked = (): boolean => process.env[VARIABLE] === "1" && process.send !== undefined

export const tell = (said: Said): Effect.Effect<void> =>
  Effect.async((resume) => {
    process.send?.(said, undefined, undefined, () => resume(Effect.void))
  })

/** The port to serve at, once it is this process's turn; 0 for any. */
export const turn: Effect.Effect<number> = Effect.async((resume) => {
  process.once("message", (message) => resume(Effect.succeed(typeof message === "number" ? message : 0)))
})

/** Succeeds when the process at the other end is no more, however it ended. */
export const cut: Effect.Effect<void> = Effect.async((resume) => {
  if (!process.connected) return resume(Effect.void)
  const listener = () => resume(Effect.void)
  process.once("disconnect", listener)
  return Effect.sync(() => void process.off("disconnect", listener))
})
