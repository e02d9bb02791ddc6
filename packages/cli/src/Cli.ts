/** The command `reprise`: its subcommands, and what each way of ending means to the shell. */
import { CliConfig, Command, ValidationError } from "@effect/cli"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { Errors, Release } from "@reprise/core/engine"
import { Cause, Console, Effect, HashMap, Layer } from "effect"
import * as Check from "./Check.js"
import * as Completions from "./Completions.js"
import * as Db from "./Db.js"
import { CommandUnknown } from "./Errors.js"
import * as Exit from "./Exit.js"
import * as Keys from "./Keys.js"
import * as Nearest from "./Nearest.js"
import * as OpenApi from "./OpenApi.js"
import * as Overview from "./Overview.js"
import * as Runs from "./Runs.js"
import * as Serve from "./Serve.js"
import * as Users from "./Users.js"
import * as Workflows from "./Workflows.js"

const reprise = Command.make("reprise").pipe(
  Command.withDescription("Durable execution for Effect."),
  Command.withSubcommands([
    Serve.dev,
    Serve.start,
    Serve.worker,
    Runs.command,
    Workflows.command,
    Check.command,
    Db.command,
    Keys.command,
    Users.command,
    OpenApi.command,
    Completions.command
  ])
)

const interpret = Command.run(reprise, { name: "Reprise", version: Release.RELEASE, executable: "reprise" })

const groupOf = (commands: Overview.Commands, order: string): Overview.Group => {
  const told = order.split(" ")
  return { commands, names: [...told, ...[...HashMap.keys(commands)].filter((name) => !told.includes(name)).toSorted()] }
}

/** The commands of each group, by the words that lead to it. */
const groups: ReadonlyMap<string, Overview.Group> = new Map([
  ["reprise", groupOf(Command.getSubcommands(reprise), "dev start worker runs workflows check db keys users")],
  ["reprise runs", groupOf(Command.getSubcommands(Runs.command), "list show tail logs why result start signal query update")],
  ["reprise db", groupOf(Command.getSubcommands(Db.command), "status verify backup migrate rebuild")],
  ["reprise keys", groupOf(Command.getSubcommands(Keys.command), "create list revoke")],
  ["reprise users", groupOf(Command.getSubcommands(Users.command), "create list remove")]
])

/** The words that lead to a group, and what follows them. */
const read = (argv: ReadonlyArray<string>): { readonly words: string; readonly rest: ReadonlyArray<string> } => {
  let words = "reprise"
  const rest = argv.slice(2)
  while (groups.has(`${words} ${rest[0] ?? ""}`)) words = `${words} ${rest.shift() ?? ""}`
  return { words, rest }
}

/** Refuses a name that is not known: the library would propose the commands of another group. */
const checkNames = ({ rest: [name], words }: ReturnType<typeof read>): Effect.Effect<void, CommandUnknown> =>
  Effect.suspend(() => {
    const known = groups.get(words)?.names ?? []
    if (name === undefined) return new CommandUnknown({ group: words, name, known })
    return name.startsWith("-") || known.includes(name) ? Effect.void : new CommandUnknown({ group: words, name, known })
  })

const EVERYWHERE = " --version says which Reprise this is.\n" +
  "Exit codes: 0 fine, 1 something was found or has failed, 2 it could not be done, 130 Ctrl-C."

const obey = (argv: ReadonlyArray<string>) => {
  const asked = read(argv)
  const group = groups.get(asked.words)
  const isRoot = asked.words === "reprise"
  if (group !== undefined && (Overview.isAsked(asked.rest) || (isRoot && asked.rest.length === 0))) {
    return Overview.print(asked.words, group, isRoot ? EVERYWHERE : "")
  }
  return Effect.zipRight(checkNames(asked), interpret(Completions.asOption(argv)))
}

/** What was meant by the name of a workflow or message that is not known, where the error does not say so. */
const meant = (error: Exit.Failed): string => {
  const isWorkflow = error instanceof Errors.WorkflowUnknown
  if (!isWorkflow && !(error instanceof Errors.MessageUnknown)) return ""
  const nearest = Nearest.of(isWorkflow ? error.workflow : error.name, error.known)
  return nearest === undefined || error.hint.startsWith("Did you mean") ? "" : `\nDid you mean ${JSON.stringify(nearest)}?`
}

/** The option that was meant, beside what the library has printed. */
const meantOption = (argv: ReadonlyArray<string>): Effect.Effect<void> => {
  const { rest: [name = "", ...more], words } = read(argv)
  const group = groups.get(words)
  if (group === undefined || !group.names.includes(name)) return Effect.void
  const known = Overview.optionsOf(group.commands, name)
  const wrong = more.map((word) => word.split("=")[0] ?? "").find((word) => word.startsWith("--") && !known.includes(word))
  const nearest = wrong === undefined ? undefined : Nearest.of(wrong, known)
  return nearest === undefined ? Effect.void : Console.error(`Did you mean "${nearest}"?`)
}

const services = Layer.merge(NodeContext.layer, CliConfig.layer({ showBuiltIns: false, isCaseSensitive: true }))

/** Runs the command line `argv`, as `process.argv` has it, and answers the exit code. What it has to say is printed. */
export const run = (argv: ReadonlyArray<string>): Effect.Effect<number> =>
  Effect.suspend(() => obey(argv)).pipe(
    Effect.as(Exit.FINE),
    Effect.catchAll((error) => {
      // The library has printed what is wrong with the usage, and the command what it has found.
      if (ValidationError.isValidationError(error)) return Effect.as(meantOption(argv), Exit.UNABLE)
      if (error._tag === "Found") return Effect.succeed(Exit.FOUND)
      return Effect.as(Console.error(`reprise: ${error.message}${meant(error)}`), Exit.UNABLE)
    }),
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause)
        ? Effect.interrupt
        : Effect.as(Console.error(`reprise: this is a bug of Reprise; please report it:\n${Cause.pretty(cause)}`), Exit.UNABLE)),
    Effect.provide(services)
  )
