import { Clock, Context } from "effect"
import type { ApiKeys } from "../../apikeys/ApiKeys.ts"
import type { SettingsShape } from "../../config/Settings.ts"
import type { Exchange } from "../../platform/Exchange.ts"
import { CurrentAuthentication } from "../CurrentAuthentication.ts"
import { isTrustedProxy } from "./clientAddress.ts"

/**
 * Whether a request continues the trace of its `traceparent`. A trace that is continued is also sampled if the caller says so, so a stranger
 * could fill the collector: requests without a valid key never continue one. The key is looked up only for requests with such a header, and
 * the rest of the request uses the result.
 */
export const makeTraceTrust = (
  { trustTraceparent, trustedProxies }: Pick<SettingsShape, "trustTraceparent" | "trustedProxies">,
  keys: ApiKeys["Service"]
): ((exchange: Exchange, services: Context.Context<never>) => boolean) => {
  if (trustTraceparent === "never") return () => false
  const isProxy = isTrustedProxy(trustedProxies)
  return (exchange, services) => {
    const authentication = Context.get(services, CurrentAuthentication)
    if (authentication === undefined) return false
    if (trustTraceparent === "proxies" && !isProxy(exchange.peerAddress ?? "")) return false
    const presented = exchange.request.headers.get("x-api-key") ?? ""
    const address = exchange.remoteAddress ?? "unknown"
    return authentication.authenticate(presented, keys, Context.get(services, Clock.Clock), address)._tag === "ApiKey"
  }
}
