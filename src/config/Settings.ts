/**
 * Every setting, once: the table below gives the typed service, `.env.sample`, docs/settings.md and `boardwalk config show`.
 * The folder reads the environment and nothing else does; what the settings are used for is not decided here.
 */
import { ConfigProvider, Context, Duration, Effect, FileSystem, Layer, type LogLevel, Option, Redacted, Runtime, Schema } from "effect"
import manifest from "../../package.json" with { type: "json" }
import { parseDotEnv } from "./dotEnv.ts"
import {
  address,
  boolean,
  byteSize,
  byteSizeUpTo1MiB,
  duration,
  hosts,
  httpUrl,
  networks,
  oneOf,
  origins,
  redisUrl,
  secret,
  text,
  integer
} from "./codecs.ts"
import {
  camelCase,
  type SettingIssue,
  issuesOf,
  type Diagnostics,
  resolveSettings,
  type ResolvedSetting,
  type SettingDefinition,
  type SettingSource,
  type Values
} from "./resolveSettings.ts"
import { apiKeyIssues, credentialIssues, keySourceIssues, tlsIssues, findWarnings } from "./crossChecks.ts"
import { maxDevicesLimit, maxKeysLimit } from "../domain/requestLimits.ts"

export const definitions = {
  TB_HOST: {
    section: "ThingsBoard",
    codec: httpUrl,
    default: "http://localhost:8080",
    example: "https://thingsboard.example.com",
    doc: "ThingsBoard's address; use https in production."
  },
  TB_USERNAME: {
    section: "ThingsBoard",
    codec: text,
    uncommentedInSample: true,
    doc: "The user whose rights Boardwalk acts with: a tenant administrator or a customer user."
  },
  TB_PASSWORD: { section: "ThingsBoard", codec: secret, secret: true, uncommentedInSample: true, doc: "That user's password." },
  TB_API_KEY: {
    section: "ThingsBoard",
    codec: secret,
    secret: true,
    doc: "An API key of ThingsBoard 4.3 or later, instead of user and password."
  },
  TB_CA_FILE: {
    section: "ThingsBoard",
    codec: text,
    defaultDescription: "the public ones",
    example: "/etc/boardwalk/thingsboard-ca.pem",
    doc: "Certificates (PEM) of the authorities that ThingsBoard's certificate may come from, for a private authority; no others are trusted then."
  },
  TB_TIMEOUT: { section: "ThingsBoard", codec: duration, default: "30s", doc: "How long one call to ThingsBoard may take." },
  TB_CONCURRENCY: {
    section: "ThingsBoard",
    codec: integer(1, 1000),
    default: "8",
    doc: "How many calls to ThingsBoard one bulk request may have open at once."
  },
  API_KEY: {
    section: "Security",
    codec: secret,
    secret: true,
    uncommentedInSample: true,
    doc: "One key with all rights, sent as X-API-Key. Make a long random one, for instance with: openssl rand -hex 32"
  },
  API_KEYS_FILE: {
    section: "Security",
    codec: text,
    example: "/etc/boardwalk/keys.json",
    doc: "A file with any number of keys, each with its own rights, limits and devices; made by `boardwalk keys create`."
  },
  ALLOWED_HOSTS: {
    section: "Security",
    codec: hosts,
    default: "",
    defaultDescription: "all",
    example: "api.example.com,*.example.org",
    doc: "Host names that requests may be sent to, with commas between."
  },
  BACKEND_CORS_ORIGINS: {
    section: "Security",
    codec: origins,
    default: "",
    defaultDescription: "none",
    example: "https://app.example.com,https://admin.example.com",
    doc: "Origins whose web pages may call the API, with commas between."
  },
  TLS_CERT_FILE: {
    section: "Security",
    codec: text,
    defaultDescription: "plain http",
    example: "/etc/boardwalk/tls.crt",
    doc: "The gateway's certificate (PEM) with those between it and its authority; given with TLS_KEY_FILE it serves https. A renewed one is taken over while it runs."
  },
  TLS_KEY_FILE: {
    section: "Security",
    codec: text,
    example: "/etc/boardwalk/tls.key",
    doc: "The private key (PEM, without a passphrase) of that certificate."
  },
  TLS_CLIENT_CA_FILE: {
    section: "Security",
    codec: text,
    defaultDescription: "no client certificates",
    example: "/etc/boardwalk/clients-ca.pem",
    doc: "Certificates (PEM) of the authorities whose client certificates are let in: without one of them no connection is made."
  },
  SECRET_KEY: { section: "Security", codec: secret, secret: true, doc: "Accepted for existing configurations; not used." },
  ACCESS_TOKEN: { section: "Security", codec: secret, secret: true, doc: "Accepted for existing configurations; not used." },
  RATE_LIMIT_REQUESTS: {
    section: "Limits",
    codec: integer(1, 1_000_000_000),
    default: "100",
    doc: "How many requests a key may make in a window, and how many without a valid key an address."
  },
  RATE_LIMIT_WINDOW: { section: "Limits", codec: duration, default: "60s", doc: "The length of that window." },
  REDIS_URL: {
    section: "Limits",
    codec: redisUrl,
    secret: true,
    defaultDescription: "each gateway counts for itself",
    example: "rediss://user:password@redis.example.com:6379",
    doc: "A Redis that keeps the counts, so that any number of gateways count as one; rediss is with TLS. When it is away each counts for itself."
  },
  TRUSTED_PROXIES: {
    section: "Limits",
    codec: networks,
    default: "",
    defaultDescription: "none",
    example: "10.0.0.7,fd00::7",
    doc: "Addresses or networks of reverse proxies, with commas between: X-Forwarded-For counts from them only."
  },
  MAX_CONCURRENT_REQUESTS: {
    section: "Limits",
    codec: integer(1, 1_000_000),
    default: "100",
    doc: "How many requests of one key may be in flight at once: until the answer is there, and until its last byte where it is streamed."
  },
  MAX_BODY_SIZE: { section: "Limits", codec: byteSize, default: "10MiB", doc: "The largest request body that is taken." },
  BODY_TIMEOUT: {
    section: "Limits",
    codec: duration,
    default: "30s",
    doc: "How long a request body may take to arrive; a CSV or NDJSON body, which has no end, may be silent for so long."
  },
  MAX_URL_LENGTH: { section: "Limits", codec: byteSizeUpTo1MiB, default: "8KiB", doc: "The longest path with its query that is taken." },
  MAX_HEADER_SIZE: {
    section: "Limits",
    codec: byteSizeUpTo1MiB,
    default: "8KiB",
    doc: "The most that all headers of a request may hold together. Beyond twice this and MAX_URL_LENGTH together no request is read at all."
  },
  MAX_JSON_DEPTH: {
    section: "Limits",
    codec: integer(1, 500),
    default: "64",
    doc: "How many levels of objects and lists JSON in a request may have."
  },
  MAX_KEYS_PER_REQUEST: {
    section: "Limits",
    codec: integer(1, maxKeysLimit),
    default: "1000",
    doc: "How many keys of telemetry or attributes a request may name, and an upload may have for each device."
  },
  MAX_DEVICES_PER_REQUEST: {
    section: "Limits",
    codec: integer(1, maxDevicesLimit),
    default: "10000",
    doc: "How many devices a request may name. CSV and NDJSON bodies may have any number of keys and devices."
  },
  MAX_CONCURRENT_EXPORTS: {
    section: "Limits",
    codec: integer(1, 1000),
    default: "4",
    doc: "How many exports of telemetry run at once; others wait. One key is given all places but one."
  },
  HOST: { section: "Server", codec: address, default: "0.0.0.0", doc: "The address to listen on." },
  PORT: { section: "Server", codec: integer(0, 65_535), default: "8000", doc: "The port to listen on; 0 takes any free one." },
  SHUTDOWN_TIMEOUT: {
    section: "Server",
    codec: duration,
    default: "20s",
    doc: "How long requests in flight may take after a stop was ordered (SIGTERM)."
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
    doc: "Who may open them: open to all, or key: a browser asks for user and password, of which the password is an API key."
  },
  PROJECT_NAME: { section: "Server", codec: text, default: "Boardwalk", doc: "The name that / and /health tell." },
  VERSION: {
    section: "Server",
    codec: text,
    default: manifest.version,
    defaultDescription: "this program's version",
    doc: "The version that / and /health tell."
  },
  LOG_LEVEL: {
    section: "Logs",
    codec: oneOf("trace", "debug", "info", "warn", "error", "none"),
    defaultDescription: "info, or debug with DEBUG=true",
    doc: "The least severe messages that are written: trace, debug, info, warn, error or none."
  },
  LOG_FORMAT: {
    section: "Logs",
    codec: oneOf("pretty", "json", "logfmt"),
    defaultDescription: "pretty on a terminal, else json",
    doc: "How log lines look: pretty, json or logfmt."
  },
  DEBUG: { section: "Logs", codec: boolean, default: "false", doc: "Makes debug the default of LOG_LEVEL." }
} as const satisfies Record<string, SettingDefinition>

