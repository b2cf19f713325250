/** Describes changes and upcoming expiries of keys for the log. Keys are named by their ids. */
import { DateTime, Equal } from "effect"
import type { KeyEntry, KeysFile } from "../domain/ApiKey.ts"
import type { KeyFileContents } from "./KeyFile.ts"

const byId = ({ keys }: KeysFile) => new Map(keys.map((key) => [key.id, key]))

const isEnabled = (key: KeyEntry | undefined) => key !== undefined && key.disabled !== true

const isSame = (one: KeyEntry, other: KeyEntry) => JSON.stringify(one) === JSON.stringify(other)

/** The ids of added, removed and changed keys; kinds of change without keys are left out. The file does not show whether a secret has changed: `hasOtherSecret` does. */
export const describeKeyChanges = (
  before: KeysFile,
  after: KeysFile,
  hasOtherSecret: (id: string) => boolean = () => false
): Readonly<Record<string, ReadonlyArray<string>>> => {
  const [old, now] = [byId(before), byId(after)]
  const ids = [...new Set([...old.keys(), ...now.keys()])]
  const changes = {
    added: ids.filter((id) => !isEnabled(old.get(id)) && isEnabled(now.get(id))),
    removed: ids.filter((id) => isEnabled(old.get(id)) && !isEnabled(now.get(id))),
    changed: ids.filter((id) => {
      const [one, other] = [old.get(id), now.get(id)]
      return one !== undefined && other !== undefined && isEnabled(one) && isEnabled(other) && (!isSame(one, other) || hasOtherSecret(id))
    })
  }
  return Object.fromEntries(Object.entries(changes).filter(([, ids]) => ids.length > 0))
}

/** Keys whose secret is missing now, and was not missing for the same reason before. */
export const findMissingSecrets = (now: KeyFileContents["users"], before: KeyFileContents["users"] = new Map()) =>
  [...now].flatMap(([id, user]) =>
    user._tag === "SecretMissing" && !Equal.equals(user, before.get(id)) ? [{ id, reason: user.reason }] : []
  )

const day = 86_400_000

/** Long enough to create another key and hand it out. */
const warningDays = 14

export interface KeyExpiry {
  readonly id: string
  readonly expiresAt: string
  /** Whole days remaining. */
  readonly days: number
}

/** Usable keys that expire soon. Keys that have expired already show in the log by their 401. */
export const findExpiringKeys = ({ keys }: KeysFile, nowMillis: number): ReadonlyArray<KeyExpiry> =>
  keys.flatMap(({ disabled, expires_at, id }) => {
    if (disabled === true || expires_at === undefined) return []
    const remaining = DateTime.toEpochMillis(expires_at) - nowMillis
    return remaining > 0 && remaining <= warningDays * day
      ? [{ id, expiresAt: DateTime.formatIso(expires_at), days: Math.floor(remaining / day) }]
      : []
  })
