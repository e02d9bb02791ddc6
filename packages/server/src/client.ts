/** The typed client of a Reprise server, for other programs: in Node or in a browser. */
export * as Model from "./api/Model.js"
export { ROUTES } from "./api/Routes.js"
export * as Call from "./client/Call.js"
export { AnswerInvalid, Refused, ServerUnreachable } from "./client/Errors.js"
export type { Handle } from "./client/Handle.js"
export { problemOf } from "./client/Refusal.js"
export * as Reprise from "./client/Reprise.js"
