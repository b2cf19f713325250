/**
 * The table of all settings. The typed service, `.env.sample`, docs/settings.md and `boardwalk config show` are derived from it.
 * Only this folder reads the environment. It does not decide what the settings are used for.
 */
import { ConfigProvider, Context, type Duration, Effect, Layer, type LogLevel, Option, Redacted } from "effect"
import manifest from "../../package.json" with { type: "json" }
import {
  address,
  boolean,
  byteSize,
  byteSizeUpTo1MiB,
  duration,
  durationOrZero,
  hosts,
  httpUrl,
  networks,
  oneOf,
  origins,
  publicUrl,
  redisUrl,
  secret,
  text,
  integer
} from "./codecs.ts"
import {
  bothSet,
  camelCase,
  lookUp,
  type SecretFile,
  type SettingIssue,
  issuesOf,
  type Diagnostics,
  resolveSettings,
  type ResolvedSetting,
  type SettingDefinition,
  type SettingSource,
  type Values
} from "./resolveSettings.ts"
import {
  apiKeyIssues,
  traceIssues,
  spoolIssues,
  credentialIssues,
  keySourceIssues,
  proxyIssues,
  redirectIssues,
  tlsIssues,
  findWarnings
} from "./crossChecks.ts"
import type { Proxy } from "../platform/ClientSocket.ts"
import { readEnvFile, readEnvFileValues } from "./envFile.ts"
import { InvalidSettings } from "./InvalidSettings.ts"
import { isProxyVariable, proxyFor, type ProxyVariables } from "./outgoingProxy.ts"
import { fileVariable, readSecretFile } from "./secretFiles.ts"
import { maxDevicesLimit, maxKeysLimit } from "../domain/requestLimits.ts"

