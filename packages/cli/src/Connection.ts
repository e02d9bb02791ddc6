/**
 * How commands reach runs: every one of them calls the routes of a server. That is a server at an address, or, for the file
 * of a store, one that is made in this process and has no port.
 */
import { Options } from "@effect/cli"
import { type Call, Reprise } from "@reprise/server/client"
import { Effect, Option, type Scope } from "effect"
import { StoreTaken, UsageInvalid } from "./Errors.js"
import type * as Exit from "./Exit.js"
import type { Access } from "./InProcess.js"
import * as Store from "./Store.js"

/** Where `reprise dev` and `reprise start` serve, and where other commands look for a server, unless they are told. */
export const PORT = 7070

const url = Options.optional(Options.text("url")).pipe(
  Options.withPseudoName("URL"),
  Options.withDescription(`The server. Default: the variable REPRISE_URL, or http://127.0.0.1:${PORT}. Its API key comes from REPRISE_API_KEY.`)
)

const workflows = Options.optional(Options.text("workflows")).pipe(
  Options.withPseudoName("ENTRY"),
  Options.withDescription("With --store: the module that exports the array `workflows`, for what needs to know them.")
)

export const json = Options.boolean("json").pipe(Options.withDescription("Print the result as JSON."))

/** The options of every command that calls routes. */
export const options = { json, store: Store.optional, url, workflows }

/** For commands to which no workflow matters. */
export const noWorkflows: Options.Options<Option.Option<string>> = Options.none.pipe(Options.map(() => Option.none()))

export interface Asked {
  readonly json: boolean
  readonly store: Option.Option<string>
  readonly url: Option.Option<string>
  readonly workflows: Option.Option<string>
}

/** The client, and its calls as effects. */
export interface Connection {
  readonly client: Reprise.Client
  /** Calls a route; an interruption gives the call up. */
  readonly ask: <A>(use: (call: Call.Call, signal: AbortSignal) => Promise<A>) => Effect.Effect<A, Exit.Failed>
}

export const open = (asked: Asked, access: Access): Effect.Effect<Connection, Exit.Failed, Scope.Scope> =>
  Effect.gen(function*() {
    if (Option.isSome(asked.store) && Option.isSome(asked.url)) {
      return yield* new UsageInvalid({ command: "reprise", detail: "Give either --url or --store." })
    }
    if (Option.isNone(asked.store) && Option.isSome(asked.workflows)) {
      return yield* new UsageInvalid({ command: "reprise", detail: "--workflows goes with --store; a server knows its own." })
    }
    const client = Option.isSome(asked.store)
      ? yield* inProcess(asked.store.value, Option.getOrUndefined(asked.workflows), access)
      : yield* remote(Option.getOrUndefined(asked.url) ?? variable("REPRISE_URL") ?? `http://127.0.0.1:${PORT}`)
    return { client, ask: (use) => ask(client, use) }
  })

/** An empty variable says nothing. */
const variable = (name: string): string | undefined => process.env[name] === "" ? undefined : process.env[name]

const remote = (url: string): Effect.Effect<Reprise.Client, UsageInvalid> =>
  URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
    // Somebody sits before it.
    ? Effect.succeed(Reprise.connect({ url, apiKey: variable("REPRISE_API_KEY"), retries: { countMax: 3 } }))
    : new UsageInvalid({ command: "reprise", detail: `${JSON.stringify(url)} is no address of a server, such as http://127.0.0.1:${PORT}.` })

/** Loaded when it is needed: most commands call a server elsewhere. */
const inProcess = (filename: string, entry: string | undefined, access: Access) =>
  Effect.gen(function*() {
    if (access === "change") yield* Store.mustExist(filename)
    const module = yield* Effect.promise(() => import("./InProcess.js"))
    const { fetch } = yield* Effect.catchTag(module.open(filename, entry, access), "StoreLocked", () => new StoreTaken({ filename }))
    return Reprise.connect({ url: "http://localhost", fetch, retries: { countMax: 0 } })
  })

const ask = <A>(call: Call.Call, use: (call: Call.Call, signal: AbortSignal) => Promise<A>): Effect.Effect<A, Exit.Failed> =>
  Effect.flatMap(
    Effect.either(Effect.tryPromise({ try: (signal) => use(call, signal), catch: (error) => error })),
    (answer) => answer._tag === "Right" ? Effect.succeed(answer.right) : told(answer.left)
  )

const told = (error: unknown): Effect.Effect<never, Exit.Failed> => isExpected(error) ? Effect.fail(error) : Effect.die(error)

/** What the client throws knowingly has a tag; anything else is a bug. */
const isExpected = (error: unknown): error is Exit.Failed =>
  error instanceof Error && "_tag" in error && typeof error._tag === "string"
