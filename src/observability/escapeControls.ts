/**
 * Text that can be shown on a terminal and in a log: what moves the cursor, colours or turns the direction of writing stands there as
 * an escape, as in JSON. Nobody can forge a line or hide one.
 */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu

const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

const escaped = (text: string) =>
  text.replaceAll(
    /[^]/g, // a character beyond the first plane is written as its two halves
    (unit) => short[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

export const escapeControls = (text: string): string => text.replaceAll(unprintable, escaped)

/** The same for text of several lines: those that follow are indented, so that none looks like a line of the log. */
export const escapeControlsPerLine = (text: string): string =>
  text
    .split(/\r?\n/)
    .map((line) => escapeControls(line.replaceAll("\t", "  ")))
    .join("\n  ")
