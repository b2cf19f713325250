import { Effect, Layer, Redacted, Schema } from "effect"
import { readSecretFile } from "../config/secretFiles.ts"
import { Settings } from "../config/Settings.ts"
import { watchFiles } from "../platform/watchFiles.ts"
import type { SecretSource } from "../thingsboard/auth/SecretSource.ts"

class SecretUnreadable extends Schema.TaggedError<SecretUnreadable>()("SecretUnreadable", { message: Schema.String }) {}

/**
 * Uses a changed password or API key of the gateway from the next login on, also when the one before was rejected. Sessions that exist
 * stay in use. Without a file there is nothing to watch.
 */
export const secretReload = (source: SecretSource) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { tbSecretFile } = yield* Settings
      if (tbSecretFile === undefined) return
      const read = Effect.flatMap(readSecretFile(tbSecretFile), ({ issue, text }) =>
        text === undefined ? Effect.fail(new SecretUnreadable({ message: issue ?? "cannot be read" })) : Effect.succeed(text)
      )
      let isReported = false
      const initial = yield* Effect.orElseSucceed(read, () => "") // it was read a moment ago
      yield* watchFiles({
        initial,
        read,
        isSame: (a: string, b: string) => a === b,
        onChange: (text: string) => {
          source.current = Redacted.make(text)
          source.onChange?.()
          return Effect.logInfo("The gateway's credentials for ThingsBoard have changed: the next login uses them")
        },
        onSuccess: () => {
          isReported = false
        },
        onFailure: ({ message }: SecretUnreadable) => {
          if (isReported) return Effect.void
          isReported = true
          return Effect.logError(
            `The gateway's credentials for ThingsBoard cannot be read again; the previous ones stay in use: ${message}`
          )
        }
      })
    })
  )
