/** The number of characters to insert, delete or replace in order to get from one text to the other (Levenshtein). */
const distanceBetween = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    row = next
  }
  return row[b.length]!
}

/** Names that differ only in case or separators are the same: `pageSize`, `page-size`, `page_size`. */
const simplify = (name: string) => name.toLowerCase().replaceAll(/[^\p{L}\d]/gu, "")

/**
 * The known name that a misspelled one most likely means, or one of its words (`search` for `text_search`); undefined if none is close. The
 * distance is that of Effect's CLI, which does not export it.
 */
export const closestName = (unknown: string, known: ReadonlyArray<string>): string | undefined => {
  if (unknown.length > 64) return undefined
  const given = simplify(unknown)
  const rank = (name: string) => {
    const simple = simplify(name)
    const distance = distanceBetween(given, simple)
    if (distance <= 1) return distance
    if (name.split("_").includes(given) || (simple.length >= 3 && given.startsWith(simple))) return 1
    return distance === 2 && simple.length >= 4 ? distance : undefined
  }
  let closest: { readonly name: string; readonly rank: number } | undefined
  for (const name of known) {
    const found = rank(name)
    if (found !== undefined && (closest === undefined || found < closest.rank)) closest = { name, rank: found }
  }
  return closest?.name
}