export const definitions = {
  TB_HOST: {
    section: "ThingsBoard",
    codec: httpUrl,
    default: "http://localhost:8080",
    example: "https://thingsboard.example.com",
    doc: "ThingsBoard's URL. Use https in production."
  },
  TB_USERNAME: {
    section: "ThingsBoard",
    codec: text,
    uncommentedInSample: true,
    doc: "The ThingsBoard user that Boardwalk logs in as: a tenant administrator or a customer user."
  },
  TB_PASSWORD: { section: "ThingsBoard", codec: secret, secret: true, uncommentedInSample: true, doc: "The password of that user." },
  TB_API_KEY: {
    section: "ThingsBoard",
    codec: secret,
    secret: true,
    doc: "A ThingsBoard API key (4.3 or later), instead of username and password."
  },
  TB_CA_FILE: {
    section: "ThingsBoard",
    codec: text,
    defaultDescription: "public authorities",
    example: "/etc/boardwalk/thingsboard-ca.pem",
    doc: "File with the certificates (PEM) of the authorities that may issue ThingsBoard's certificate, for a private authority. Only these are trusted then."
  },
  HTTP_PROXY: {
    section: "ThingsBoard",
    codec: secret,
    secret: true,
    example: "http://proxy.example.com:3128",
    doc: "Proxy through which ThingsBoard is reached when TB_HOST is http. It may contain a user name and password. http_proxy is read too, and first."
  },
  HTTPS_PROXY: {
    section: "ThingsBoard",
    codec: secret,
    secret: true,
    example: "http://proxy.example.com:3128",
    doc: "The same when TB_HOST is https: the proxy only passes on what is encrypted. The proxy itself must be http."
  },
  NO_PROXY: {
    section: "ThingsBoard",
    codec: text,
    example: "localhost,.example.com",
    doc: "Hosts that are reached without these proxies, separated by commas: names, with all names below them, addresses, or *."
  },
  TB_TIMEOUT: { section: "ThingsBoard", codec: duration, default: "30s", doc: "Timeout of one call to ThingsBoard." },
  TB_CONCURRENCY: {
    section: "ThingsBoard",
    codec: integer(1, 1000),
    default: "8",
    doc: "Maximum concurrent calls to ThingsBoard per bulk request."
  },
  TB_BREAKER_FAILURES: {
    section: "ThingsBoard",
    codec: integer(0, 1_000_000),
    default: "20",
    doc: "When so many calls to ThingsBoard, and at least half of them, fail within ten seconds, no more are made for a while: requests get 503 with Retry-After at once. Failures are refused and broken connections, timeouts and 502, 503 and 504. 0 turns this off."
  },
  TB_BREAKER_PAUSE: {
    section: "ThingsBoard",
    codec: duration,
    default: "5s",
    doc: "How long the first such pause is. Then one call is tried; if it fails, the next pause is twice as long, up to a minute."
  },
  TB_MAX_CONNECTIONS: {
    section: "ThingsBoard",
    codec: integer(1, 10_000),
    default: "64",
    doc: "Maximum concurrent calls to ThingsBoard, apart from logins. An eighth each is kept free for reads, for histories and exports, and for writes, so that none of them starves the others."
  },
  TB_MAX_QUEUE: {
    section: "ThingsBoard",
    codec: integer(0, 1_000_000),
    default: "1000",
    doc: "How many more calls may wait for that, for up to TB_TIMEOUT. Beyond that, requests get 503 with Retry-After at once."
  },
  TB_LATEST_IS_NEWEST: {
    section: "ThingsBoard",
    codec: boolean,
    default: "false",
    doc: "Whether the latest value of a key in ThingsBoard is always its newest point. Exports of many devices then skip devices whose values are all older than the range. Leave it off if a rule chain stores points without updating the latest value, or updates it only now and then."
  },
  TB_MAX_RESPONSE_SIZE: {
    section: "ThingsBoard",
    codec: byteSize,
    default: "64MiB",
    doc: "Maximum size of one response from ThingsBoard. A larger one is not read to its end, and the request fails with 502. Histories are read in parts, so it applies to their single values."
  },
  COALESCE_READS: {
    section: "ThingsBoard",
    codec: boolean,
    default: "true",
    doc: "Whether identical reads that are in progress at the same time, for keys with the same rights, share one call to ThingsBoard."
  },
  CACHE_TTL: {
    section: "ThingsBoard",
    codec: durationOrZero,
    default: "2s",
    example: "10s",
    doc: "How long lists, types, single devices and assets, their names, the keys of telemetry, and what a key may see are used again before ThingsBoard is asked anew. 0 asks for every request. Lists of restricted keys are kept for ten seconds for the pages after the first, unless this is 0."
  },
  CACHE_TTL_LATEST: {
    section: "ThingsBoard",
    codec: durationOrZero,
    default: "0",
    example: "1s",
    doc: "The same for latest values and attributes. Histories and exports are never cached."
  },
  STALE_IF_ERROR: {
    section: "ThingsBoard",
    codec: durationOrZero,
    default: "0",
    example: "5m",
    doc: "While ThingsBoard is away, reads that could be cached are answered with the last response if it is not older than this, marked with the headers Age and Warning. 0 turns it off: such reads fail."
  },
  CACHE_MAX_BYTES: {
    section: "ThingsBoard",
    codec: byteSize,
    default: "16MiB",
    doc: "Maximum memory of all cached responses together. The least recently used ones are dropped first; a response of more than a quarter is not kept."
  },
  API_KEY: {
    section: "Security",
    codec: secret,
    secret: true,
    uncommentedInSample: true,
    doc: "One key with all scopes, sent as X-API-Key. Use a long random text, for instance from: openssl rand -hex 32"
  },
  API_KEYS_FILE: {
    section: "Security",
    codec: text,
    example: "/etc/boardwalk/keys.json",
    doc: "File with any number of keys, each with its own scopes, limits and devices; created by `boardwalk keys create`."
  },
  ALLOWED_HOSTS: {
    section: "Security",
    codec: hosts,
    default: "",
    defaultDescription: "all",
    example: "api.example.com,*.example.org",
    doc: "Host names that requests may be sent to, separated by commas."
  },
  BACKEND_CORS_ORIGINS: {
    section: "Security",
    codec: origins,
    default: "",
    defaultDescription: "none",
    example: "https://app.example.com,https://admin.example.com",
    doc: "Origins whose web pages may call the API (CORS), separated by commas."
  },
  TLS_CERT_FILE: {
    section: "Security",
    codec: text,
    defaultDescription: "plain http",
    example: "/etc/boardwalk/tls.crt",
    doc: "File with the gateway's certificate (PEM) and its intermediate certificates. With TLS_KEY_FILE, the gateway serves https. A renewed certificate is loaded without a restart."
  },
  TLS_KEY_FILE: {
    section: "Security",
    codec: text,
    example: "/etc/boardwalk/tls.key",
    doc: "File with the private key (PEM, without a passphrase) of that certificate."
  },
  TLS_CLIENT_CA_FILE: {
    section: "Security",
    codec: text,
    defaultDescription: "no client certificates",
    example: "/etc/boardwalk/clients-ca.pem",
    doc: "File with the certificates (PEM) of the authorities whose client certificates are accepted. Clients without such a certificate cannot connect."
  },
  TLS_CLIENT_CRL_FILE: {
    section: "Security",
    codec: text,
    defaultDescription: "no revocation lists",
    example: "/etc/boardwalk/clients-crl.pem",
    doc: "File with the revocation lists (PEM) of these authorities, one per authority. Revoked client certificates cannot connect. A renewed list is loaded without a restart."
  },
  SECRET_KEY: {
    section: "Security",
    codec: secret,
    secret: true,
    doc: "Accepted for compatibility with existing configurations; not used."
  },
  ACCESS_TOKEN: {
    section: "Security",
    codec: secret,
    secret: true,
    doc: "Accepted for compatibility with existing configurations; not used."
  },
  RATE_LIMIT_REQUESTS: {
    section: "Limits",
    codec: integer(1, 1_000_000_000),
    default: "100",
    doc: "Requests per window per key, or per IP address without a valid key."
  },
  RATE_LIMIT_WINDOW: { section: "Limits", codec: duration, default: "60s", doc: "Length of that window." },
  RATE_LIMIT_READ_BYTES: {
    section: "Limits",
    codec: byteSize,
    defaultDescription: "unlimited",
    example: "1GiB",
    doc: "Bytes of responses per window per key, for requests that read. Counted as they are sent; beyond that, the key's next reading requests get 429."
  },
  RATE_LIMIT_WRITE_BYTES: {
    section: "Limits",
    codec: byteSize,
    defaultDescription: "unlimited",
    example: "100MiB",
    doc: "Bytes of request bodies per window per key, for requests that write. Counted as they are received; beyond that, the key's next writing requests get 429."
  },
  REDIS_URL: {
    section: "Limits",
    codec: redisUrl,
    secret: true,
    defaultDescription: "each gateway counts on its own",
    example: "rediss://user:password@redis.example.com:6379",
    doc: "Redis server that keeps the rate limit counts and the responses for Idempotency-Key, so that several gateways share them, and when they stop calling ThingsBoard for a while. rediss uses TLS. While Redis is unavailable, each gateway counts and pauses on its own, and requests with an Idempotency-Key get 503."
  },
  IDEMPOTENCY_TTL: {
    section: "Limits",
    codec: duration,
    default: "24h",
    doc: "How long a response is kept for repeats of its request with the same Idempotency-Key: in Redis if REDIS_URL is set, otherwise in memory until the gateway stops."
  },
  IDEMPOTENCY_MEMORY: {
    section: "Limits",
    codec: byteSize,
    default: "16MiB",
    doc: "Maximum memory for these responses, all keys together, without REDIS_URL. Beyond that, the key that uses the most loses its oldest."
  },
  TRUSTED_PROXIES: {
    section: "Limits",
    codec: networks,
    default: "",
    defaultDescription: "none",
    example: "10.0.0.7,fd00::7",
    doc: "Addresses or networks of reverse proxies, separated by commas. X-Forwarded-For is accepted only from these."
  },
  MAX_CONCURRENT_REQUESTS: {
    section: "Limits",
    codec: integer(1, 1_000_000),
    default: "100",
    doc: "Maximum concurrent requests per key. A request counts until its response is complete; a streamed response counts until its last byte."
  },
  MAX_BODY_SIZE: { section: "Limits", codec: byteSize, default: "10MiB", doc: "Maximum size of a request body." },
  MAX_BODY_MEMORY: {
    section: "Limits",
    codec: byteSize,
    defaultDescription: "a tenth of MAX_MEMORY, at most 256MiB, at least two bodies of MAX_BODY_SIZE",
    example: "128MiB",
    doc: "Maximum memory for request bodies, all keys together; one key can use half of it. Beyond that, requests wait up to five seconds and then get 503."
  },
  MAX_RESPONSE_MEMORY: {
    section: "Limits",
    codec: byteSize,
    defaultDescription: "a fifth of MAX_MEMORY, at most 256MiB, at least 32MiB",
    example: "256MiB",
    doc: "Maximum memory for responses from ThingsBoard that are being read or passed on, all keys together; one key can use half of it. Beyond that, requests wait up to five seconds and then get 503. Responses up to 64 KiB are not counted."
  },
  MAX_MEMORY: {
    section: "Limits",
    codec: byteSize,
    defaultDescription: "the memory limit of the container, or all memory of the machine",
    example: "512MiB",
    doc: "Memory that the gateway may use. When it uses more than 80 % of it, exports, imports and queries get 503; from 90 %, all requests except health checks."
  },
  MAX_EVENT_LOOP_DELAY: {
    section: "Limits",
    codec: duration,
    default: "500ms",
    doc: "When work waits longer than this for the processor, for two seconds, exports, imports and queries get 503; beyond four times as long, all requests except health checks."
  },
  OVERLOAD_PROTECTION: {
    section: "Limits",
    codec: boolean,
    default: "true",
    doc: "Whether requests are rejected with 503 when MAX_MEMORY or MAX_EVENT_LOOP_DELAY is exceeded. The limits on memory for bodies and responses apply in any case."
  },
  REQUEST_TIMEOUT: {
    section: "Limits",
    codec: duration,
    default: "50s",
    doc: "Time that a request may take in ThingsBoard: waiting for its turn, all calls and all attempts. A client can ask for less with the header Prefer: wait=N (seconds). Imports and responses that are streamed have no such limit; TB_TIMEOUT applies to each of their calls."
  },
  BODY_TIMEOUT: {
    section: "Limits",
    codec: duration,
    default: "30s",
    doc: "Time within which a request body must arrive. CSV and NDJSON bodies may be of any length; for them it is the longest pause between two parts."
  },
  MAX_URL_LENGTH: { section: "Limits", codec: byteSizeUpTo1MiB, default: "8KiB", doc: "Maximum length of the path with its query." },
  MAX_HEADER_SIZE: {
    section: "Limits",
    codec: byteSizeUpTo1MiB,
    default: "8KiB",
    doc: "Maximum total size of all headers of a request. A request that exceeds twice the sum of this and MAX_URL_LENGTH is not read at all."
  },
  MAX_JSON_DEPTH: {
    section: "Limits",
    codec: integer(1, 500),
    default: "64",
    doc: "Maximum nesting depth of JSON in a request."
  },
  MAX_KEYS_PER_REQUEST: {
    section: "Limits",
    codec: integer(1, maxKeysLimit),
    default: "1000",
    doc: "Maximum telemetry or attribute keys per request; for uploads, per device."
  },
  MAX_DEVICES_PER_REQUEST: {
    section: "Limits",
    codec: integer(1, maxDevicesLimit),
    default: "10000",
    doc: "Maximum devices per request. CSV and NDJSON uploads may have any number of keys and devices."
  },
  MAX_CONCURRENT_EXPORTS: {
    section: "Limits",
    codec: integer(1, 1000),
    default: "4",
    doc: "Maximum concurrent telemetry exports; further ones wait. One key can use at most all but one."
  },
  SPOOL_DIR: {
    section: "Store and forward",
    codec: text,
    defaultDescription: "off",
    example: "/var/lib/boardwalk/spool",
    doc: "Folder in which uploads with Prefer: respond-async are kept until ThingsBoard has stored them. It must be on a local disk, and each gateway needs a folder of its own. Without it and without SPOOL_REDIS_URL, every upload is stored before it is acknowledged."
  },
  SPOOL_REDIS_URL: {
    section: "Store and forward",
    codec: redisUrl,
    defaultDescription: "off",
    secret: true,
    example: "rediss://user:password@redis.example.com:6379/1",
    doc: "Redis server (7 or newer) that keeps these uploads instead of a folder. All gateways with the same URL share them, and any of them stores them. Each ThingsBoard needs a database of its own: the number at the end. The server must keep its data (appendonly yes) and must not remove keys when its memory is full (maxmemory-policy noeviction)."
  },
  SPOOL: {
    section: "Store and forward",
    codec: oneOf("on-request", "always"),
    default: "on-request",
    doc: "Which uploads are kept there: on-request takes those with Prefer: respond-async, always takes all. With always, /ready stays 200 while ThingsBoard is away, so that uploads are still accepted."
  },
  SPOOL_MAX_BYTES: {
    section: "Store and forward",
    codec: byteSize,
    default: "1GiB",
    doc: "Maximum size of the points that wait or were set aside; 1 GiB is about 20 million points. Beyond that, such uploads get 507. The file itself may be a third larger."
  },
  SPOOL_MAX_AGE: {
    section: "Store and forward",
    codec: duration,
    default: "168h",
    doc: "When the oldest points have waited for so long, further uploads get 507. Points that were accepted are never dropped."
  },
  SPOOL_KEEP: {
    section: "Store and forward",
    codec: duration,
    default: "168h",
    doc: "How long the state of a finished upload can be read, and how long the points that ThingsBoard rejected are kept."
  },
  HOST: { section: "Server", codec: address, default: "0.0.0.0", doc: "Address to listen on." },
  PORT: { section: "Server", codec: integer(0, 65_535), default: "8000", doc: "Port to listen on; 0 uses any free port." },
  PUBLIC_URL: {
    section: "Server",
    codec: publicUrl,
    defaultDescription: "relative links",
    example: "https://api.example.com",
    doc: "URL by which clients reach the gateway. `type` in problems then is the full URL of the problem's page, otherwise its path."
  },
  RESPONSE_IDLE_TIMEOUT: {
    section: "Server",
    codec: duration,
    default: "10m",
    doc: "Time for which the reader of a streamed response, such as an export, may take nothing before it is cut off. A slow reader is served however long it takes."
  },
  DRAIN_DELAY: {
    section: "Server",
    codec: durationOrZero,
    default: "0s",
    example: "5s",
    doc: "Time after SIGTERM in which `/ready` is 503 but requests are still accepted, until a load balancer has noticed."
  },
  SHUTDOWN_TIMEOUT: {
    section: "Server",
    codec: duration,
    default: "20s",
    doc: "Time that requests in flight have to finish after a shutdown was requested (SIGTERM) and `DRAIN_DELAY` is over."
  },
  TRUST_TRACEPARENT: {
    section: "Server",
    codec: oneOf("keys", "proxies", "never"),
    default: "keys",
    doc: "Whose traces (traceparent, b3) are continued, with their decision about sampling: those of requests with a valid key (keys), only if they come from TRUSTED_PROXIES (proxies), or none (never)."
  },
  DOCS_ENABLED: {
    section: "Server",
    codec: boolean,
    default: "true",
    doc: "Whether /docs, /redoc, /reference and /openapi.json are served."
  },
  DOCS_ACCESS: {
    section: "Server",
    codec: oneOf("open", "key"),
    default: "open",
    doc: "Who may read the documentation: open for everybody, or key for holders of an API key. The browser asks for username and password; the password is the API key."
  },
  ALLOW_BUN_OPTIONS: {
    section: "Server",
    codec: boolean,
    default: "false",
    onlyInEnvironment: true,
    doc: "Whether to run although BUN_OPTIONS, BUN_INSPECT or BUN_CONFIG_VERBOSE_FETCH is set, which load other code or print secrets. Read from the environment only."
  },
  PROJECT_NAME: { section: "Server", codec: text, default: "Boardwalk", doc: "Name that / and /health report." },
  VERSION: {
    section: "Server",
    codec: text,
    default: manifest.version,
    defaultDescription: "this program's version",
    doc: "Version that / and /health report."
  },
  LOG_LEVEL: {
    section: "Logs",
    codec: oneOf("trace", "debug", "info", "warn", "error", "none"),
    defaultDescription: "info, or debug with DEBUG=true",
    doc: "Minimum level of the messages that are logged: trace, debug, info, warn, error or none."
  },
  LOG_FORMAT: {
    section: "Logs",
    codec: oneOf("pretty", "json", "logfmt"),
    defaultDescription: "pretty on a terminal, otherwise json",
    doc: "Format of log lines: pretty, json or logfmt."
  },
  AUDIT_LOG: {
    section: "Logs",
    codec: boolean,
    default: "true",
    doc: "Whether each write is logged with its key, device and number of points or attributes, without values. The level is info."
  },
  LOG_REPEATED_EVENTS: {
    section: "Logs",
    codec: oneOf("count", "each"),
    default: "count",
    doc: "Events that a client repeats, such as rejections: count logs the first one, and their number per minute; each logs every one, for instance for fail2ban."
  },
  DEBUG: { section: "Logs", codec: boolean, default: "false", doc: "Makes debug the default of LOG_LEVEL." }
} as const satisfies Record<string, SettingDefinition>

