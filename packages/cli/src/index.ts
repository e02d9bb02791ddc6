/** The command line as a function. */
export * as Cli from "./Cli.js"
