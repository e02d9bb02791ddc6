/** Rows for a terminal, in columns with a heading; or for a pipe, separated by tabs and without one. */
import { Effect } from "effect"
import * as Paint from "./Paint.js"
import { Screen } from "./Screen.js"

export interface Column<Row> {
  readonly title: string
  readonly of: (row: Row) => string
  /** It is cut when the terminal is narrow; of several, the widest first. */
  readonly gives?: boolean
}

const GAP = "  "
const NARROWEST = 8

export const text = <Row>(columns: ReadonlyArray<Column<Row>>, rows: ReadonlyArray<Row>): Effect.Effect<string> =>
  Effect.map(Screen, ({ width }) => {
    const cells = rows.map((row) => columns.map(({ of }) => of(row)))
    return width === undefined ? cells.map((row) => row.join("\t")).join("\n") : inColumns(columns, cells, width)
  })

const inColumns = (columns: ReadonlyArray<Column<never>>, cells: ReadonlyArray<ReadonlyArray<string>>, width: number): string => {
  const lines = [columns.map(({ title }) => Paint.bold(title)), ...cells]
  const widths = fitted(columns, columns.map((_, index) => Math.max(...lines.map((line) => Paint.widthOf(line[index] ?? "")))), width)
  return lines.map((line) => line.map((cell, index) => padded(Paint.cut(cell, widths[index] ?? 0), widths[index] ?? 0)).join(GAP).trimEnd())
    .join("\n")
}

const padded = (cell: string, width: number): string => cell + " ".repeat(Math.max(0, width - Paint.widthOf(cell)))

const fitted = (columns: ReadonlyArray<Column<never>>, wanted: ReadonlyArray<number>, width: number): ReadonlyArray<number> => {
  const widths = [...wanted]
  const total = () => widths.reduce((sum, one) => sum + one, 0) + GAP.length * (widths.length - 1)
  while (total() > width) {
    const widest = widths.map((_, index) => index)
      .filter((index) => columns[index]?.gives === true && (widths[index] ?? 0) > NARROWEST)
      .toSorted((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0]
    if (widest === undefined) break
    widths[widest] = (widths[widest] ?? 0) - 1
  }
  return widths
}
