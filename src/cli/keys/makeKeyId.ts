const maxNameLength = 40

/**
 * Makes an id from a key's name: "Zähler Ünït" becomes `zahler-unit-` and six digits of the digest (not of the key, since ids are logged).
 * A name without any usable letter becomes `key-` and the digits.
 */
export const makeKeyId = (name: string, sha256: string) => {
  const words = name
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, maxNameLength)
    .replaceAll(/^-+|-+$/g, "")
  return `${words || "key"}-${sha256.slice(0, 6)}`
}
