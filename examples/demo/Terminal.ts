/** How the demo prints: plain text, with a little colour where a terminal shows it. */
const coloured = process.stdout.isTTY && process.env["NO_COLOR"] === undefined

const paint = (code: number) => (text: string): string => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text)
export const bold = paint(1)
const dim = paint(2)
const red = paint(31)
const green = paint(32)

let sections = 0

export const section = (title: string): void => console.log(`\n${bold(`${++sections}. ${title}`)}`)

export const line = (text: string): void => console.log(`  ${text}`)

export const aside = (text: string): void => console.log(`  ${dim(text)}`)

export const check = (holds: boolean, text: string): void => {
  console.log(`  ${holds ? green("ok") : red("NOT SO")}  ${text}`)
  if (!holds) process.exitCode = 1
}

/** Columns as wide as they must be; the first is text, the others are numbers. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string | number>>): void => {
  const columns = (rows[0] ?? []).map((_, column) => rows.map((row) => String(row[column] ?? "")))
  const widths = columns.map((cells) => Math.max(...cells.map(({ length }) => length)))
  rows.forEach((row, index) => {
    const cells = row.map((cell, column) =>
      column === 0 ? String(cell).padEnd(widths[column] ?? 0) : String(cell).padStart(widths[column] ?? 0)
    )
    console.log(`  ${index === 0 ? dim(cells.join("   ")) : cells.join("   ")}`)
  })
}
