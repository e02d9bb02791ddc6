/** Serves or works until a signal comes. Loaded only by the commands that do so: other ones need neither worker nor server. */
import { Auth, Figures, Server } from "@reprise/server"
import { ReplayCheck } from "@reprise/testing"
import { Sqlite } from "@reprise/sql"
import { Context, Effect, Layer, Option } from "effect"
import { existsSync } from "node:fs"
import * as Link from "../dev/Link.js"
import * as Loaded from "../dev/Loaded.js"
import * as Entry from "../Entry.js"
import type { EntryInvalid } from "../Errors.js"
import * as Exit from "../Exit.js"
import * as Given from "../Given.js"
import * as Otlp from "../Otlp.js"
import * as Engine from "./Engine.js"
import * as Say from "../show/Say.js"
import * as Signals from "../Signals.js"

export interface Working {
  readonly entry: string
  readonly grace: string
  readonly json: boolean
  readonly store: string
}

export interface Serving extends Working {
  readonly auth: ReadonlyArray<"keys" | "basic" | "sessions">
  readonly host: Option.Option<string>
  readonly port: Option.Option<number>
}

export const work = (asked: Working): Effect.Effect<void, Exit.Failed> =>
  Effect.scoped(Effect.gen(function*() {
    const graceMillis = (yield* Given.length("reprise worker", "grace", Option.some(asked.grace))) ?? 0
    const loaded = yield* Entry.load(asked.entry)
    const engine = yield* Layer.build(Engine.layer({ entry: loaded, filename: asked.store, graceMillis }))
    yield* Otlp.sampling(Effect.asVoid((yield* Effect.provide(Figures.make, engine)).sample))
    yield* ready(asked, { store: asked.store, workflows: namesOf(loaded) })
    yield* stopping(yield* Signals.next)
  })).pipe(Effect.provide(Otlp.layer))

/** Until a signal comes; linked to `reprise dev`, only when it is this process's turn. */
export const serve = (asked: Serving): Effect.Effect<void, Exit.Failed> =>
  Effect.scoped(Effect.gen(function*() {
    const graceMillis = (yield* Given.length("reprise start", "grace", Option.some(asked.grace))) ?? 0
    const link = Link.isLinked() ? Loaded.record() : undefined
    const loaded = yield* link === undefined ? Entry.load(asked.entry) : Effect.catchAll(Entry.load(asked.entry), broken(link))
    const port = link === undefined ? undefined : yield* turn(asked, loaded, link())
    const listening = yield* listen(asked, loaded, graceMillis, port)
    yield* Otlp.sampling(listening.app.sample)
    const { hostname, url } = listening
    const auth = providersOf(asked, loaded)
    yield* ready(asked, { url, store: asked.store, workflows: namesOf(loaded), auth: auth.map(({ _tag }) => _tag.toLowerCase()) })
    if (auth.length === 0) yield* Effect.logWarning(`there is no auth: whoever reaches ${hostname} may do everything; see --auth`)
    if (link !== undefined) yield* Link.tell({ _tag: "Serving", port: listening.port })
    yield* stopping(yield* link === undefined ? Signals.next : Effect.raceFirst(Signals.next, Effect.as(Link.cut, "SIGTERM" as const)))
  })).pipe(Effect.provide(Otlp.layer))

const listen = (asked: Serving, loaded: Entry.Entry, graceMillis: number, port: number | undefined) =>
  Effect.gen(function*() {
    const options = {
      graceMillis,
      ...loaded.server,
      ...(Option.isNone(asked.host) ? {} : { hostname: asked.host.value }),
      ...(Option.isNone(asked.port) ? {} : { port: asked.port.value }),
      ...(port === undefined ? {} : { port }),
      auth: providersOf(asked, loaded)
    }
    const engine = Engine.layer({ entry: loaded, filename: asked.store, graceMillis })
    return Context.get(yield* Layer.build(Layer.provide(Server.layer(options), engine)), Server.Server)
  })

const PROVIDERS = { keys: Auth.keys, basic: Auth.basic, sessions: Auth.sessions }

/** Those of the command line, or else those of the entry. */
const providersOf = ({ auth }: Serving, { server }: Entry.Entry): ReadonlyArray<Auth.Provider> =>
  auth.length > 0 ? auth.map((name) => PROVIDERS[name]) : server.auth ?? []

const namesOf = ({ workflows }: Entry.Entry): ReadonlyArray<string> => [...new Set(workflows.map(({ name }) => name))]

const ready = ({ json }: Working, facts: Readonly<Record<string, string | ReadonlyArray<string>>>): Effect.Effect<void> => {
  const texts = Object.entries(facts).map(([name, value]) => [name, typeof value === "string" ? value : value.join(",") || "none"])
  const said = Effect.annotateLogs(Effect.logInfo("ready"), Object.fromEntries(texts))
  return json ? Effect.zipRight(said, Say.line({ ...facts, pid: process.pid })) : said
}

const stopping = (signal: Signals.Signal): Effect.Effect<void> => Effect.logInfo(`stopping: ${signal}`)

// ---- linked to `reprise dev` ----

/** The other end prints it. */
const broken = (link: () => ReadonlyArray<string>) => ({ message }: EntryInvalid) =>
  Effect.zipRight(Link.tell({ _tag: "Broken", files: link(), message }), new Exit.Found())

/** Says what was loaded, and waits; if the other end is gone there is nothing to wait for. */
const turn = (asked: Serving, loaded: Entry.Entry, files: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const misfits = yield* misfitsOf(asked.store, loaded)
    yield* Link.tell({ _tag: "Loaded", files, ...(misfits === undefined ? {} : { misfits }) })
    const port = yield* Effect.raceFirst(Link.turn, Effect.as(Link.cut, undefined))
    return port ?? (yield* new Exit.Found())
  })

/** Which open runs this code would block. A store that cannot be read is for the opening to tell. */
const misfitsOf = (filename: string, { workflows }: Entry.Entry): Effect.Effect<string | undefined> =>
  existsSync(filename)
    ? ReplayCheck.run(workflows).pipe(
      Effect.provide(Sqlite.readerLayer({ filename })),
      Effect.map((report) => report.misfitCount === 0 ? undefined : ReplayCheck.text(report)),
      Effect.orElseSucceed(() => undefined)
    )
    : Effect.succeed(undefined)
