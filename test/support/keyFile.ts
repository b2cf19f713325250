/** Key files for API_KEYS_FILE, written without the CLI. */
import { Effect } from "effect"
import { join } from "node:path"
import { allScopes, type KeyEntry } from "../../src/domain/ApiKey.ts"
import { digestOf } from "../../src/apikeys/KeyFormat.ts"
import { temporaryFolder } from "./temporaryFolder.ts"
import { keyOf } from "./leaks/canaries.ts"

type Entry = Partial<Omit<typeof KeyEntry.Encoded, "id" | "sha256">>

/** The secret of the key with this id. */
export { keyOf }

const makeEntry = (id: string, entry: Entry) => ({ id, name: id, sha256: digestOf(keyOf(id)), scopes: allScopes, ...entry })

/** The text of a key file. Keys have all scopes by default. */
export const renderKeyFile = (keys: Readonly<Record<string, Entry>>) =>
  JSON.stringify({ keys: Object.entries(keys).map(([id, entry]) => makeEntry(id, entry)) })

/** Writes a key file that lasts until the scope closes, and returns its path. */
export const writeKeyFile = Effect.fnUntraced(function* (keys: Readonly<Record<string, Entry>>) {
  const file = join(yield* temporaryFolder("keys"), "keys.json")
  yield* Effect.promise(() => Bun.write(file, renderKeyFile(keys)))
  return file
})
