/** What a client's `Cache-Control` says about data from a cache (RFC 9111, section 5.2.1). */

export interface DataRules {
  /** Ms: the age up to which the client accepts data. 0 for `no-cache` and `no-store`; unlimited without a directive. */
  readonly maxAge: number
  /** Whether the response must not be kept for others. */
  readonly noStore: boolean
}

const anything: DataRules = { maxAge: Number.POSITIVE_INFINITY, noStore: false }

const maxAgeDirective = /(?:^|[\s,])max-age\s*=\s*"?(\d+)/i
const noCacheDirective = /(?:^|[\s,])no-cache(?=$|[\s,=])/i
const noStoreDirective = /(?:^|[\s,])no-store(?=$|[\s,=])/i

export const readDataRules = (cacheControl: string | null): DataRules => {
  if (cacheControl === null) return anything
  const noStore = noStoreDirective.test(cacheControl)
  if (noStore || noCacheDirective.test(cacheControl)) return { maxAge: 0, noStore }
  const [, seconds] = maxAgeDirective.exec(cacheControl) ?? []
  return seconds === undefined ? anything : { maxAge: Number(seconds) * 1000, noStore }
}
