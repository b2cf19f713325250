/**
 * The format of generated keys: `bw_`, 40 random characters (238 bits) and a checksum of 6 characters. Secret scanners recognize the
 * format, and the checksum distinguishes mistyped keys from unknown ones.
 */
import { sha256, sha256Hex } from "../platform/Digest.ts"

const prefix = "bw_"
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
const randomLength = 40
const checksumLength = 6

/** Larger bytes would make the first characters of the alphabet more likely: 62 * 4. */
const unbiasedLimit = alphabet.length * Math.floor(256 / alphabet.length)

const toCharacters = (bytes: Iterable<number>): string => {
  let text = ""
  for (const byte of bytes) if (byte < unbiasedLimit) text += alphabet[byte % alphabet.length]
  return text
}

const checksum = (body: string): string => {
  let rest = sha256(body).readUIntBE(0, 6)
  let text = ""
  for (let i = 0; i < checksumLength; i++) {
    text += alphabet[rest % alphabet.length]
    rest = Math.floor(rest / alphabet.length)
  }
  return text
}

/** The SHA-256 that the key file stores instead of the key, in hexadecimal digits. */
export const digestOf: (key: string) => string = sha256Hex

/** Generates a key from a source of random bytes. */
export const createKey = (random: (count: number) => Uint8Array): string => {
  let characters = ""
  while (characters.length < randomLength) characters += toCharacters(random(randomLength))
  const body = prefix + characters.slice(0, randomLength)
  return body + checksum(body)
}

/** Whether the text has the prefix of generated keys; it may be mistyped. */
export const looksGenerated = (key: string): boolean => key.startsWith(prefix)

/** Whether the text has the format of generated keys and the right checksum. `API_KEY` may have any format. */
export const isWellFormed = (key: string): boolean =>
  /^bw_[0-9A-Za-z]{46}$/.test(key) && key.slice(-checksumLength) === checksum(key.slice(0, -checksumLength))

/** Whether the text has the prefix of generated keys, but not their format or the wrong checksum. */
export const hasChecksumError = (key: string): boolean => looksGenerated(key) && !isWellFormed(key)