export type TbCredentials =
  | { readonly _tag: "Password"; readonly username: string; readonly password: Redacted.Redacted<string> }
  | { readonly _tag: "ApiKey"; readonly key: Redacted.Redacted<string> }

type Raw = Values<typeof definitions>

export interface SettingsShape extends Omit<
  Raw,
  "tbUsername" | "tbPassword" | "tbApiKey" | "rateLimitRequests" | "rateLimitWindow" | "logLevel" | "secretKey" | "accessToken"
> {
  readonly tbCredentials: TbCredentials
  readonly rateLimit: { readonly requests: number; readonly window: Duration.Duration }
  readonly logLevel: LogLevel.LogLevel
  /** What is allowed but unwise; told once at start. */
  readonly warnings: ReadonlyArray<SettingIssue>
}

/** All that is wrong with a configuration. */
export class InvalidSettings extends Schema.TaggedError<InvalidSettings>()("InvalidSettings", {
  issues: Schema.Array(Schema.Struct({ variable: Schema.String, issue: Schema.String }))
}) {
  override readonly [Runtime.errorExitCode] = 2

  override get message() {
    const lines = this.issues.map(({ variable: readVariable, issue }) => `  ${readVariable} ${issue}`)
    return [`The configuration has ${this.issues.length === 1 ? "a fault" : `${this.issues.length} faults`}:`, ...lines].join("\n")
  }
}

