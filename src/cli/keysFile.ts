import { Effect, FileSystem, Runtime, Schema } from "effect"
import { Flag } from "effect/cli"
import { type KeyEntry, KeysFile } from "../domain/ApiKey.ts"
import { orVariable } from "./flags.ts"

export class KeysProblem extends Schema.TaggedError<KeysProblem>()("KeysProblem", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

export const file = Flag.String("file").pipe(
  Flag.withDescription("The file of keys; API_KEYS_FILE when there is none"),
  orVariable("file", "API_KEYS_FILE", (path) => path)
)

const Document = Schema.fromJsonString(KeysFile)

export const readKeys = Effect.fnUntraced(function* (path: string) {
  const files = yield* FileSystem.FileSystem
  if (!(yield* files.exists(path))) return []
  const { keys } = yield* Schema.decodeEffect(Document)(yield* files.readFileString(path), { errors: "all", onExcessProperty: "error" })
  return keys
})

/** Written beside the file and moved over it, so that a gateway that looks at it never reads half of it. */
export const writeKeys = Effect.fnUntraced(function* (path: string, keys: ReadonlyArray<KeyEntry>) {
  const files = yield* FileSystem.FileSystem
  const compact = yield* Schema.encodeEffect(Document)({ keys })
  const draft = `${path}.new`
  yield* files.writeFileString(draft, `${JSON.stringify(JSON.parse(compact), undefined, 2)}\n`, { mode: 0o600 })
  yield* files.rename(draft, path)
})

export const orProblem = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.mapError(effect, (error) => new KeysProblem({ message: error.message }))
