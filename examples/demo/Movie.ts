/**
 * A row of movies.json and what becomes of it. The file was made with all its faults left in, for people
 * who learn to clean data: releases in the future (a two-digit year), a gross of nothing, titles that are
 * numbers or have damaged letters.
 */
import { Either, ParseResult, Schema } from "effect"

/** The file was collected in 2010. */
const COLLECTED = 2010
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

const yearOf = (text: string): number => Number(text.slice(-4))

const Positive = Schema.Number.pipe(Schema.positive())
const ReleaseDate = Schema.String.pipe(
  Schema.pattern(/^[A-Z][a-z]{2} \d\d \d{4}$/),
  Schema.filter((text) => yearOf(text) <= COLLECTED || `after ${COLLECTED}, when the data was collected`)
)

const Title = Schema.Union(Schema.NonEmptyString, Schema.Number).annotations({
  message: () => ({ message: "Expected a title", override: true })
})

/** A row as it should be; of the fields that are not listed nothing is kept. */
const Row = Schema.Struct({
  Title,
  "Release Date": ReleaseDate,
  "Production Budget": Positive,
  "Worldwide Gross": Positive,
  "Major Genre": Schema.NullOr(Schema.String),
  "IMDB Rating": Schema.NullOr(Schema.Number)
})

export interface GoodRow {
  /** Its position in the file, from 1. */
  readonly row: number
  readonly data: typeof Row.Type
}

export interface BadRow {
  readonly row: number
  readonly title: string
  readonly problems: ReadonlyArray<{ readonly field: string; readonly problem: string }>
}

export const validate = (row: number, data: unknown): Either.Either<GoodRow, BadRow> =>
  Schema.decodeUnknownEither(Row, { errors: "all" })(data).pipe(
    Either.mapBoth({ onLeft: (error) => badRow(row, data, error), onRight: (data) => ({ row, data }) })
  )

const badRow = (row: number, data: unknown, error: ParseResult.ParseError): BadRow => ({
  row,
  title: titleOf(data),
  problems: ParseResult.ArrayFormatter.formatErrorSync(error).map(({ message, path }) => ({
    field: path.join("."),
    problem: message
  }))
})

const titleOf = (data: unknown): string =>
  typeof data === "object" && data !== null && "Title" in data ? String(data.Title) : "?"

/** A movie as the warehouse wants it. The schema is how it is written to the log: dates survive. */
export const Movie = Schema.Struct({
  row: Schema.Number,
  title: Schema.String,
  released: Schema.DateFromString,
  genre: Schema.NullOr(Schema.String),
  budget: Schema.Number,
  gross: Schema.Number,
  rating: Schema.NullOr(Schema.Number)
})
export type Movie = typeof Movie.Type

export const transform = ({ data, row }: GoodRow): Movie => ({
  row,
  title: repaired(String(data.Title)),
  released: dateOf(data["Release Date"]),
  genre: data["Major Genre"],
  budget: data["Production Budget"],
  gross: data["Worldwide Gross"],
  rating: data["IMDB Rating"]
})

const dateOf = (text: string): Date =>
  new Date(Date.UTC(yearOf(text), MONTHS.indexOf(text.slice(0, 3)), Number(text.slice(4, 6))))

/** Letters that somebody wrote as Latin-1 and somebody else read as Mac Roman: "LÈon" was "Léon". */
const DAMAGED: Readonly<Record<string, string>> = {
  "È": "é",
  "Í": "ê",
  "Ë": "è",
  "Î": "ë",
  "‡": "à",
  "·": "á",
  "‰": "ä",
  "Û": "ó",
  "Ù": "ô",
  "˘": "ù",
  "Ö": "…",
  "Ω": "½"
}

const repaired = (title: string): string => title.replace(/./gu, (letter) => DAMAGED[letter] ?? letter)
