import { Effect, Layer } from "effect"
import { readServerTls } from "../config/Certificates.ts"
import { type InvalidSettings, Settings } from "../config/Settings.ts"
import { BunHttpServer, type CannotListen } from "../platform/BunHttpServer.ts"
import { formatDay, certificateExpiry, type ServerTls } from "../platform/Tls.ts"
import { watchFiles } from "../platform/watchFiles.ts"

const isSame = (a: ServerTls, b: ServerTls) => a.cert === b.cert && a.key === b.key && a.clientCa === b.clientCa

/**
 * Puts a renewed certificate into use while the gateway runs: certificate, key and client authorities together, or none of them. Tools
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
            onChange: (tls: ServerTls) =>
              Effect.andThen(
                server.renew(tls),
                Effect.logInfo(`The renewed certificate is in use; it expires on ${formatDay(certificateExpiry(tls.cert))}`)
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
