/** What operators should hear of the file of keys: what changed in it, and which keys are about to end. Keys are named by their ids. */
import { DateTime, Equal } from "effect"
import type { KeyEntry, KeysFile } from "../domain/ApiKey.ts"
import type { KeyFileContents } from "./KeyFile.ts"

const byId = ({ keys }: KeysFile) => new Map(keys.map((key) => [key.id, key]))

const works = (key: KeyEntry | undefined) => key !== undefined && key.disabled !== true

const isSame = (one: KeyEntry, other: KeyEntry) => JSON.stringify(one) === JSON.stringify(other)

/** Ids by what became of them; only kinds of change that there are. `hasOtherSecret` tells what the file itself does not show. */
export const describeKeyChanges = (
  before: KeysFile,
  after: KeysFile,
  hasOtherSecret: (id: string) => boolean = () => false
): Readonly<Record<string, ReadonlyArray<string>>> => {
  const [old, now] = [byId(before), byId(after)]
  const ids = [...new Set([...old.keys(), ...now.keys()])]
  const changes = {
    added: ids.filter((id) => !works(old.get(id)) && works(now.get(id))),
    removed: ids.filter((id) => works(old.get(id)) && !works(now.get(id))),
    changed: ids.filter((id) => {
      const [one, other] = [old.get(id), now.get(id)]
      return one !== undefined && other !== undefined && works(one) && works(other) && (!isSame(one, other) || hasOtherSecret(id))
    })
  }
  return Object.fromEntries(Object.entries(changes).filter(([, of]) => of.length > 0))
}

/** Keys that lack their secret, and did not lack it in the same place before. */
export const findMissingSecrets = (now: KeyFileContents["users"], before: KeyFileContents["users"] = new Map()) =>
  [...now].flatMap(([id, user]) =>
    user._tag === "SecretMissing" && !Equal.equals(user, before.get(id)) ? [{ id, reason: user.reason }] : []
  )

const day = 86_400_000

/** Long enough to make another key and to hand it out. */
const daysAhead = 14

export interface KeyExpiry {
  readonly id: string
  readonly expiresAt: string
  /** Whole days that are left. */
  readonly days: number
}

/** Keys that work and will not much longer. Those that have expired already are told by their 401. */
export const findExpiringKeys = ({ keys }: KeysFile, nowMillis: number): ReadonlyArray<KeyExpiry> =>
  keys.flatMap(({ disabled, expires_at, id }) => {
    if (disabled === true || expires_at === undefined) return []
    const left = DateTime.toEpochMillis(expires_at) - nowMillis
    return left > 0 && left <= daysAhead * day ? [{ id, expiresAt: DateTime.formatIso(expires_at), days: Math.floor(left / day) }] : []
  })
