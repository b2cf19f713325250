/** How keys are told of. Their names and ids may come from elsewhere: they do not steer the terminal. */
import { DateTime, Effect, Stdio, Stream } from "effect"
import type { KeyEntry } from "../../domain/ApiKey.ts"

/** Unlike the console, this fails when the text cannot be written: the disk is full, or nobody reads the pipe. The last output of a command. */
export const printResult = (text: string) =>
  Effect.flatMap(Stdio.Stdio, (stdio) => Stream.run(Stream.make(`${text}\n`), stdio.stdout({ endOnDone: true })))

export const toJson = (value: unknown) => JSON.stringify(value, undefined, 2)

export type KeyState = "active" | "expired" | "disabled"

export const keyState = (key: KeyEntry, now: DateTime.DateTime): KeyState => {
  if (key.disabled === true) return "disabled"
  return key.expires_at !== undefined && DateTime.isLessThanOrEqualTo(key.expires_at, now) ? "expired" : "active"
}

/** To the second where it is a whole one, as everybody writes it. */
export const formatTime = (time: DateTime.DateTime) => DateTime.formatIso(time).replace(".000Z", "Z")

export const formatExpiry = (key: KeyEntry) => (key.expires_at === undefined ? null : formatTime(key.expires_at))

/** What is told of one key, in JSON. */
export const summarizeKey = (key: KeyEntry, now: DateTime.DateTime) => ({
  id: key.id,
  name: key.name,
  state: keyState(key, now),
  expires_at: formatExpiry(key)
})
