/** How keys are printed. Names and ids may contain control characters, which callers escape. */
import { DateTime, Effect, Stdio, Stream } from "effect"
import type { KeyEntry } from "../../domain/ApiKey.ts"

/** Writes the final output of a command. Unlike the console, it fails if the text cannot be written, for instance to a full disk or a closed pipe. */
export const printResult = (text: string) =>
  Effect.flatMap(Stdio.Stdio, (stdio) => Stream.run(Stream.make(`${text}\n`), stdio.stdout({ endOnDone: true })))

export type KeyState = "active" | "expired" | "disabled"

export const keyState = (key: KeyEntry, now: DateTime.DateTime): KeyState => {
  if (key.disabled === true) return "disabled"
  return key.expires_at !== undefined && DateTime.isLessThanOrEqualTo(key.expires_at, now) ? "expired" : "active"
}

/** ISO 8601, without milliseconds if they are zero. */
export const formatTime = (time: DateTime.DateTime) => DateTime.formatIso(time).replace(".000Z", "Z")

export const formatExpiry = (key: KeyEntry) => (key.expires_at === undefined ? null : formatTime(key.expires_at))

/** The JSON summary of a key. */
export const summarizeKey = (key: KeyEntry, now: DateTime.DateTime) => ({
  id: key.id,
  name: key.name,
  state: keyState(key, now),
  expires_at: formatExpiry(key)
})
