/** Headers of every answer. Pages of documentation replace the content security policy by one that lets their own scripts run. */
export const securityHeaders = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store"
} as const

/**
 * Beside them where the gateway itself speaks TLS: browsers come back by https only, for a year. Other hosts of the domain are not
 * the gateway's to decide on, so `includeSubDomains` is left to who owns it.
 */
export const onlyHttps = { "strict-transport-security": "max-age=31536000" } as const
