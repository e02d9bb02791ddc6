/** `reprise runs`: what is done with runs. */
import { Command } from "@effect/cli"
import * as Ask from "./runs/Ask.js"
import * as Export from "./runs/Export.js"
import * as Follow from "./runs/Follow.js"
import * as List from "./runs/List.js"
import * as Outcome from "./runs/Outcome.js"
import * as Send from "./runs/Send.js"
import * as Show from "./runs/Show.js"
import * as Start from "./runs/Start.js"

export const command = Command.make("runs").pipe(
  Command.withDescription("Lists runs, starts them, talks to them, and says what they do."),
  Command.withSubcommands([
    List.command,
    Show.command,
    Start.command,
    Send.signal,
    Send.query,
    Send.update,
    Ask.cancel,
    Ask.terminate,
    Ask.pause,
    Ask.resume,
    Ask.fork,
    Follow.tail,
    Outcome.why,
    Outcome.result,
    Follow.logs,
    Export.command
  ])
)
