import { Sqlite } from "@reprise/sql"
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { conforms } from "./conforms.js"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "reprise-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

conforms("Sqlite", Effect.map(folder, (path) => Sqlite.layer({ filename: join(path, "log.db") })))
