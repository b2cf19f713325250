/** What no single variable can say about itself. */
import { Redacted } from "effect"
import { coverAllAddresses, parseNetwork } from "./networks.ts"
import type { SettingIssue, ResolvedSetting } from "./resolveSettings.ts"

const finder = (readings: ReadonlyArray<ResolvedSetting>) => (variable: string) =>
  readings.find((reading) => reading.variable === variable)?.text

/** ThingsBoard is entered in exactly one way: as a user, or by an API key. */
export const credentialIssues = (readings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> => {
  const text = finder(readings)
  const [username, password, key] = [text("TB_USERNAME"), text("TB_PASSWORD"), text("TB_API_KEY")]
  if (key !== undefined && (username !== undefined || password !== undefined)) {
    return [{ variable: "TB_API_KEY", issue: "cannot be given beside TB_USERNAME and TB_PASSWORD: choose one way to log in" }]
  }
  if (key !== undefined || (username !== undefined && password !== undefined)) return []
  if (username !== undefined) return [{ variable: "TB_PASSWORD", issue: "is required when TB_USERNAME is given" }]
  if (password !== undefined) return [{ variable: "TB_USERNAME", issue: "is required when TB_PASSWORD is given" }]
  return [{ variable: "TB_USERNAME", issue: "is required, with TB_PASSWORD; or give TB_API_KEY instead (ThingsBoard 4.3 or later)" }]
}

/** Without any key nothing is served: never is everything open. */
export const keySourceIssues = (readings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> => {
  const text = finder(readings)
  return text("API_KEY") === undefined && text("API_KEYS_FILE") === undefined
    ? [{ variable: "API_KEY", issue: "is required, or API_KEYS_FILE: without a key nothing is served" }]
    : []
}

/** Clients send a key in a header, which holds no control characters and nothing beyond Latin-1. */
export const apiKeyIssues = (readings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> => {
  const key = finder(readings)("API_KEY")
  return key !== undefined && /[^\t\x20-\x7e\x80-\xff]/.test(key)
    ? [{ variable: "API_KEY", issue: "has characters that no header can carry: use letters, digits and signs of ASCII" }]
    : []
}

/** A certificate is of no use without its key; who asks for client certificates must serve https. */
export const tlsIssues = (readings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> => {
  const text = finder(readings)
  const [certificate, key, clients] = [text("TLS_CERT_FILE"), text("TLS_KEY_FILE"), text("TLS_CLIENT_CA_FILE")]
  if (certificate !== undefined && key === undefined)
    return [{ variable: "TLS_KEY_FILE", issue: "is required when TLS_CERT_FILE is given" }]
  if (certificate === undefined && key !== undefined)
    return [{ variable: "TLS_CERT_FILE", issue: "is required when TLS_KEY_FILE is given" }]
  return clients !== undefined && certificate === undefined
    ? [{ variable: "TLS_CERT_FILE", issue: "is required, with TLS_KEY_FILE, when TLS_CLIENT_CA_FILE is given" }]
    : []
}

/** An authority for a connection that has no certificate protects nothing. */
const authorityFaults = (host: unknown, authority: unknown): ReadonlyArray<SettingIssue> =>
  typeof host === "string" && host.startsWith("http:") && authority !== undefined
    ? [{ variable: "TB_CA_FILE", issue: "is not used: TB_HOST is plain http" }]
    : []

const minSafeKeyLength = 16

/** What does not leave this machine; the last two names are how containers call the machine they run on. */
const isLocal = (host: string) =>
  /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\]|host\.docker\.internal|host\.containers\.internal)$/.test(host)

/** A password that travels readable. */
const redisWarnings = (redis: unknown): ReadonlyArray<SettingIssue> => {
  if (!Redacted.isRedacted(redis)) return []
  const { hostname, password, protocol } = new URL(String(Redacted.value(redis)))
  return protocol === "redis:" && password !== "" && !isLocal(hostname)
    ? [{ variable: "REDIS_URL", issue: "has a password and no TLS (rediss:): the password travels unencrypted" }]
    : []
}

const proxyWarnings = (proxies: unknown): ReadonlyArray<SettingIssue> =>
  Array.isArray(proxies) && coverAllAddresses(proxies.flatMap((proxy) => parseNetwork(String(proxy)) ?? []))
    ? [{ variable: "TRUSTED_PROXIES", issue: "trusts everybody: any caller can write the address that is counted and logged" }]
    : []

/** Allowed, but worth a line at start. */
export const findWarnings = (readings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> => {
  const value = (variable: string) => readings.find((reading) => reading.variable === variable)?.value
  const warnings: Array<SettingIssue> = []
  const key = value("API_KEY")
  if (Redacted.isRedacted(key)) {
    const shown = String(Redacted.value(key))
    if (shown.startsWith("your-")) warnings.push({ variable: "API_KEY", issue: "is a sample's value, which everybody can guess" })
    else if (shown.length < minSafeKeyLength) {
      warnings.push({ variable: "API_KEY", issue: `is shorter than ${minSafeKeyLength} characters, which can be guessed` })
    }
    if (/[\x80-\xff]/.test(shown))
      warnings.push({ variable: "API_KEY", issue: "has letters beyond ASCII, which clients send in different ways" })
  }
  const host = value("TB_HOST")
  if (typeof host === "string" && host.startsWith("http:") && !isLocal(new URL(host).hostname)) {
    warnings.push({ variable: "TB_HOST", issue: "is plain http: passwords and data travel unencrypted" })
  }
  const origins = value("BACKEND_CORS_ORIGINS")
  if (Array.isArray(origins) && origins.includes("*"))
    warnings.push({ variable: "BACKEND_CORS_ORIGINS", issue: "lets the pages of every site call the API with a key" })
  if (value("DOCS_ACCESS") === "key" && value("DOCS_ENABLED") === false)
    warnings.push({ variable: "DOCS_ACCESS", issue: "is not used: DOCS_ENABLED is false" })
  warnings.push(...proxyWarnings(value("TRUSTED_PROXIES")), ...redisWarnings(value("REDIS_URL")))
  warnings.push(...authorityFaults(host, value("TB_CA_FILE")))
  return warnings
}
