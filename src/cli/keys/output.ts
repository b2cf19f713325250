/** How keys are printed. Names and ids may contain control characters, which callers escape. */
import { DateTime } from "effect"
import type { KeyEntry } from "../../domain/ApiKey.ts"

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
