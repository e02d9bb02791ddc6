#!/usr/bin/env node
/** The process behind the command `reprise`. It ends when the command has, whatever the entry has left running. */
import { stripVTControlCharacters } from "node:util"
import { Effect, Exit as Ended } from "effect"
import * as Cli from "./Cli.js"
import * as Exit from "./Exit.js"
import * as Logs from "./Logs.js"
import { Screen } from "./show/Screen.js"
import * as Signals from "./Signals.js"

const ended: { code?: number } = {}

// An entry may end the process, or never come to its own end: neither means that all is well.
process.on("exit", () => {
  if (ended.code !== undefined) return
  process.exitCode = Exit.UNABLE
  process.stderr.write("reprise: the entry has ended the process, or waits for ever when it is loaded\n")
})

const end = (code: number): void => {
  ended.code = code
  process.exit(code)
}

// Whoever reads the results may have seen enough.
process.stdout.on("error", () => end(Exit.UNABLE))

const isPlain = ({ isTTY }: NodeJS.WriteStream): boolean => !isTTY || (process.env["NO_COLOR"] ?? "") !== ""

const write = (stream: NodeJS.WriteStream, text: string): void =>
  void stream.write(`${(isPlain(stream) ? stripVTControlCharacters(text) : text).trimEnd()}\n`)

const log = (...parts: ReadonlyArray<unknown>) => Effect.sync(() => write(process.stdout, parts.join(" ")))
const error = (...parts: ReadonlyArray<unknown>) => Effect.sync(() => write(process.stderr, parts.join(" ")))

/** Results to standard output, everything else to standard error; colour, columns and progress only on a terminal. */
const onTerminal = <A>(effect: Effect.Effect<A>): Effect.Effect<A> =>
  Effect.consoleWith((console) => Effect.withConsole(effect, { ...console, log, error })).pipe(
    Effect.provide(Logs.standard),
    Effect.provideService(Screen, {
      width: process.stdout.isTTY ? process.stdout.columns : undefined,
      progress: process.stderr.isTTY ? (text) => void process.stderr.write(text) : undefined
    })
  )

const fiber = Effect.runFork(onTerminal(Cli.run(process.argv)))
// A command that is given up still removes what it has left half made.
const given: { code?: number } = {}
Signals.listen({
  giveUp: (signal) => {
    given.code = Signals.codeOf(signal)
    fiber.unsafeInterruptAsFork(fiber.id())
  },
  end
})

const exit = await new Promise<Ended.Exit<number>>((resolve) => fiber.addObserver(resolve))
const code = Ended.isSuccess(exit) ? exit.value : given.code ?? Exit.UNABLE
ended.code = code
// The last lines may still be on their way through a pipe.
process.stdout.write("", () => process.exit(code))
