import { Effect } from "effect"
import { CurrentExchange } from "../platform/BunHttpServer.ts"

/** Tells of a refused request in the words that people already grep for. The key is named by its id, never shown. */
export const securityEvent = (status: number, keyId: string | undefined) =>
  Effect.withFiber((fiber) => {
    const exchange = fiber.getRef(CurrentExchange)
    return Effect.logWarning(`Security event: ${status}`).pipe(
      Effect.annotateLogs({
        request_id: exchange?.id ?? "none",
        address: exchange?.remoteAddress ?? "unknown",
        ...(keyId === undefined ? {} : { key_id: keyId })
      })
    )
  })
