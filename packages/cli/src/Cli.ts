/** The command `reprise`: its subcommands, and what each way of ending means to the shell. */
import { CliConfig, Command, ValidationError } from "@effect/cli"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { Release } from "@reprise/core/engine"
import { Cause, Console, Effect, HashMap, Layer } from "effect"
import * as Check from "./Check.js"
import * as Db from "./Db.js"
import { CommandUnknown } from "./Errors.js"
import * as Exit from "./Exit.js"
import * as Runs from "./Runs.js"

const reprise = Command.make("reprise").pipe(
  Command.withDescription("Durable execution for Effect."),
  Command.withSubcommands([Check.command, Runs.command, Db.command])
)

const interpret = Command.run(reprise, { name: "Reprise", version: Release.RELEASE, executable: "reprise" })

const namesIn = (subcommands: HashMap.HashMap<string, unknown>): ReadonlyArray<string> => [...HashMap.keys(subcommands)]

/** The commands of each group, by the words that lead to it. */
const groups: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  ["reprise", namesIn(Command.getSubcommands(reprise))],
  ["reprise runs", namesIn(Command.getSubcommands(Runs.command))],
  ["reprise db", namesIn(Command.getSubcommands(Db.command))]
])

/** Refuses a name that is not known: the library would propose the commands of another group. */
const checkNames = (argv: ReadonlyArray<string>): Effect.Effect<void, CommandUnknown> =>
  Effect.suspend(() => {
    let group = "reprise"
    for (const name of argv.slice(2)) {
      const known = groups.get(group)
      if (known === undefined || name.startsWith("-")) return Effect.void
      if (!known.includes(name)) return new CommandUnknown({ group, name, known })
      group = `${group} ${name}`
    }
    const known = groups.get(group)
    return known === undefined || group === "reprise" ? Effect.void : new CommandUnknown({ group, name: undefined, known })
  })

const services = Layer.merge(NodeContext.layer, CliConfig.layer({ showBuiltIns: false, isCaseSensitive: true }))

/** Runs the command line `argv`, as `process.argv` has it, and answers the exit code. What it has to say is printed. */
export const run = (argv: ReadonlyArray<string>): Effect.Effect<number> =>
  Effect.zipRight(checkNames(argv), interpret(argv)).pipe(
    Effect.as(Exit.FINE),
    Effect.catchAll((error) => {
      // The library has printed what is wrong with the usage, and the command what it has found.
      if (ValidationError.isValidationError(error)) return Effect.succeed(Exit.UNABLE)
      if (error._tag === "Found") return Effect.succeed(Exit.FOUND)
      return Effect.as(Console.error(`reprise: ${error.message}`), Exit.UNABLE)
    }),
    Effect.catchAllCause((cause) =>
      Effect.as(Console.error(`reprise: this is a bug of Reprise; please report it:\n${Cause.pretty(cause)}`), Exit.UNABLE)),
    Effect.provide(services)
  )
