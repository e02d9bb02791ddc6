/** What commands take in words and numbers: JSON, instants, lengths of time. */
import { Args, Options } from "@effect/cli"
import type { Json } from "@reprise/core/engine"
import { Clock, Effect, Option } from "effect"
import { readFileSync } from "node:fs"
import { UsageInvalid } from "./Errors.js"
import * as Moment from "./show/Moment.js"

export const run = Args.text({ name: "RUN" }).pipe(Args.withDescription("The id of the run."))

export const jsonArgument = (name: string, what: string) =>
  Args.text({ name }).pipe(
    Args.withDescription(`${what}, as JSON: a text needs its quotes. @FILE reads a file, - standard input.`),
    Args.optional
  )

export const text = (name: string, pseudoName: string, what: string) =>
  Options.optional(Options.text(name)).pipe(Options.withPseudoName(pseudoName), Options.withDescription(what))

export const messageId = text("message-id", "ID", "Makes it idempotent: a second message with this id for the same run is dropped.")

const STANDARD_INPUT = 0

/** JSON as it was given, or from where it was said to be. */
export const json = (command: string, given: Option.Option<string>): Effect.Effect<Json.Json | undefined, UsageInvalid> =>
  Option.match(given, {
    onNone: () => Effect.succeed(undefined),
    onSome: (text) =>
      Effect.try({
        try: (): Json.Json => JSON.parse(read(text)),
        catch: (cause) =>
          new UsageInvalid({ command, detail: `${shown(text)} is no JSON (${cause instanceof Error ? cause.message : String(cause)}).` })
      })
  })

const read = (text: string): string =>
  text === "-" ? readFileSync(STANDARD_INPUT, "utf8") : text.startsWith("@") ? readFileSync(text.slice(1), "utf8") : text

const shown = (text: string): string => text === "-" ? "Standard input" : text.length > 40 ? `${text.slice(0, 40)}…` : text

/** A length of time in milliseconds. */
export const length = (command: string, name: string, given: Option.Option<string>): Effect.Effect<number | undefined, UsageInvalid> => {
  if (Option.isNone(given)) return Effect.succeed(undefined)
  const millis = Moment.parseLength(given.value)
  const detail = `--${name} takes a length of time such as 90s, 1h30m or 7d, not ${JSON.stringify(given.value)}.`
  return millis === undefined ? new UsageInvalid({ command, detail }) : Effect.succeed(millis)
}

/** An instant: as RFC 3339 has it, or a length of time `before` or `after` now. */
export const instant = (
  command: string,
  name: string,
  given: Option.Option<string>,
  from: "before" | "after"
): Effect.Effect<number | undefined, UsageInvalid> =>
  Effect.flatMap(Clock.currentTimeMillis, (now): Effect.Effect<number | undefined, UsageInvalid> => {
    if (Option.isNone(given)) return Effect.succeed(undefined)
    const at = Moment.parseInstant(given.value, now, from === "before" ? -1 : 1)
    const detail = `--${name} takes an instant such as 2026-01-31T12:00:00Z, or a length of time ${from} now such as 90s or 7d, ` +
      `not ${JSON.stringify(given.value)}.`
    return at === undefined ? new UsageInvalid({ command, detail }) : Effect.succeed(at)
  })