export type TbCredentials =
  | { readonly _tag: "Password"; readonly username: string; readonly password: Redacted.Redacted<string> }
  | { readonly _tag: "ApiKey"; readonly key: Redacted.Redacted<string> }

type Raw = Values<typeof definitions>

export interface SettingsShape extends Omit<
  Raw,
  | "tbUsername"
  | "tbPassword"
  | "tbApiKey"
  | "rateLimitRequests"
  | "rateLimitWindow"
  | "logLevel"
  | "secretKey"
  | "accessToken"
  | keyof ProxyVariables
> {
  readonly tbCredentials: TbCredentials
  /** The proxy through which ThingsBoard is reached. */
  readonly tbProxy?: Proxy | undefined
  /** The file with the password or API key of these credentials, if they are in a file. */
  readonly tbSecretFile?: string | undefined
  readonly rateLimit: { readonly requests: number; readonly window: Duration.Duration }
  readonly logLevel: LogLevel.LogLevel
  /** Settings that are allowed but unwise; logged once at start. */
  readonly warnings: ReadonlyArray<SettingIssue>
}

export { InvalidSettings } from "./InvalidSettings.ts"

/** Values that win over the environment. An empty text unsets the variable. */
export type Overrides = Partial<Record<keyof typeof definitions, string>>

