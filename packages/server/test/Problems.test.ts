import { Errors as Core } from "@reprise/core/engine"
import { describe, expect, it } from "vitest"
import { PROBLEMS } from "../src/api/Problem.js"
import { ROUTES } from "../src/api/Routes.js"
import * as Server from "../src/Errors.js"
import { at, isCode, problemOf } from "../src/Problems.js"

const classes = { ...Core, ...Server } as unknown as Record<string, { readonly _tag?: string } | undefined>

describe("problems", () => {
  it("stand for an error each, which names what to do", () => {
    for (const code of Object.keys(PROBLEMS)) expect(typeof classes[code], code).toBe("function")
    for (const route of Object.values(ROUTES)) for (const code of route.problems) expect(isCode(code)).toBe(true)
  })

  it("tell an error with its fields, and what happened apart from what to do", () => {
    const error = new Core.RunExists({ by: "id", value: "x", runId: "x", status: "running" })
    expect(problemOf(error, "req-1")).toEqual({
      type: "urn:reprise:problem:RunExists",
      title: "The run exists",
      status: 409,
      code: "RunExists",
      detail: "Run \"x\" (running) already has the id \"x\".",
      hint: error.hint,
      data: { by: "id", value: "x", runId: "x", status: "running" },
      requestId: "req-1"
    })
  })

  it("say where in the body a value stands that a workflow's schema refuses", () => {
    const error = new Core.PayloadInvalid({ what: "input", path: "lines.0.price", detail: "Expected number" })
    const { data, errors } = problemOf(at("body.input")(error), "r")
    expect(errors).toEqual([{ path: "body.input.lines.0.price", message: "Expected number" }])
    expect(data).toEqual({ what: "input", path: "lines.0.price", detail: "Expected number" })
    const whole = new Core.PayloadInvalid({ what: "input", path: "", detail: "is missing" })
    expect(problemOf(at("body.input")(whole), "r").errors).toEqual([{ path: "body.input", message: "is missing" }])
    const other = new Core.RunNotFound({ runId: "r" })
    expect(at("body.input")(other)).toBe(other)
  })

  it("keep the cause of a failing store to themselves", () => {
    const error = new Core.LogError({ operation: "append", cause: new Error("disk /dev/sda1 is on fire") })
    const problem = problemOf(error, "r")
    expect(JSON.stringify(problem)).not.toContain("sda1")
    expect(problem.data).toEqual({ operation: "append" })
  })

  it("list the issues of a request", () => {
    const errors = [{ path: "query.limit", message: "too many" }]
    expect(problemOf(new Server.RequestInvalid({ errors }), "r")).toMatchObject({ status: 400, errors, data: { errors } })
  })
})
