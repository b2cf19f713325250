import { timingSafeEqual } from "node:crypto"

/** SHA-256 with Bun's hasher, at once, while `crypto.subtle` goes through a thread pool. It makes no object, which would take longer than the hash. */
export const sha256 = (text: string): Buffer => Bun.CryptoHasher.hash("sha256", text) as Buffer

/** The same in hexadecimal digits. */
export const sha256Hex = (text: string): string => Bun.CryptoHasher.hash("sha256", text, "hex")

/** Takes the same time wherever the digests differ. */
export const equalDigests = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b)

/** HMAC with SHA-512, which signs JWTs with the algorithm HS512. */
export const hmacSha512 = (key: Uint8Array, text: string): Buffer => new Bun.CryptoHasher("sha512", key).update(text).digest()

export const randomBytes = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count))

/**
 * 128 bits that differ when the bytes do, for entity tags: two independent hashes that take a microsecond for 10 KB, where a cryptographic
 * one takes ten. Nobody gains from a collision, which would only hide a change from whoever made it.
 */
export const fingerprint = (bytes: Uint8Array): string => `${Bun.hash.wyhash(bytes).toString(36)}.${Bun.hash.xxHash64(bytes).toString(36)}`

/** SHA-256 of parts that arrive one after another; the result is in hexadecimal. */
export const makeSha256 = () => {
  const hasher = new Bun.CryptoHasher("sha256")
  return { update: (part: string | Uint8Array) => void hasher.update(part), hex: () => hasher.digest("hex") }
}
