/** What a client prefers (RFC 7240): here, how long it will wait. A preference that cannot be honored is ignored, as the RFC says. */
import type { Exchange } from "../../platform/Exchange.ts"

const waitPreference = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?(?=$|[\s,;])/i

/** Ms that the client will wait; undefined if it does not say. */
const readWait = (prefer: string | null): number | undefined => {
  const seconds = prefer === null ? undefined : waitPreference.exec(prefer)?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

const asyncPreference = /(?:^|[,;\s])respond-async(?=$|[\s,;])/i

/** Whether the client prefers a response before its upload is stored. */
export const prefersAsync = (prefer: string | undefined): boolean => prefer !== undefined && asyncPreference.test(prefer)

/** Limits the time of a request to `maxMillis`, or to what the client asks for if that is less. */
export const limitTime = (exchange: Exchange, maxMillis: number) => {
  const wait = readWait(exchange.request.headers.get("prefer"))
  if (wait === undefined || wait > maxMillis) exchange.limitTime(maxMillis)
  else {
    exchange.limitTime(wait)
    exchange.headers["preference-applied"] = `wait=${wait / 1000}`
  }
}
