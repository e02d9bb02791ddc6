/** The house style, executable. Each rule is tested on an example that it accepts and one that it refuses. */
import { describe, expect, it } from "vitest"
import { countEscapes, escapes } from "./tidy/escapes.js"
import { imports } from "./tidy/imports.js"
import { purity } from "./tidy/purity.js"
import { repository } from "./tidy/repository.js"
import { shape } from "./tidy/shape.js"
import { readAll, type Rule, source, sourcesOf } from "./tidy/source.js"

const files = readAll()

const rules: ReadonlyArray<Rule> = [...imports, ...purity, ...shape, escapes, ...repository]

for (const rule of rules) {
  describe(rule.name, () => {
    it("accepts its good example", () => expect(rule.check(sourcesOf(rule.good))).toEqual([]))
    it("refuses its bad example", () => expect(rule.check(sourcesOf(rule.bad))).not.toEqual([]))
    it("holds", () => {
      const findings = rule.check(files)
      expect(findings, `${rule.name}\n${findings.join("\n")}`).toHaveLength(0)
    })
  })
}

const scan = (text: string) => source("a.ts", text)

describe("the scanner", () => {
  it("blanks comments and strings, and keeps the lines", () => {
    const { bare, code } = scan("a /* b\n*/ + \"c // d\" // e\nf")
    expect(code).toBe("a     \n   + \"c // d\"     \nf")
    expect(bare).toBe("a     \n   + \"      \"     \nf")
  })

  it("keeps the code inside templates", () => {
    expect(scan("`a ${b({ c: `d${e}` })} f` + g").bare).toBe("`  ${b({ c: ` ${e}` })}  ` + g")
  })

  it("tells regular expressions from division", () => {
    expect(scan("a = /\"[/]`/; b / c / d").bare).toBe("a =        ; b / c / d")
  })

  it("counts any and casts, not renamed imports", () => {
    const renamed = "import { a as b } from \"c\"\nexport * as d from \"e\"\n"
    const escaped = "let f: Array<any> = (g as unknown) as H as const"
    expect(countEscapes(scan(renamed + escaped))).toEqual({ any: 1, casts: 2 })
  })
})
