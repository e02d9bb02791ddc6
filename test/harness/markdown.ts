/** Reads pages as far as test/docs.test.ts needs it: code blocks, headings, links, first cells of tables. */

export interface Block {
  /** What follows the three backticks. */
  readonly info: string
  /** The line of the first line of code, counted from 1. */
  readonly line: number
  readonly code: ReadonlyArray<string>
}

const FENCE = /^(\s*)(`{3,}|~{3,})\s*(.*)$/

export const blocksOf = (text: string): ReadonlyArray<Block> => {
  const blocks: Array<{ info: string; line: number; code: Array<string> }> = []
  let open: { readonly indent: number; readonly fence: string } | undefined
  text.split("\n").forEach((line, index) => {
    const fence = FENCE.exec(line)
    if (open === undefined) {
      if (fence === null) return
      open = { indent: fence[1]?.length ?? 0, fence: fence[2] ?? "" }
      blocks.push({ info: (fence[3] ?? "").trim(), line: index + 2, code: [] })
    } else if (fence?.[3] === "" && fence[2]?.startsWith(open.fence)) {
      open = undefined
    } else {
      blocks.at(-1)?.code.push(line.slice(open.indent))
    }
  })
  return blocks
}

/** The code after each `@example` in the comments of a source file, up to the next tag or the comment's end. */
export const examplesOf = (text: string): ReadonlyArray<Block> => {
  const blocks: Array<{ info: string; line: number; code: Array<string> }> = []
  let open = false
  text.split("\n").forEach((line, index) => {
    const comment = /^\s*\* ?(?!\/)(.*)$/.exec(line)?.[1]
    if (comment === undefined) open = false
    else if (/^@\w/.test(comment)) {
      open = comment.startsWith("@example")
      if (open) blocks.push({ info: "ts", line: index + 2, code: [] })
    } else if (open) blocks.at(-1)?.code.push(FENCE.test(comment) ? "" : comment)
  })
  return blocks
}

/** The page with its code blocks and code spans blanked; lines keep their numbers. */
export const proseOf = (text: string): string => {
  const lines = text.split("\n")
  for (const { code, line } of blocksOf(text)) {
    for (let at = line - 2; at <= line - 1 + code.length && at < lines.length; at++) lines[at] = ""
  }
  return lines.join("\n").replace(/`[^`\n]*`/g, (span) => " ".repeat(span.length))
}

/** The headings of a page, without marks of emphasis and code. */
export const headingsOf = (text: string): ReadonlyArray<string> => {
  const inCode = new Set(blocksOf(text).flatMap(({ code, line }) => code.map((_, index) => line + index)))
  return text.split("\n").flatMap((line, index) => {
    const heading = /^#{1,6}\s+(.+?)\s*#*$/.exec(line)?.[1]
    return heading === undefined || inCode.has(index + 1) ? [] : [heading.replace(/[`*]|\[([^\]]*)\]\([^)]*\)/g, "$1")]
  })
}

/** The anchors of a page's headings, as GitHub makes them, and those set by hand. */
export const anchorsOf = (text: string): ReadonlySet<string> => {
  const anchors = new Set([...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map((match) => match[1] ?? ""))
  for (const heading of headingsOf(text)) {
    const slug = heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/g, "-")
    let anchor = slug
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`
    anchors.add(anchor)
  }
  return anchors
}

export interface Link {
  readonly target: string
  readonly line: number
}

/** Links and images, in the text and as references; not those to other sites. */
export const linksOf = (text: string): ReadonlyArray<Link> => {
  const prose = proseOf(text)
  const pattern = /\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\s*\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)|\b(?:href|src)="([^"]+)"/gm
  return [...prose.matchAll(pattern)]
    .map((match) => ({
      target: match[1] ?? match[2] ?? match[3] ?? "",
      line: prose.slice(0, match.index).split("\n").length
    }))
    .filter(({ target }) => !/^[a-z][a-z+.-]*:/i.test(target))
}

/** The first cells of the rows of a page's tables, without code marks. */
export const firstCellsOf = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/^\|\s*([^|]*?)\s*\|/gm)].map((match) => (match[1] ?? "").replaceAll("`", "")))
