/**
 * Characters that move the cursor, change colors or reverse the text direction. They are escaped as in JSON, so that nobody can forge or
 * hide a line on a terminal or in a log.
 */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu

const shortEscapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

const escape = (text: string) =>
  text.replaceAll(
    /[^]/g, // a character beyond the basic plane is written as its two UTF-16 code units
    (unit) => shortEscapes[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

export const escapeControls = (text: string): string => text.replaceAll(unprintable, escape)

/** JSON that shows every character: JSON itself escapes only some unprintable ones. The value is the same. */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, undefined, 2).replaceAll(unprintable, (text) => (text === "\n" ? text : escape(text)))

/** For text that is composed of lines: keeps their breaks, and escapes everything else. */
export const escapeExceptLines = (text: string): string => text.split("\n").map(escapeControls).join("\n")

/** Like `escapeControls`, but keeps line breaks and indents the following lines, so that none of them looks like a log line of its own. */
export const escapeControlsPerLine = (text: string): string =>
  text
    .split(/\r?\n/)
    .map((line) => escapeControls(line.replaceAll("\t", "  ")))
    .join("\n  ")
