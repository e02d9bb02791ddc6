import { describe, expect, it } from "@effect/vitest"
import * as Accept from "../../src/stream/Accept.js"

const CASES: ReadonlyArray<readonly [accept: string | undefined, form: Accept.Form | undefined]> = [
  [undefined, "json"],
  ["", "json"],
  ["*/*", "json"],
  ["application/*", "json"],
  ["text/*", "sse"],
  ["application/json", "json"],
  ["Application/JSON; charset=utf-8", "json"],
  ["text/event-stream", "sse"],
  ["application/x-ndjson", "lines"],
  ["application/ndjson", "lines"],
  ["application/jsonl", "lines"],
  ["text/event-stream, */*", "sse"],
  ["application/json, text/event-stream", "json"],
  ["application/json;q=0.5, text/event-stream", "sse"],
  ["application/json;q=0.5, text/event-stream;q=0.4", "json"],
  ["text/html, application/x-ndjson;q=0.9, */*;q=0.1", "lines"],
  ["*/*, application/json;q=0", "lines"],
  ["application/*;q=0.2, application/x-ndjson;q=0, */*;q=0.1", "json"],
  ["text/event-stream; q = 1.000", "sse"],
  ["text/html", undefined],
  ["text/event-stream;q=0", undefined],
  ["text/event-stream;q=2", undefined],
  ["*/*;q=0.0", undefined],
  ["application/jsonx", undefined],
  ["application", undefined],
  [",;q=1,/*,*", undefined]
]

describe("Accept", () => {
  it("the form that is liked best is answered; JSON where the caller does not mind", () => {
    for (const [accept, form] of CASES) expect([accept, Accept.negotiate(accept)]).toEqual([accept, form])
  })
})
