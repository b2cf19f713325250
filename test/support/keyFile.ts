/** A file of keys that the program did not make. */
import { Effect } from "effect"
import { join } from "node:path"
import { allScopes, type KeyEntry } from "../../src/domain/ApiKey.ts"
import { digestOf } from "../../src/apikeys/KeyFormat.ts"
import { temporaryFolder } from "./temporaryFolder.ts"
import { keyOf } from "./leaks/canaries.ts"

type Entry = Partial<Omit<typeof KeyEntry.Encoded, "id" | "sha256">>

/** What to present for the key of an id. */
export { keyOf }

const entryOf = (id: string, entry: Entry) => ({ id, name: id, sha256: digestOf(keyOf(id)), scopes: allScopes, ...entry })

/** Keys by id, with all scopes unless they are given. */
export const renderKeyFile = (keys: Readonly<Record<string, Entry>>) =>
  JSON.stringify({ keys: Object.entries(keys).map(([id, entry]) => entryOf(id, entry)) })

/** The path of a file that holds them until the scope closes. */
export const writeKeyFile = Effect.fnUntraced(function* (keys: Readonly<Record<string, Entry>>) {
  const file = join(yield* temporaryFolder("keys"), "keys.json")
  yield* Effect.promise(() => Bun.write(file, renderKeyFile(keys)))
  return file
})
