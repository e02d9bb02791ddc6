import { Effect } from "effect"
import * as MemoryLog from "../../packages/testing/src/MemoryLog.js"
import { conforms } from "./conforms.js"

conforms("MemoryLog", Effect.sync(() => MemoryLog.layer(MemoryLog.makeStore())))
