/** Each file of test/types/bad holds one misuse; the compiler must refuse it, there, in words that help. */
import { readdirSync, readFileSync } from "node:fs"
import { resolve } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { compile, type Diagnostic, parse, root } from "./harness/compiler.js"
import { judge, read } from "./harness/misuse.js"

const folder = resolve(root, "test/types/bad")
const files = readdirSync(folder).filter((name) => name.endsWith(".ts"))

describe("misuse is refused", () => {
  let found: ReadonlyArray<Diagnostic> = []
  beforeAll(async () => {
    found = await compile(folder)
  }, 120_000)

  for (const file of files) {
    it(file.replace(/\.ts$/, "").replaceAll("-", " "), () => {
      expect(judge(read(file, readFileSync(resolve(folder, file), "utf8")), found)).toBe(undefined)
    })
  }
})

describe("the harness", () => {
  const misuse = read("a.ts", "// expect: use a step\nconst a = 1 // <- here")
  const at = (line: number, text: string) => judge(misuse, [{ file: "a.ts", line, text }])

  it("accepts the expected message at the marked line", () => {
    expect(at(2, "error TS1: use a step instead")).toBe(undefined)
  })

  it("refuses a file that compiles, another line and another message", () => {
    expect(judge(misuse, [])).toContain("compiles")
    expect(at(1, "error TS1: use a step instead")).toContain("other lines")
    expect(at(2, "error TS1: no")).toContain("does not say")
  })

  it("asks for the expectation and the mark", () => {
    expect(() => read("a.ts", "const a = 1 // <- here")).toThrow("expect:")
    expect(() => read("a.ts", "// expect: b\nconst a = 1")).toThrow("<- here")
  })

  it("joins the lines of one message", () => {
    const output = "a.ts(2,7): error TS1: first\n  second\nerror TS2: of the project\n"
    expect(parse("/p", output)).toEqual([
      { file: "a.ts", line: 2, text: "error TS1: first\n  second" },
      { file: "", line: 0, text: "error TS2: of the project" }
    ])
  })
})
