/** Reprise over HTTP. */
export * as Routes from "./api/Routes.js"
