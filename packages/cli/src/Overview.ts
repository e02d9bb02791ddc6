/** What `--help` says of a group of commands: a line for each. The library would print the whole usage of every one of them. */
import { CliConfig, CommandDescriptor, HelpDoc } from "@effect/cli"
import { Console, Effect, HashMap } from "effect"
import { stripVTControlCharacters } from "node:util"
import * as Paint from "./show/Paint.js"
import { Screen } from "./show/Screen.js"

export type Commands = HashMap.HashMap<string, CommandDescriptor.Command<unknown>>

/** The names of a group in the order in which they are told; the library forgets theirs. */
export interface Group {
  readonly names: ReadonlyArray<string>
  readonly commands: Commands
}

/** Whether the words after a group ask for its overview. */
export const isAsked = (rest: ReadonlyArray<string>): boolean => rest.length === 1 && (rest[0] === "--help" || rest[0] === "-h")

export const print = (words: string, { commands, names }: Group, more: string): Effect.Effect<void> =>
  Effect.flatMap(Screen, ({ width = Infinity }) => {
    const longest = Math.max(...names.map((name) => name.length))
    const line = (name: string) => `  ${Paint.bold(name)}${" ".repeat(longest - name.length)}  ${lineOf(commands, name)}`
    const lines = names.map((name) => Paint.cut(line(name), width))
    return Console.log([`${words} COMMAND`, "", ...lines, "", `${words} COMMAND --help says more.${more}`].join("\n"))
  })

const helpOf = (commands: Commands, name: string): string =>
  stripVTControlCharacters(HelpDoc.toAnsiText(CommandDescriptor.getHelp(HashMap.unsafeGet(commands, name), CliConfig.defaultConfig)))

/** The options that a command knows, with their dashes. */
export const optionsOf = (commands: Commands, name: string): ReadonlyArray<string> =>
  [...new Set(helpOf(commands, name).match(/--[a-z][\w-]*/g))]

/** The first sentence of the description. */
const lineOf = (commands: Commands, name: string): string => {
  const description = /DESCRIPTION\s+([^]*)/.exec(helpOf(commands, name))?.[1]?.replace(/\s+/g, " ") ?? ""
  return /^.*?[.](?= |$)/.exec(description)?.[0].slice(0, -1) ?? description
}