const fromOverrides = (overrides: Overrides): SettingSource => ({
  name: "command line",
  get: (variable) => overrides[variable as keyof typeof definitions],
  emptyMeansUnset: true
})

const load = Effect.fnUntraced(function* (name: string) {
  const provider = yield* ConfigProvider.ConfigProvider
  return (yield* provider.load([name]).pipe(Effect.orDie))?.value // the environment is in memory, so reading it cannot fail
})

const table: Record<string, SettingDefinition> = definitions

/** The settings that may be in a file of their own. */
export const secretVariables = Object.keys(table).filter((variable) => table[variable]!.secret)

const environment = Effect.gen(function* () {
  const texts = new Map<string, string | undefined>()
  for (const variable of [...Object.keys(definitions), ...secretVariables.map(fileVariable)])
    // Programs read the variables of proxies in lower case too, and some set them only so.
    texts.set(variable, (isProxyVariable(variable) ? yield* load(variable.toLowerCase()) : undefined) || (yield* load(variable)))
  return texts
})

/** Reads one variable from the environment or the settings file: one that is no setting, or a setting that is needed alone. */
export const readVariable = Effect.fnUntraced(function* (name: string) {
  const found = (yield* load(name))?.trim() || (yield* readEnvFileValues).get(name)?.trim()
  return found ? Option.some(found) : Option.none()
})

