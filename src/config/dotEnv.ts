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

export const parseDotEnv = (contents: string): ReadonlyMap<string, string> =>
  new Map(
    [...contents.replaceAll(/\r\n?/g, "\n").matchAll(line)].map((match) => {
      const raw = match[2]!.trim()
      return [match[1]!, isQuoted(raw) || !/^['"]/.test(raw) ? unquote(raw) : raw]
    })
  )
