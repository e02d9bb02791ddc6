/**
 * Looking after a store. Every function works on an open store (`Sqlite.layer` provides it), beside a running worker;
 * what writes does so through the store's one writer, in short transactions of its own. What only reads is content with a
 * store that another process has open (`Sqlite.readerLayer`).
 */
export { backup, copy } from "./Backup.js"
export { exportRun, importRun } from "./Transfer.js"
export { rebuild } from "./Rebuild.js"
export { retention } from "./Retention.js"
export { verify } from "./Verify.js"
