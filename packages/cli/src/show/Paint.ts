/** Colours. What is not written to a terminal loses them (main.ts). */
import { stripVTControlCharacters } from "node:util"

const paint = (open: number, close: number) => (text: string): string => text === "" ? "" : `\u001b[${open}m${text}\u001b[${close}m`

export const bold = paint(1, 22)
export const dim = paint(2, 22)
export const red = paint(31, 39)
export const green = paint(32, 39)
export const yellow = paint(33, 39)
export const blue = paint(34, 39)
export const cyan = paint(36, 39)

const STATUSES: Readonly<Record<string, (text: string) => string>> = {
  pending: dim,
  running: blue,
  completed: green,
  failed: red,
  cancelled: yellow,
  terminated: yellow
}

export const status = (name: string): string => (STATUSES[name] ?? bold)(name)

const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu

/** Text of others, as one line that does nothing to a terminal. */
export const plain = (text: string): string =>
  text.replace(CONTROL, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** Columns that a text takes. */
export const widthOf = (text: string): number => [...stripVTControlCharacters(text)].length


/** At most so many columns; what is cut off loses its colour. */
export const cut = (text: string, width: number): string =>
  widthOf(text) <= width ? text : `${[...stripVTControlCharacters(text)].slice(0, Math.max(0, width - 1)).join("")}…`