const invalid = (variable: string, issue: string) => new InvalidSettings({ issues: [{ variable, issue }] })

/** The same for a secret, which may also be in a file of its own. */
export const readSecretVariable = Effect.fnUntraced(function* (name: string) {
  const [value, path] = [yield* readVariable(name), yield* readVariable(fileVariable(name))]
  if (Option.isNone(path)) return value
  if (Option.isSome(value)) return yield* invalid(name, bothSet(name))
  const { issue, text: secret } = yield* readSecretFile(path.value)
  return secret === undefined ? yield* invalid(fileVariable(name), issue ?? "cannot be read") : Option.some(secret)
})

const readSecretFiles = Effect.fnUntraced(function* (sources: ReadonlyArray<SettingSource>, overrides: Overrides) {
  const found = new Map<string, SecretFile>()
  for (const variable of secretVariables) {
    if (overrides[variable as keyof typeof definitions] !== undefined) continue
    const reference = lookUp(fileVariable(variable), sources)
    if (reference !== undefined)
      found.set(variable, { ...(yield* readSecretFile(reference.text)), path: reference.text, from: reference.from })
  }
  return found
})

/** Resolves every variable, without failing on issues. */
export const readSettings = Effect.fnUntraced(function* (overrides: Overrides = {}) {
  const fromEnvironment = yield* environment
  const file = yield* readEnvFile
  const sources: ReadonlyArray<SettingSource> = [
    fromOverrides(overrides),
    { name: "environment", get: (variable) => fromEnvironment.get(variable) },
    { name: file?.isNamed === true ? "--env-file" : ".env", get: (variable) => file?.values.get(variable) }
  ]
  return resolveSettings(definitions, sources, yield* readSecretFiles(sources, overrides))
})

