/** `reprise start`, `worker` and `dev`: processes that run workflows. */
import { Args, Command, Options } from "@effect/cli"
import { Effect, FiberRef, Option } from "effect"
import { PORT } from "./Connection.js"
import * as Dev from "./dev/Dev.js"
import type * as Exit from "./Exit.js"
import * as Given from "./Given.js"
import * as Logs from "./Logs.js"

// ---- options ----

const entry = Args.text({ name: "ENTRY" }).pipe(
  Args.withDescription(
    "The module that exports the array `workflows`, and perhaps `layer` (services of the steps) and `server` (options of the server)."
  )
)

const store = Options.text("store").pipe(
  Options.withDefault("runs.db"),
  Options.withPseudoName("FILE"),
  Options.withDescription("The file of the store; it is made when it is missing. Default: runs.db.")
)

const graceOf = (length: string) =>
  Options.text("grace").pipe(
    Options.withDefault(length),
    Options.withPseudoName("LENGTH"),
    Options.withDescription(`How long attempts and requests may go on when the process is stopped (10s, 5m). Default: ${length}.`)
  )

const logFormat = Options.choice("log-format", Logs.FORMATS).pipe(
  Options.withDefault("logfmt"),
  Options.withDescription("How the process logs on standard error. How much: --log-level debug|info|warning|error. Default: logfmt.")
)

const json = Options.boolean("json").pipe(Options.withDescription("Print a line of JSON on standard output once the process is ready."))

const addressed = {
  auth: Options.choice("auth", ["keys", "basic", "sessions"]).pipe(
    Options.repeated,
    Options.withDescription(
      "How callers show who they are; may be repeated. API keys, users with passwords, users who sign in with a browser."
    )
  ),
  host: Given.text("host", "ADDRESS", "The address to listen on. Others than 127.0.0.1 need auth. Default: 127.0.0.1."),
  port: Options.optional(Options.integer("port")).pipe(
    Options.withPseudoName("N"),
    Options.withDescription(`The port; 0 takes any that is free. Default: ${PORT}.`)
  )
}

const common = { entry, json, logFormat, store }
const serving = { ...common, ...addressed, grace: graceOf("30s") }
const working = { ...common, grace: graceOf("30s") }
/** A developer waits for the change, not for the step. */
const developing = { ...common, ...addressed, grace: graceOf("3s") }

type Developing = Command.Command.ParseConfig<typeof developing>

/** Loaded when it is needed. */
const hosting = Effect.promise(() => import("./serve/Serving.js"))

// ---- commands ----

const STOPS = "SIGTERM and Ctrl-C let attempts that run come to their end, for as long as --grace says, and leave the rest to the next " +
  "process; a second signal ends the process at once. Exit codes: 0 stopped, 2 it could not begin, 130 or 143 ended by a second signal."

export const start = Command.make(
  "start",
  serving,
  (asked): Effect.Effect<void, Exit.Failed> => logged(asked, Effect.flatMap(hosting, ({ serve }) => serve(asked)))
).pipe(
  Command.withDescription(`Serves the entry's workflows over HTTP and runs them, on one store. ${STOPS}`)
)

export const worker = Command.make(
  "worker",
  working,
  (asked): Effect.Effect<void, Exit.Failed> => logged(asked, Effect.flatMap(hosting, ({ work }) => work(asked)))
).pipe(
  Command.withDescription(`Runs the entry's workflows on a store, without a server. ${STOPS}`)
)

export const dev = Command.make(
  "dev",
  developing,
  (asked): Effect.Effect<void, Exit.Failed> => logged(asked, develop(asked))
).pipe(
  Command.withDescription(
    "Serves and runs the entry's workflows while they are being written. When the entry or something that it imports changes, " +
      "the new code takes over, and open runs go on. " +
      `A change that would block open runs is told with the difference; code that cannot be loaded changes nothing. ${STOPS}`
  )
)

const logged = <A, E>({ logFormat }: Pick<Developing, "logFormat">, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.provide(effect, Logs.layer(logFormat))

const develop = (asked: Developing) =>
  Effect.gen(function*() {
    // What would be refused is refused before anything is begun.
    yield* Given.length("reprise dev", "grace", Option.some(asked.grace))
    const { auth, entry, grace, host, json, logFormat, port, store } = asked
    const { _tag: level } = yield* FiberRef.get(FiberRef.currentMinimumLogLevel)
    const args = [
      "start",
      ...["--log-level", level.toLowerCase()],
      ...["--store", store, "--grace", grace, "--log-format", logFormat],
      ...(json ? ["--json"] : []),
      ...(Option.isNone(host) ? [] : ["--host", host.value]),
      ...auth.flatMap((name) => ["--auth", name]),
      entry
    ]
    yield* Dev.run({ entry, args, port: Option.getOrElse(port, () => PORT) })
  })
