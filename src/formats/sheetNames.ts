/** Excel's limit, in UTF-16 units. */
const maxNameLength = 31
const forbidden = /[[\]:*?/\\\p{Cc}\uFFFE\uFFFF]/gu

const truncate = (name: string, length: number) => name.slice(0, length).replace(/[\uD800-\uDBFF]$/, "")

const toValidName = (title: string, suffix = "") => {
  const name = truncate(title.toWellFormed().replaceAll(forbidden, "_"), maxNameLength - suffix.length) + suffix
  return name.replace(/^'|'$/g, "_") || "_"
}

/** Excel compares names case-insensitively. */
const foldCase = (name: string) => name.toUpperCase().toLowerCase()

/** Whether a sheet can have exactly this name, if no other sheet has it. */
export const isValidSheetName = (name: string): boolean => toValidName(name) === name && foldCase(name) !== "history"

/** Returns a function that gives each sheet of a workbook a valid and unique name: `temperature`, `Temperature (2)`, … */
export const sheetNames = (): ((title: string) => string) => {
  // Excel reserves this name.
  const taken = new Set(["history"])
  return (title) => {
    let name = toValidName(title)
    for (let n = 2; taken.has(foldCase(name)); n++) name = toValidName(title, ` (${n})`)
    taken.add(foldCase(name))
    return name
  }
}
