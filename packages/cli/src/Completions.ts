/** `reprise completions`: the library has them as an option, `--completions`, which is the same. */
import { Args, Command } from "@effect/cli"
import { Effect } from "effect"

const SHELLS = ["bash", "zsh", "fish"] as const

const shell = Args.choice(SHELLS.map((name): [string, string] => [name, name]), { name: "SHELL" })

/** Never reached: `asOption` comes before it. */
export const command = Command.make("completions", { shell }, () => Effect.void).pipe(
  Command.withDescription(
    "Prints a completion script. For example: source <(reprise completions bash). Exit codes: 0 done, 2 no such shell."
  )
)

/** The command as the option. */
export const asOption = (argv: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [node = "", script = "", name, shell = "", ...rest] = argv
  const isMeant = name === "completions" && rest.length === 0 && SHELLS.some((known) => known === shell)
  return isMeant ? [node, script, "--completions", shell] : argv
}
