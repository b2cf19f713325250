/** A file of keys that the program did not make. */
import { Effect } from "effect"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { allScopes, type KeyEntry } from "../../src/domain/ApiKey.ts"
import { digestOf } from "../../src/services/KeyMint.ts"

type Entry = Partial<Omit<typeof KeyEntry.Encoded, "id" | "sha256">>

/** What to present for the key of an id. */
export const keyOf = (id: string) => `canary-of-${id}-0123456789`

const entryOf = (id: string, entry: Entry) => ({ id, name: id, sha256: digestOf(keyOf(id)), scopes: allScopes, ...entry })

/** Keys by id, with all scopes unless they are given. */
export const keysText = (keys: Readonly<Record<string, Entry>>) =>
  JSON.stringify({ keys: Object.entries(keys).map(([id, entry]) => entryOf(id, entry)) })

/** The path of a file that holds them until the scope closes. */
export const keysFile = (keys: Readonly<Record<string, Entry>>) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const folder = await mkdtemp(join(tmpdir(), "boardwalk-keys-"))
        await Bun.write(join(folder, "keys.json"), keysText(keys))
        return folder
      }),
      (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
    ),
    (folder) => join(folder, "keys.json")
  )
