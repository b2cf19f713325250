/** Reports the keys that a read of all keys leaves out, because this release of ThingsBoard cannot read them. */
import { Effect } from "effect"
import { clientFields } from "../logging/securityLog.ts"

/** Characters. Clients and proxies accept at least 8 KiB for all headers together. */
const maxLength = 4096

/** The names, percent-encoded and separated by commas. Each has a comma of its own, so the `...` for the rest cannot be a name. */
const encodeNames = (keys: ReadonlyArray<string>): string => {
  let text = ""
  for (const key of keys) {
    const name = encodeURIComponent(key.toWellFormed())
    if (text.length + name.length > maxLength) return text === "" ? "..." : `${text},...`
    text += text === "" ? name : `,${name}`
  }
  return text
}

export const skippedKeysHeader = (keys: ReadonlyArray<string>): Record<string, string> =>
  keys.length === 0 ? {} : { "x-keys-skipped": encodeNames(keys) }

/** One line per request. */
export const logSkippedKeys = (keys: ReadonlyArray<string>): Effect.Effect<void> =>
  keys.length === 0
    ? Effect.void
    : Effect.withFiber((fiber) =>
        Effect.annotateLogs(Effect.logWarning("Keys with commas left out: ThingsBoard before 4.3.1.1 cannot read them"), {
          ...clientFields(fiber),
          count: keys.length,
          keys: encodeNames(keys)
        })
      )
