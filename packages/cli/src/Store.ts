/** The options by which commands find a store. */
import { Options } from "@effect/cli"
import { Errors } from "@reprise/sql"
import { Effect } from "effect"
import { existsSync } from "node:fs"

const described = Options.withDescription("The file of the store.")

export const required = Options.text("store").pipe(Options.withPseudoName("FILE"), described)
export const optional = Options.optional(required)

/** For commands that open a store as its owner, which would make one. */
export const mustExist = (filename: string): Effect.Effect<void, Errors.StoreUnavailable> =>
  Effect.suspend(() => existsSync(filename) ? Effect.void : new Errors.StoreUnavailable({ filename, detail: "there is no such file" }))
