import { Effect, Equal, Layer } from "effect"
import { readServerTls } from "../config/Certificates.ts"
import { type InvalidSettings, Settings } from "../config/Settings.ts"
import { BunHttpServer, type CannotListen } from "../platform/BunHttpServer.ts"
import { formatDay, certificateExpiry, type ServerTls } from "../platform/Tls.ts"
import { watchFiles } from "../platform/watchFiles.ts"

/** Compares the texts. */
const isSame = (a: ServerTls, b: ServerTls) => Equal.equals(a, b)

/**
 * Puts a renewed certificate into use while the gateway runs: certificate, key, client authorities and revocation lists together, or none of them. Tools
 * that renew certificates may write one file after the other, so an error is logged only when two polls in a row find it, and once.
 */
export const certificateReload = (initial: ServerTls | undefined) =>
  initial === undefined
    ? Layer.empty
    : Layer.effectDiscard(
        Effect.gen(function* () {
          const server = yield* BunHttpServer
          const settings = yield* Settings
          let lastError: string | undefined
          let loggedError: string | undefined
          yield* watchFiles({
            initial,
            // Without TLS_CERT_FILE there would be nothing to watch.
            read: Effect.map(readServerTls(settings), (tls) => tls ?? initial),
            isSame,
            onChange: (tls: ServerTls, before: ServerTls) =>
              Effect.andThen(
                server.renew(tls),
                tls.cert === before.cert
                  ? Effect.logInfo("The changed key, client authorities or revocation lists are in use")
                  : Effect.logInfo(`The renewed certificate is in use; it expires on ${formatDay(certificateExpiry(tls.cert))}`)
              ),
            onSuccess: () => {
              lastError = loggedError = undefined
            },
            onFailure: ({ message }: InvalidSettings | CannotListen) => {
              const isConfirmed = message === lastError && message !== loggedError
              lastError = message
              if (!isConfirmed) return Effect.void
              loggedError = message
              return Effect.logError(`The renewed certificate cannot be used; the previous one stays in use. ${message}`)
            }
          })
        })
      )