/** Texts by variable that win over the environment; an empty text hides what stands there. */
export type Overrides = Partial<Record<keyof typeof definitions, string>>

const fromOverrides = (overrides: Overrides): SettingSource => ({
  name: "command line",
  get: (variable) => overrides[variable as keyof typeof definitions],
  emptyMeansUnset: true
})

/** `.env` of the working directory, when there is one. */
export const readDotEnv = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  if (!(yield* files.exists(".env"))) return new Map<string, string>()
  return parseDotEnv(yield* files.readFileString(".env"))
}).pipe(
  Effect.mapError(
    () => new InvalidSettings({ issues: [{ variable: ".env", issue: "is there, but cannot be read: check its permissions" }] })
  )
)

const environment = Effect.gen(function* () {
  const provider = yield* ConfigProvider.ConfigProvider
  const texts = new Map<string, string | undefined>()
  for (const readVariable of Object.keys(definitions)) {
    const node = yield* provider.load([readVariable]).pipe(Effect.orDie) // the environment is in memory: reading it cannot fail
    texts.set(readVariable, node?.value)
  }
  return texts
})

/** One variable that is no setting of the gateway, or that is needed alone: read where settings are read. */
export const readVariable = Effect.fnUntraced(function* (name: string) {
  const provider = yield* ConfigProvider.ConfigProvider
  const node = yield* provider.load([name]).pipe(Effect.orDie) // as above
  const found = node?.value?.trim() || (yield* readDotEnv).get(name)?.trim()
  return found ? Option.some(found) : Option.none()
})

