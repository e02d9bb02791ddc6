/** The log on SQLite. `Sqlite.layer` opens a store; `Maintenance` looks after one. */
export * as Errors from "./Errors.js"
export * as Maintenance from "./Maintenance.js"
export * as Sqlite from "./Sqlite.js"
