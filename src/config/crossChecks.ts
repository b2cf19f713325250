/** Checks that involve more than one variable, and warnings about values that are valid but unwise. */
import { Redacted } from "effect"
import { parseNetwork } from "../domain/Network.ts"
import { coverAllAddresses } from "./networks.ts"
import { parseProxy, proxyTextFor, proxyVariableOf } from "./outgoingProxy.ts"
import type { SettingIssue, ResolvedSetting } from "./resolveSettings.ts"

const textsOf = (settings: ReadonlyArray<ResolvedSetting>) => (variable: string) =>
  settings.find((setting) => setting.variable === variable)?.text

/** The gateway logs in to ThingsBoard in exactly one way: as a user, or with an API key. */
export const credentialIssues = (settings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> => {
  const text = textsOf(settings)
  const [username, password, key] = [text("TB_USERNAME"), text("TB_PASSWORD"), text("TB_API_KEY")]
  if (key !== undefined && (username !== undefined || password !== undefined)) {
    return [{ variable: "TB_API_KEY", issue: "cannot be combined with TB_USERNAME and TB_PASSWORD: choose one way to log in" }]
  }
  if (key !== undefined || (username !== undefined && password !== undefined)) return []
  if (username !== undefined) return [{ variable: "TB_PASSWORD", issue: "is required when TB_USERNAME is set" }]
  if (password !== undefined) return [{ variable: "TB_USERNAME", issue: "is required when TB_PASSWORD is set" }]
  return [{ variable: "TB_USERNAME", issue: "is required, with TB_PASSWORD; or set TB_API_KEY instead (ThingsBoard 4.3 or later)" }]
}

/** A proxy that does not apply to ThingsBoard may be anything: other programs read the same variables. */
export const proxyIssues = (settings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> => {
  const valueOf = (variable: string) => settings.find((setting) => setting.variable === variable)?.value
  const host = valueOf("TB_HOST") as string | undefined
  if (host === undefined) return []
  const text = proxyTextFor(host, {
    httpProxy: valueOf("HTTP_PROXY") as Redacted.Redacted<string> | undefined,
    httpsProxy: valueOf("HTTPS_PROXY") as Redacted.Redacted<string> | undefined,
    noProxy: valueOf("NO_PROXY") as string | undefined
  })
  return text !== undefined && parseProxy(text) === undefined
    ? [{ variable: proxyVariableOf(host), issue: "must be the URL of an http proxy, such as http://proxy.example.com:3128" }]
    : []
}

/** A gateway without keys would be either useless or open to everybody, so it does not start. */
export const keySourceIssues = (settings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> => {
  const text = textsOf(settings)
  return text("API_KEY") === undefined && text("API_KEYS_FILE") === undefined
    ? [{ variable: "API_KEY", issue: "is required, or API_KEYS_FILE: the gateway does not start without a key" }]
    : []
}

/** Clients send the key in a header, which cannot contain control characters or anything beyond Latin-1. */
export const apiKeyIssues = (settings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> => {
  const key = textsOf(settings)("API_KEY")
  return key !== undefined && /[^\t\x20-\x7e\x80-\xff]/.test(key)
    ? [{ variable: "API_KEY", issue: "has characters that cannot be sent in a header: use ASCII letters, digits and punctuation" }]
    : []
}

/** A certificate is useless without its key, and client certificates require https. */
export const tlsIssues = (settings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> => {
  const text = textsOf(settings)
  const [certificate, key, clientCa] = [text("TLS_CERT_FILE"), text("TLS_KEY_FILE"), text("TLS_CLIENT_CA_FILE")]
  if (clientCa === undefined && text("TLS_CLIENT_CRL_FILE") !== undefined)
    return [{ variable: "TLS_CLIENT_CA_FILE", issue: "is required when TLS_CLIENT_CRL_FILE is set" }]
  if (certificate !== undefined && key === undefined) return [{ variable: "TLS_KEY_FILE", issue: "is required when TLS_CERT_FILE is set" }]
  if (certificate === undefined && key !== undefined) return [{ variable: "TLS_CERT_FILE", issue: "is required when TLS_KEY_FILE is set" }]
  return clientCa !== undefined && certificate === undefined
    ? [{ variable: "TLS_CERT_FILE", issue: "is required, with TLS_KEY_FILE, when TLS_CLIENT_CA_FILE is set" }]
    : []
}

/** Without a trusted proxy, traces would be ignored by mistake. */
export const traceIssues = (settings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> => {
  const text = textsOf(settings)
  return text("TRUST_TRACEPARENT") === "proxies" && (text("TRUSTED_PROXIES") ?? "") === ""
    ? [{ variable: "TRUSTED_PROXIES", issue: "is required when TRUST_TRACEPARENT is proxies" }]
    : []
}

/** Uploads are kept in one place. */
export const spoolIssues = (settings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> => {
  const text = textsOf(settings)
  const [folder, redis] = [text("SPOOL_DIR"), text("SPOOL_REDIS_URL")]
  if (folder !== undefined && redis !== undefined)
    return [{ variable: "SPOOL_REDIS_URL", issue: "must not be set when SPOOL_DIR is: uploads are kept in one of them" }]
  return text("SPOOL")?.toLowerCase() === "always" && folder === undefined && redis === undefined
    ? [{ variable: "SPOOL_DIR", issue: "is required when SPOOL is always, or SPOOL_REDIS_URL" }]
    : []
}

/**
 * A `.env` that nobody named may be one that came with a cloned repository or an archive. It may contain a server with its password, but
 * not choose the server for a password that is elsewhere.
 */
export const redirectIssues = (settings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> => {
  const find = (variable: string) => settings.find((setting) => setting.variable === variable)
  const elsewhere = ["TB_PASSWORD", "TB_API_KEY"].find((variable) => {
    const { file, from, text } = find(variable) ?? {}
    return text !== undefined && (from !== ".env" || file !== undefined)
  })
  if (elsewhere === undefined) return []
  return ["TB_HOST", "TB_CA_FILE"].flatMap((variable) =>
    find(variable)?.from === ".env"
      ? [
          {
            variable,
            issue: `is in .env of the working directory, but ${elsewhere} is not: the file must not choose where a secret is sent. If you trust it, name it with --env-file .env, or set ${variable} in the environment`
          }
        ]
      : []
  )
}

/** A trusted authority has no effect on a connection without TLS. */
const unusedCaWarnings = (host: unknown, caFile: unknown): ReadonlyArray<SettingIssue> =>
  typeof host === "string" && host.startsWith("http:") && caFile !== undefined
    ? [{ variable: "TB_CA_FILE", issue: "is not used: TB_HOST is plain http" }]
    : []

const minSafeKeyLength = 16

/** Hosts whose traffic does not leave this machine. Containers reach the machine they run on by the last two names. */
const isLocal = (host: string) =>
  /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\]|host\.docker\.internal|host\.containers\.internal)$/.test(host)

const redisWarnings = (variable: string, redis: unknown): ReadonlyArray<SettingIssue> => {
  if (!Redacted.isRedacted(redis)) return []
  const { hostname, password, protocol } = new URL(String(Redacted.value(redis)))
  return protocol === "redis:" && password !== "" && !isLocal(hostname)
    ? [{ variable, issue: "has a password but no TLS (rediss:): the password is sent unencrypted" }]
    : []
}

const proxyWarnings = (proxies: unknown): ReadonlyArray<SettingIssue> =>
  Array.isArray(proxies) && coverAllAddresses(proxies.flatMap((proxy) => parseNetwork(String(proxy)) ?? []))
    ? [{ variable: "TRUSTED_PROXIES", issue: "trusts everybody: any caller can choose the address that is counted and logged" }]
    : []

/** Settings that are allowed, but worth a warning at start. */
export const findWarnings = (settings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> => {
  const value = (variable: string) => settings.find((setting) => setting.variable === variable)?.value
  const warnings: Array<SettingIssue> = []
  const redactedKey = value("API_KEY")
  if (Redacted.isRedacted(redactedKey)) {
    const key = String(Redacted.value(redactedKey))
    if (key.startsWith("your-")) warnings.push({ variable: "API_KEY", issue: "is a sample value, which everybody can guess" })
    else if (key.length < minSafeKeyLength) {
      warnings.push({ variable: "API_KEY", issue: `is shorter than ${minSafeKeyLength} characters, which can be guessed` })
    }
    if (/[\x80-\xff]/.test(key))
      warnings.push({ variable: "API_KEY", issue: "has characters beyond ASCII, which clients encode in different ways" })
  }
  const host = value("TB_HOST")
  if (typeof host === "string" && host.startsWith("http:") && !isLocal(new URL(host).hostname)) {
    warnings.push({ variable: "TB_HOST", issue: "is plain http: passwords and data are sent unencrypted" })
  }
  const origins = value("BACKEND_CORS_ORIGINS")
  if (Array.isArray(origins) && origins.includes("*"))
    warnings.push({ variable: "BACKEND_CORS_ORIGINS", issue: "lets the pages of every site call the API with a key" })
  if (value("DOCS_ACCESS") === "key" && value("DOCS_ENABLED") === false)
    warnings.push({ variable: "DOCS_ACCESS", issue: "is not used: DOCS_ENABLED is false" })
  warnings.push(
    ...proxyWarnings(value("TRUSTED_PROXIES")),
    ...["REDIS_URL", "SPOOL_REDIS_URL"].flatMap((variable) => redisWarnings(variable, value(variable)))
  )
  warnings.push(...unusedCaWarnings(host, value("TB_CA_FILE")))
  return warnings
}
