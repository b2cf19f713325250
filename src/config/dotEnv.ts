/**
 * Parses `.env` files like python-dotenv, for which most existing files were written.
 * Effect's parser ends a value at any `#`, which would truncate a password; Bun's replaces `$NAME` inside values.
 */
const line = /^[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_][\w.-]*)[^\S\n]*=[^\S\n]*('(?:\\'|[^'])*'|"(?:\\"|[^"])*"|[^\n]*)/gm

const unquote = (raw: string): string => {
  if (raw.startsWith("'")) return raw.slice(1, raw.lastIndexOf("'")).replaceAll("\\'", "'")
  if (raw.startsWith('"'))
    return raw
      .slice(1, raw.lastIndexOf('"'))
      .replaceAll(/\\([nrt"\\])/g, (_, escaped: string) => ({ n: "\n", r: "\r", t: "\t" })[escaped] ?? escaped)
  return raw.startsWith("#") ? "" : raw.replace(/\s+#.*$/, "").trim()
}

const isQuoted = (raw: string) => /^(['"])[\s\S]*\1$/.test(raw) && raw.length > 1

const toLines = (contents: string) => contents.replaceAll(/\r\n?/g, "\n")

/** What is wrong with a file, at its lines. An unclosed quote hides the lines below it, so nothing is reported after one. */
export const findDotEnvIssues = (contents: string): ReadonlyArray<{ readonly line: number; readonly issue: string }> => {
  const text = toLines(contents)
  const lineAt = (index: number) => text.slice(0, index).split("\n").length
  // What a decoder puts in the place of bytes that are not UTF-8.
  const binary = /[\0\uFFFD]/.exec(text)
  if (binary !== null) return [{ line: lineAt(binary.index), issue: "has bytes that are not UTF-8 text: save the file as UTF-8" }]
  const issues: Array<{ readonly line: number; readonly issue: string }> = []
  let from = 0
  const checkBetween = (to: number) => {
    const first = lineAt(from)
    for (const [i, between] of text.slice(from, to).split("\n").entries())
      if (/^\s*[^\s#]/.test(between)) issues.push({ line: first + i, issue: "is not NAME=value" })
  }
  for (const match of text.matchAll(line)) {
    checkBetween(match.index)
    from = match.index + match[0].length
    const raw = match[2]!.trim()
    if (/^['"]/.test(raw) && !isQuoted(raw.replace(/\s+#.*$/, ""))) {
      issues.push({ line: lineAt(match.index), issue: `sets ${match[1]} to a value whose quote is not closed` })
      return issues
    }
    // After a closing quote, the rest of the line must be blank or a comment.
    if (/^['"]/.test(raw)) {
      const end = text.indexOf("\n", from) < 0 ? text.length : text.indexOf("\n", from)
      if (/^\s*(#.*)?$/.test(text.slice(from, end))) from = end
    }
  }
  checkBetween(text.length)
  return issues
}

/** The number of the line that sets each variable. */
export const findDotEnvLines = (contents: string): ReadonlyMap<string, number> => {
  const text = toLines(contents)
  return new Map([...text.matchAll(line)].map((match) => [match[1]!, text.slice(0, match.index).split("\n").length]))
}

export const parseDotEnv = (contents: string): ReadonlyMap<string, string> =>
  new Map(
    [...toLines(contents).matchAll(line)].map((match) => {
      const raw = match[2]!.trim()
      return [match[1]!, isQuoted(raw) || !/^['"]/.test(raw) ? unquote(raw) : raw]
    })
  )
