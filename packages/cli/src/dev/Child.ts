/** A process that `reprise dev` has begun: it runs `reprise start`, linked (dev/Link.ts). */
import { spawn } from "node:child_process"
import { Deferred, Effect, Either, FiberId, Schema } from "effect"
import * as Link from "./Link.js"

/** What comes of loading its code. */
type Loaded = Exclude<Link.Said, { readonly _tag: "Serving" }>

export interface Child {
  /** What came of loading its code; `undefined` when it ended without a word. */
  readonly loaded: Effect.Effect<Loaded | undefined>
  /** Lets it serve; the port, or `undefined` when it ended before. */
  readonly serve: (port: number) => Effect.Effect<number | undefined>
  /** Its exit code. */
  readonly ended: Effect.Effect<number>
  /** Asks it to stop, and waits. */
  readonly stop: (signal: NodeJS.Signals) => Effect.Effect<number>
}

/** The command line of this process, from Node to the script: launched anew it is the same build of the same sources. */
const self = (): ReadonlyArray<string> => [...process.execArgv, process.argv[1] ?? ""]

export const make = (args: ReadonlyArray<string>): Effect.Effect<Child> =>
  Effect.sync(() => {
    const loaded = Deferred.unsafeMake<Loaded | undefined>(FiberId.none)
    const serving = Deferred.unsafeMake<number | undefined>(FiberId.none)
    const ended = Deferred.unsafeMake<number>(FiberId.none)
    // In a group of its own: Ctrl-C is for this process to pass on, once.
    const child = spawn(process.execPath, [...self(), ...args], {
      detached: true,
      env: { ...process.env, [Link.VARIABLE]: "1" },
      stdio: ["ignore", "inherit", "inherit", "ipc"]
    })
    const kill = () => void child.kill("SIGKILL")
    process.once("exit", kill)
    child.on("message", (message) => {
      const said = Either.getOrUndefined(decode(message))
      if (said?._tag === "Serving") Deferred.unsafeDone(serving, Effect.succeed(said.port))
      else if (said !== undefined) Deferred.unsafeDone(loaded, Effect.succeed(said))
    })
    child.once("exit", (code) => {
      process.off("exit", kill)
      Deferred.unsafeDone(loaded, Effect.succeed(undefined))
      Deferred.unsafeDone(serving, Effect.succeed(undefined))
      Deferred.unsafeDone(ended, Effect.succeed(code ?? 1))
    })
    return {
      loaded: Deferred.await(loaded),
      serve: (port) => Effect.zipRight(Effect.sync(() => void (child.connected && child.send(port))), Deferred.await(serving)),
      ended: Deferred.await(ended),
      stop: (signal) => Effect.zipRight(Effect.sync(() => void child.kill(signal)), Deferred.await(ended))
    }
  })

const decode = Schema.decodeUnknownEither(Link.Said)