/** The valid values, whether or not other variables have issues. */
export const valuesOf = (resolved: ReadonlyArray<ResolvedSetting>) =>
  // Names and types follow from the table, which TypeScript cannot derive through a loop.
  Object.fromEntries(resolved.map(({ variable: readVariable, value }) => [camelCase(readVariable), value])) as unknown as {
    readonly [Name in keyof Raw]: Raw[Name] | undefined
  }

const toSettings = (resolved: ReadonlyArray<ResolvedSetting>): SettingsShape => {
  const raw = valuesOf(resolved) as Raw // complete, since there are no issues
  const { tbUsername, tbPassword, tbApiKey, rateLimitRequests, rateLimitWindow, secretKey: _1, accessToken: _2, ...others } = raw
  const { httpProxy, httpsProxy, noProxy, ...rest } = others
  return {
    ...rest,
    tbProxy: proxyFor(raw.tbHost, { httpProxy, httpsProxy, noProxy }),
    tbCredentials:
      tbApiKey === undefined
        ? { _tag: "Password", username: tbUsername ?? "", password: tbPassword ?? Redacted.make("") }
        : { _tag: "ApiKey", key: tbApiKey },
    tbSecretFile: resolved.find(({ variable }) => variable === (tbApiKey === undefined ? "TB_PASSWORD" : "TB_API_KEY"))?.file,
    rateLimit: { requests: rateLimitRequests, window: rateLimitWindow },
    logLevel: raw.logLevel === undefined ? (raw.debug ? "Debug" : "Info") : logLevels[raw.logLevel],
    warnings: findWarnings(resolved)
  }
}

