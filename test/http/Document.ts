/** The OpenAPI document as a stranger reads it: what it lets a caller send, and what it lets the server answer. */
import { OpenApi } from "@reprise/server"

/** As much of JSON Schema as the document uses; `fits` throws on what it does not know. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | ReadonlyArray<string>
  readonly enum?: ReadonlyArray<unknown>
  readonly anyOf?: ReadonlyArray<Schema>
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: ReadonlyArray<string>
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly format?: string
}

export interface Parameter {
  readonly name: string
  readonly in: "path" | "query" | "header"
  readonly required: boolean
  readonly schema: Schema
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>

export interface Operation {
  readonly operationId: string
  readonly method: string
  readonly path: string
  readonly parameters: ReadonlyArray<Parameter>
  readonly body: Schema | undefined
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly content?: Content }>>
}

const document = OpenApi.document() as any

export const operations: ReadonlyArray<Operation> = Object.entries<any>(document.paths).flatMap(([path, methods]) =>
  Object.entries<any>(methods).map(([method, { operationId, parameters = [], requestBody, responses }]) => ({
    operationId,
    method: method.toUpperCase(),
    path,
    parameters,
    body: requestBody?.content["application/json"].schema,
    responses
  })))

export const parametersIn = (operation: Operation, place: Parameter["in"]) => operation.parameters.filter((one) => one.in === place)

/** What a reference stands for. */
export const resolved = (schema: Schema): Schema =>
  schema.$ref === undefined ? schema : document.components.schemas[schema.$ref.slice("#/components/schemas/".length)]

/** The schema of an answer: `undefined` when the document does not know of its status, or of its type. */
export const answerSchema = ({ responses }: Operation, status: number, contentType: string): Schema | undefined => {
  const response = responses[status]
  const content: Content | undefined = response?.$ref === undefined
    ? response?.content
    : document.components.responses[response.$ref.slice("#/components/responses/".length)].content
  return content?.[contentType.split(";")[0] ?? ""]?.schema
}

// ---- does a value fit? ----

const CHECKED = [
  "type",
  "enum",
  "anyOf",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "minimum",
  "maximum",
  "exclusiveMinimum"
]
const KNOWN: ReadonlySet<string> = new Set([...CHECKED, "minLength", "maxLength", "maxItems", "format", "description", "title", "$ref"])

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const fits = (given: Schema, value: unknown): boolean => {
  const schema = resolved(given)
  const strange = Object.keys(schema).filter((keyword) => !KNOWN.has(keyword))
  if (strange.length > 0) throw new Error(`a test has to learn ${strange.join(", ")}`)
  if (schema.enum !== undefined && !schema.enum.includes(value)) return false
  if (schema.anyOf !== undefined && !schema.anyOf.some((one) => fits(one, value))) return false
  if (schema.type !== undefined && ![schema.type].flat().some((type) => isOf(type, value))) return false
  if (typeof value === "number") return fitsNumber(schema, value)
  if (typeof value === "string") return fitsText(schema, value)
  if (Array.isArray(value)) return fitsArray(schema, value)
  return isObject(value) ? fitsObject(schema, value) : true
}

const isOf = (type: string, value: unknown): boolean => {
  if (type === "null") return value === null
  if (type === "array") return Array.isArray(value)
  if (type === "object") return isObject(value)
  return type === "integer" ? Number.isInteger(value) : typeof value === type
}

const fitsNumber = ({ exclusiveMinimum = -Infinity, maximum = Infinity, minimum = -Infinity }: Schema, value: number): boolean =>
  value >= minimum && value <= maximum && value > exclusiveMinimum

/** JSON Schema counts code points. */
const fitsText = ({ format, maxLength = Infinity, minLength = 0 }: Schema, value: string): boolean => {
  if (format !== undefined && format !== "date-time") throw new Error(`a test has to learn the format ${format}`)
  const length = [...value].length
  return length >= minLength && length <= maxLength && (format === undefined || isInstant(value))
}

const fitsArray = ({ items, maxItems = Infinity }: Schema, value: ReadonlyArray<unknown>): boolean =>
  value.length <= maxItems && (items === undefined || value.every((item) => fits(items, item)))

const fitsObject = ({ additionalProperties = true, properties = {}, required = [] }: Schema, value: Readonly<Record<string, unknown>>) =>
  required.every((name) => Object.hasOwn(value, name)) &&
  Object.entries(value).every(([name, field]) => {
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (known !== undefined) return fits(known, field)
    return typeof additionalProperties === "boolean" ? additionalProperties : fits(additionalProperties, field)
  })

const INSTANT = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-](\d\d):(\d\d))$/i

/** RFC 3339, but for leap seconds, which no clock of a computer tells. */
export const isInstant = (text: string): boolean => {
  const [, year, month, day, hour, minute, second, , , offsetHour = 0, offsetMinute = 0] = INSTANT.exec(text) ?? []
  if (year === undefined) return false
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  const exists = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day)
  return exists && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60 && Number(offsetHour) < 24 && Number(offsetMinute) < 60
}

// ---- a query is text ----

const INTEGER = /^-?(0|[1-9]\d*)$/
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/

/** Whether the value of a parameter, as it stands in an address, fits: numbers and flags are written as in JSON. */
export const fitsAsText = (given: Schema, text: string): boolean => {
  const schema = resolved(given)
  if (schema.anyOf !== undefined) return schema.anyOf.some((one) => fitsAsText(one, text))
  if (schema.type === "boolean") return text === "true" || text === "false"
  if (schema.type === "integer") return INTEGER.test(text) && fits(schema, Number(text))
  return schema.type === "number" ? NUMBER.test(text) && fits(schema, Number(text)) : fits(schema, text)
}
