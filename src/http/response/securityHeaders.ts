/** Headers of every response. Documentation pages replace the content security policy by one that allows their own scripts. */
export const securityHeaders = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store"
} as const

/**
 * Added where the gateway itself serves TLS: browsers use only https for a year. Without `includeSubDomains`, since other hosts of the
 * domain are not the gateway's to decide on.
 */
export const strictTransportSecurity = { "strict-transport-security": "max-age=31536000" } as const