const logLevels = { trace: "Trace", debug: "Debug", info: "Info", warn: "Warn", error: "Error", none: "None" } as const

/** All issues: those of single variables, and those of their combinations. */
export const allIssues = (resolved: ReadonlyArray<ResolvedSetting>) => [
  ...issuesOf(resolved),
  ...credentialIssues(resolved),
  ...proxyIssues(resolved),
  ...keySourceIssues(resolved),
  ...apiKeyIssues(resolved),
  ...tlsIssues(resolved),
  ...traceIssues(resolved),
  ...spoolIssues(resolved),
  ...redirectIssues(resolved)
]

/** Makes the settings, given the diagnostics of the files that they name. Fails with all issues at once. */
export const makeSettings = (
  resolved: ReadonlyArray<ResolvedSetting>,
  diagnostics: ReadonlyArray<Diagnostics> = []
): Effect.Effect<SettingsShape, InvalidSettings> => {
  const issues = [...allIssues(resolved), ...diagnostics.flatMap(({ errors }) => errors)]
  const hints = diagnostics.flatMap((found) => found.hints ?? [])
  if (issues.length > 0) return Effect.fail(new InvalidSettings({ issues: [...issues, ...hints] }))
  const settings = toSettings(resolved)
  return Effect.succeed({ ...settings, warnings: [...settings.warnings, ...diagnostics.flatMap(({ warnings }) => warnings), ...hints] })
}

export class Settings extends Context.Service<Settings, SettingsShape>()("boardwalk/config/Settings") {
  /** Reads the environment, then the settings file. Fails with all issues at once. */
  static readonly layerWith = (overrides: Overrides) => Layer.effect(Settings, Effect.flatMap(readSettings(overrides), makeSettings))

  static readonly layer = Settings.layerWith({})

  /** The defaults, with a key and credentials for tests; reads nothing. */
  static readonly layerTest = (overrides: Partial<SettingsShape> = {}) =>
    Layer.sync(Settings, () => {
      const texts = {
        API_KEY: "a-key-for-tests-only",
        TB_USERNAME: "tenant@thingsboard.org",
        TB_PASSWORD: "tenant",
        HOST: "127.0.0.1",
        PORT: "0",
        // Most tests change ThingsBoard behind the gateway and read at once. Tests of the cache set it themselves.
        CACHE_TTL: "0"
      }
      return { ...toSettings(resolveSettings(definitions, [fromOverrides(texts)])), ...overrides }
    })
}
