/** Bytes of a name in UTF-8. File systems accept 255 for the whole file name. */
const maxNameBytes = 160

/** The beginning of a text that takes at most so many bytes, with whole characters only. */
const truncate = (text: string): string => {
  const end = new TextEncoder().encodeInto(text, new Uint8Array(maxNameBytes)).read
  return text.slice(0, end)
}

/**
 * A name as part of a file name: letters and digits of all scripts, and the few other characters that every file system allows. There are
 * no invisible characters among them.
 */
export const toFileName = (name: string): string =>
  truncate(
    name
      .toWellFormed()
      .normalize("NFC")
      .replaceAll(/[^\p{L}\p{M}\p{N}_.-]+/gu, "_")
      .replaceAll(/^[\p{M}._]+|_+$/gu, "")
  ) || "device"
