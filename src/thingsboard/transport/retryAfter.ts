/** Ms that a `Retry-After` header asks to wait: it has seconds or a date (RFC 9110). Undefined if it is not valid. */
export const parseRetryAfter = (header: string | undefined, now: number): number | undefined => {
  if (header === undefined) return undefined
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1000
  // Date.parse also accepts other forms, such as negative numbers.
  if (!/^[A-Z][a-z]{2,8},? /.test(header)) return undefined
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
