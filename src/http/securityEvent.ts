/** What operators look for in the log: refusals, used-up limits, ThingsBoard's failures, each with who asked. The phrases are ones that people already grep for. */
import { Context, Effect, type Fiber } from "effect"
import { CurrentCaller } from "../api/middleware/Authentication.ts"
import { CurrentExchange } from "../platform/BunHttpServer.ts"
import type { ThingsBoardError } from "../thingsboard/ThingsBoardError.ts"

/** The key is named by its id, never shown. */
const whoAsked = (fiber: Fiber.Fiber<unknown, unknown>, keyId = Context.getOrUndefined(fiber.context, CurrentCaller)?.id) => {
  const exchange = fiber.getRef(CurrentExchange)
  return {
    request_id: exchange?.id ?? "none",
    address: exchange?.remoteAddress ?? "unknown",
    ...(keyId === undefined ? {} : { key_id: keyId })
  }
}

const told = (message: string, fields: Record<string, unknown>, keyId?: string) =>
  Effect.withFiber((fiber) => Effect.annotateLogs(Effect.logWarning(message), { ...whoAsked(fiber, keyId), ...fields }))

/** A request was refused with this status. */
export const securityEvent = (status: number, keyId: string | undefined) => told(`Security event: ${status}`, { status }, keyId)

/** A key, or an address, asked for more than its limit. */
export const rateLimitExceeded = (keyId: string | undefined) => told("Rate limit exceeded", { status: 429 }, keyId)

/** A call to ThingsBoard failed. Status and code are ThingsBoard's; its text is nowhere. */
export const thingsBoardFailed = ({ errorCode, message, reason, status }: ThingsBoardError, fields: Record<string, unknown> = {}) =>
  told(`ThingsBoard HTTP error: ${message}`, {
    upstream_failure: reason._tag,
    ...(status === undefined ? {} : { upstream_status: status }),
    ...(errorCode === undefined ? {} : { upstream_code: errorCode }),
    ...fields
  })
