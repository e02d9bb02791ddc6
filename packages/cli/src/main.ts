#!/usr/bin/env node
/** The process behind the command `reprise`. It ends when the command has, whatever the entry has left running. */
import { stripVTControlCharacters } from "node:util"
import { Effect, Logger } from "effect"
import * as Cli from "./Cli.js"
import * as Exit from "./Exit.js"

const ended: { code?: number } = {}

// An entry may end the process, or never come to its own end: neither means that all is well.
process.on("exit", () => {
  if (ended.code !== undefined) return
  process.exitCode = Exit.UNABLE
  process.stderr.write("reprise: the entry has ended the process, or waits for ever when it is loaded\n")
})

// Whoever reads the results may have seen enough.
process.stdout.on("error", () => {
  ended.code = Exit.UNABLE
  process.exit(ended.code)
})

const write = (stream: NodeJS.WriteStream, text: string): void =>
  void stream.write(`${(stream.isTTY ? text : stripVTControlCharacters(text)).trimEnd()}\n`)

const log = (...parts: ReadonlyArray<unknown>) => Effect.sync(() => write(process.stdout, parts.join(" ")))
const error = (...parts: ReadonlyArray<unknown>) => Effect.sync(() => write(process.stderr, parts.join(" ")))

/** Results to standard output, everything else to standard error; colour only on a terminal. */
const onTerminal = <A>(effect: Effect.Effect<A>): Effect.Effect<A> =>
  Effect.consoleWith((console) => Effect.withConsole(effect, { ...console, log, error })).pipe(
    Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger)))
  )

const code = await Effect.runPromise(onTerminal(Cli.run(process.argv)))
ended.code = code
// The last lines may still be on their way through a pipe.
process.stdout.write("", () => process.exit(code))
