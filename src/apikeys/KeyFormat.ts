/**
 * Makes keys. A key is `bw_`, 40 characters of chance (238 bits) and a checksum of 6, so that secret scanners recognise it and a
 * mistyped one is told from a wrong one.
 */
import { sha256 } from "../platform/Digest.ts"

const prefix = "bw_"
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
const randomLength = 40
const checksumLength = 6

/** Bytes from here on would favour the first letters: 62 * 4. */
const fairBelow = alphabet.length * Math.floor(256 / alphabet.length)

const letters = (bytes: Iterable<number>): string => {
  let text = ""
  for (const byte of bytes) if (byte < fairBelow) text += alphabet[byte % alphabet.length]
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

/** What the file holds of a key. */
export const digestOf = (key: string): string => sha256(key).toString("hex")

/** A new key, from a source of random bytes. */
export const createKey = (random: (count: number) => Uint8Array): string => {
  let chance = ""
  while (chance.length < randomLength) chance += letters(random(randomLength))
  const body = prefix + chance.slice(0, randomLength)
  return body + checksum(body)
}

/** Whether a text is meant to be a minted key, mistyped or not. */
export const looksGenerated = (key: string): boolean => key.startsWith(prefix)

/** Whether a text has the form of a minted key, checksum included. Keys of `API_KEY` may have any form. */
export const isWellFormed = (key: string): boolean =>
  /^bw_[0-9A-Za-z]{46}$/.test(key) && key.slice(-checksumLength) === checksum(key.slice(0, -checksumLength))

/** Whether a text is meant to be a minted key and cannot be one. */
export const hasChecksumError = (key: string): boolean => looksGenerated(key) && !isWellFormed(key)
