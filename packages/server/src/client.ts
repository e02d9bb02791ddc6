/** The typed client of a Reprise server, for other programs: in Node or in a browser. */
export * as Model from "./api/Model.js"
