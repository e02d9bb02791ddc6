/** In which form a caller wants an answer that may be had in several (RFC 9110, 12.5.1). */

/** A page, all of it as lines, or live as server-sent events. In the order in which the server prefers them. */
export const FORMS = ["json", "lines", "sse"] as const
export type Form = typeof FORMS[number]

/** Media types by form; an answer has the first. */
export const MEDIA_TYPES: Readonly<Record<Form, readonly [string, ...ReadonlyArray<string>]>> = {
  json: ["application/json"],
  lines: ["application/x-ndjson", "application/ndjson", "application/jsonl"],
  sse: ["text/event-stream"]
}

interface Range {
  readonly type: string
  readonly quality: number
}

/** How well a form is wanted: by the range that names it most closely. */
interface Wish {
  readonly form: Form
  readonly quality: number
  readonly closeness: number
}

/** The form that a caller likes best, or `undefined` when it takes none of them. Without a header: JSON. */
export const negotiate = (accept: string | undefined): Form | undefined => {
  if (accept === undefined || accept.trim() === "") return "json"
  const ranges = accept.split(",").flatMap(rangeOf)
  const wishes = FORMS.map((form) => wishFor(form, ranges)).filter(({ quality }) => quality > 0)
  // A stable sort: what is wanted alike stays in the server's order.
  return wishes.sort((a, b) => b.quality - a.quality || b.closeness - a.closeness)[0]?.form
}

const QUALITY = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/

/** A range whose quality cannot be read says nothing. */
const rangeOf = (text: string): ReadonlyArray<Range> => {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase())
  const quality = parameters.find((parameter) => /^q\s*=/.test(parameter))?.replace(/^q\s*=\s*/, "") ?? "1"
  return QUALITY.test(quality) ? [{ type, quality: Number(quality) }] : []
}

const wishFor = (form: Form, ranges: ReadonlyArray<Range>): Wish => {
  const wishes = ranges.map(({ quality, type }): Wish => ({ form, quality, closeness: closenessOf(form, type) }))
  const [best] = wishes
    .filter(({ closeness }) => closeness >= 0)
    .sort((a, b) => b.closeness - a.closeness || b.quality - a.quality)
  return best ?? { form, quality: 0, closeness: -1 }
}

const closenessOf = (form: Form, range: string): number => {
  const types = MEDIA_TYPES[form]
  if (types.includes(range)) return 2
  if (range.endsWith("/*") && types[0].startsWith(range.slice(0, -1))) return 1
  return range === "*/*" ? 0 : -1
}
