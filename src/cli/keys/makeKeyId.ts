/** Ids of keys that are made from names. */

const longest = 40

/**
 * "Zähler Ünït" becomes `zahler-unit-` and six digits. They are of the digest, so that no part of a key stands in a log; a name without
 * any letter of an id gives `key-`.
 */
export const makeKeyId = (name: string, sha256: string) => {
  const words = name
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, longest)
    .replaceAll(/^-+|-+$/g, "")
  return `${words || "key"}-${sha256.slice(0, 6)}`
}
