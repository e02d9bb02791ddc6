/** Reprise over HTTP. */
export * as Errors from "./Errors.js"
export * as Routes from "./api/Routes.js"