/** What was found for every variable, faults included: for `config show` and `doctor`. */
export const readSettings = Effect.fnUntraced(function* (overrides: Overrides = {}) {
  const real = yield* environment
  const file = yield* readDotEnv
  return resolveSettings(definitions, [
    fromOverrides(overrides),
    { name: "environment", get: (variable) => real.get(variable) },
    { name: ".env", get: (variable) => file.get(variable) }
  ])
})

/** What could be read, faults or not: nothing of a variable that has one. */
export const valuesOf = (readings: ReadonlyArray<ResolvedSetting>) =>
  // The table's rows give each field its name and type; TypeScript cannot follow that through a loop.
  Object.fromEntries(readings.map(({ variable: readVariable, value }) => [camelCase(readVariable), value])) as unknown as {
    readonly [Name in keyof Raw]: Raw[Name] | undefined
  }

const settingsOf = (readings: ReadonlyArray<ResolvedSetting>): SettingsShape => {
  const raw = valuesOf(readings) as Raw // without faults
  const { tbUsername, tbPassword, tbApiKey, rateLimitRequests, rateLimitWindow, secretKey: _1, accessToken: _2, ...rest } = raw
  return {
    ...rest,
    tbCredentials:
      tbApiKey === undefined
        ? { _tag: "Password", username: tbUsername ?? "", password: tbPassword ?? Redacted.make("") }
        : { _tag: "ApiKey", key: tbApiKey },
    rateLimit: { requests: rateLimitRequests, window: rateLimitWindow },
    logLevel: raw.logLevel === undefined ? (raw.debug ? "Debug" : "Info") : logLevels[raw.logLevel],
    warnings: findWarnings(readings)
  }
}

const logLevels = { trace: "Trace", debug: "Debug", info: "Info", warn: "Warn", error: "Error", none: "None" } as const

/** All faults of what was read: a variable's own ones, and of how variables go together. */
export const allIssues = (readings: ReadonlyArray<ResolvedSetting>) => [
  ...issuesOf(readings),
  ...credentialIssues(readings),
  ...keySourceIssues(readings),
  ...apiKeyIssues(readings),
  ...tlsIssues(readings)
]

/** The settings of a configuration that was read, with what was found in the files that it names; or the faults of all at once. */
export const makeSettings = (
  readings: ReadonlyArray<ResolvedSetting>,
  found: ReadonlyArray<Diagnostics> = []
): Effect.Effect<SettingsShape, InvalidSettings> => {
  const faults = [...allIssues(readings), ...found.flatMap(({ errors: faults }) => faults)]
  if (faults.length > 0) return Effect.fail(new InvalidSettings({ issues: faults }))
  const settings = settingsOf(readings)
  return Effect.succeed({ ...settings, warnings: [...settings.warnings, ...found.flatMap(({ warnings }) => warnings)] })
}

export class Settings extends Context.Service<Settings, SettingsShape>()("boardwalk/config/Settings") {
  /** From the environment, and below it the file `.env` of the working directory. Fails with all faults at once. */
  static readonly layerWith = (overrides: Overrides) => Layer.effect(Settings, Effect.flatMap(readSettings(overrides), makeSettings))

  static readonly layer = Settings.layerWith({})

  /** The defaults, with a key and credentials of their own; reads nothing. */
  static readonly layerTest = (overrides: Partial<SettingsShape> = {}) =>
    Layer.sync(Settings, () => {
      const texts = {
        API_KEY: "a-key-for-tests-only",
        TB_USERNAME: "tenant@thingsboard.org",
        TB_PASSWORD: "tenant",
        HOST: "127.0.0.1",
        PORT: "0"
      }
      return { ...settingsOf(resolveSettings(definitions, [fromOverrides(texts)])), ...overrides }
    })
}
