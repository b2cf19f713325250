/** Excel allows 31 UTF-16 units. */
const longest = 31
const forbidden = /[[\]:*?/\\\p{Cc}\uFFFE\uFFFF]/gu

const cut = (name: string, length: number) => name.slice(0, length).replace(/[\uD800-\uDBFF]$/, "")

const allowed = (wanted: string, suffix = "") => {
  const name = cut(wanted.toWellFormed().replaceAll(forbidden, "_"), longest - suffix.length) + suffix
  return name.replace(/^'|'$/g, "_") || "_"
}

/** Excel compares names without regard to case. */
const folded = (name: string) => name.toUpperCase().toLowerCase()

/** Whether a sheet may be called just that, were it alone in the workbook. */
export const isValidSheetName = (name: string): boolean => allowed(name) === name && folded(name) !== "history"

/** Gives each sheet of a workbook a name that Excel takes and that no other sheet has: `temperature`, `Temperature (2)`, … */
export const sheetNames = (): ((wanted: string) => string) => {
  // Excel keeps this name for itself.
  const taken = new Set(["history"])
  return (wanted) => {
    let name = allowed(wanted)
    for (let n = 2; taken.has(folded(name)); n++) name = allowed(wanted, ` (${n})`)
    taken.add(folded(name))
    return name
  }
}
