/**
 * The value of `Content-Disposition` (RFC 6266) for a file to save. Names with letters beyond ASCII come twice: `filename*` has the name
 * (RFC 8187), `filename` is for programs that do not know it, such as `curl -J`.
 */
export const attachment = (fileName: string): string => {
  const ascii = toAscii(fileName)
  const plain = `attachment; filename="${ascii}"`
  return ascii === fileName ? plain : `${plain}; filename*=UTF-8''${encodeRfc8187(fileName)}`
}

/** Letters without their accents; an underscore stands for letters of other scripts. */
const toAscii = (name: string) =>
  name
    .normalize("NFKD")
    .replaceAll(/\p{M}+/gu, "")
    .replaceAll(/_*(?:[^\w.-]+_*)+/g, "_")
    .replaceAll(/^[._]+/g, "")

/** `encodeURIComponent` leaves a few characters that delimit values of headers. */
const encodeRfc8187 = (text: string) =>
  encodeURIComponent(text.toWellFormed()).replaceAll(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
