/** Takes a renewed certificate over while the gateway runs: whole or not at all, and told once. */
import { Effect, Layer, Schedule } from "effect"
import { readServerTls } from "../config/Certificates.ts"
import { Settings } from "../config/Settings.ts"
import { BunHttpServer } from "../platform/BunHttpServer.ts"
import { dayOf, expiryOf, type ServerTls } from "../platform/Tls.ts"

const same = (a: ServerTls, b: ServerTls) => a.cert === b.cert && a.key === b.key && a.clientCa === b.clientCa

/**
 * Reads the files every two seconds: a mounted secret is swapped by a link, which no watcher sees. What renews certificates may write
 * one file after the other, so a fault is told only when it is still there at the next look.
 */
export const certificateReload = (first: ServerTls | undefined) =>
  first === undefined
    ? Layer.empty
    : Layer.effectDiscard(
        Effect.gen(function* () {
          const server = yield* BunHttpServer
          const settings = yield* Settings
          let used = first
          let fault: string | undefined
          let told: string | undefined
          const look = Effect.gen(function* () {
            const found = yield* readServerTls(settings)
            fault = told = undefined
            if (found === undefined || same(found, used)) return
            yield* server.renew(found)
            used = found
            yield* Effect.logInfo(`The renewed certificate is in use; it holds until ${dayOf(expiryOf(found.cert))}`)
          }).pipe(
            Effect.catch(({ message }) => {
              const again = message === fault && message !== told
              fault = message
              if (!again) return Effect.void
              told = message
              return Effect.logError(`The renewed certificate cannot be used; the one before stays. ${message}`)
            })
          )
          yield* Effect.forkScoped(Effect.repeat(look, Schedule.spaced("2 seconds")))
        })
      )
