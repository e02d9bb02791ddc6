/** `reprise openapi`: the routes of the server as an OpenAPI document. Needs neither a store nor a server. */
import { Command } from "@effect/cli"
import { Effect, Option } from "effect"
import * as Connection from "./Connection.js"
import type * as Exit from "./Exit.js"
import * as Files from "./Files.js"
import * as Given from "./Given.js"

export const command = Command.make(
  "openapi",
  { json: Connection.json, out: Given.text("out", "FILE", "A new file to write to. Default: standard output.") },
  ({ out }): Effect.Effect<void, Exit.Failed> =>
    Effect.flatMap(Effect.promise(() => import("@reprise/server")), ({ OpenApi }) =>
      Files.write(Option.getOrUndefined(out), JSON.stringify(OpenApi.document(), undefined, 2)))
).pipe(Command.withDescription("Prints the OpenAPI 3.1 document of the server. Exit codes: 0 done, 2 the file cannot be written."))
