/** Finds the delimiter of a CSV file in its first line. */

/** The comma of RFC 4180, and what spreadsheets and loggers use in its place. */
const delimiters = [",", ";", "\t", "|"]

const isCandidate = (c: string | undefined) => c !== undefined && delimiters.includes(c)

/** Calls `visit` with each part between candidates outside of quotes, and the candidates around it, until it returns true. */
const visitParts = (line: string, visit: (part: string, before: string | undefined, after: string | undefined) => boolean): void => {
  let from = 0
  let isQuoted = false
  for (let i = 0; ; i++) {
    const c = line[i]
    if (c === '"') isQuoted = !isQuoted
    const isEnd = c === undefined || (!isQuoted && (c === "\n" || c === "\r"))
    if (!isEnd && (isQuoted || !isCandidate(c))) continue
    if (visit(line.slice(from, i), line[from - 1], isEnd ? undefined : c) || isEnd) return
    from = i + 1
  }
}

/** How often the line has each candidate outside of quotes. */
const countCandidates = (line: string): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  visitParts(line, (_, __, after) => {
    if (after !== undefined) counts.set(after, (counts.get(after) ?? 0) + 1)
    return false
  })
  return counts
}

const nameOf = (part: string) =>
  part
    .trim()
    .replace(/^"(.*)"$/s, "$1")
    .trim()
    .toLowerCase()

/** The candidate next to a name that has candidates itself, such as `Time, UTC`. */
const delimiterBeside = (line: string, name: string): string | undefined => {
  if (![...name].some(isCandidate)) return undefined
  const header = /^[^\r\n]*/.exec(line)![0].toLowerCase()
  const from = header.indexOf(name)
  if (from < 0) return undefined
  const isQuoted = header[from - 1] === '"' && header[from + name.length] === '"'
  const margin = isQuoted ? 1 : 0
  return [header[from + name.length + margin], header[from - 1 - margin]].find(isCandidate)
}

/**
 * The delimiter next to one of the `names` (by default `ts`), outside of quotes: other names may contain commas. If the line has none of
 * them, the candidate that it has most often.
 */
export const detectDelimiter = (line: string, names: ReadonlyArray<string> = ["ts"]): string => {
  const wanted = names.map((name) => name.toLowerCase())
  const besideLongName = wanted.map((name) => delimiterBeside(line, name)).find(isCandidate)
  if (besideLongName !== undefined) return besideLongName
  let found: string | undefined
  visitParts(line, (part, before, after) => {
    if (wanted.includes(nameOf(part))) found = after ?? before
    return found !== undefined
  })
  if (found !== undefined) return found
  const counts = countCandidates(line)
  const most = Math.max(0, ...counts.values())
  return delimiters.find((delimiter) => counts.get(delimiter) === most) ?? ","
}

/** The delimiter at which a line has so many cells. */
export const delimiterOfCells = (line: string, cells: number): string => {
  const counts = countCandidates(line)
  // The comma comes last: it may also be in decimals.
  return delimiters.toReversed().find((delimiter) => counts.get(delimiter) === cells - 1) ?? detectDelimiter(line)
}
