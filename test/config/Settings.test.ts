import { describe, expect } from "bun:test"
import { ConfigProvider, Duration, Effect, FileSystem, Layer, Redacted } from "effect"
import { effectiveSettings, renderEnvSample, renderMarkdown } from "../../src/config/renderSettings.ts"
import { parseDotEnv } from "../../src/config/dotEnv.ts"
import { InvalidSettings, type Overrides, readSettings, Settings } from "../../src/config/Settings.ts"
import { effect } from "../support/effectTest.ts"
import { privateFile } from "../support/fileInfo.ts"
import { canaries } from "../support/leaks/canaries.ts"

/** Provides environment variables and a `.env` file. */
const environmentLayer = (environment: Record<string, string>, dotEnv?: string) =>
  Layer.mergeAll(
    ConfigProvider.layer(ConfigProvider.fromEnv({ env: environment })),
    FileSystem.layerNoop({
      exists: () => Effect.succeed(dotEnv !== undefined),
      stat: () => Effect.succeed(privateFile),
      readFileString: () => Effect.succeed(dotEnv ?? "")
    })
  )

const load = (environment: Record<string, string>, dotEnv?: string, overrides: Overrides = {}) =>
  Effect.provide(Settings, Layer.provide(Settings.layerWith(overrides), environmentLayer(environment, dotEnv)))

const loadError = (environment: Record<string, string>, dotEnv?: string) =>
  Effect.map(Effect.flip(load(environment, dotEnv)), (error) => {
    expect(error).toBeInstanceOf(InvalidSettings)
    return error
  })

const minimal = { API_KEY: "0123456789abcdef0123", TB_USERNAME: "tenant@thingsboard.org", TB_PASSWORD: "tenant" }

describe("settings", () => {
  effect("have defaults for everything but credentials", () =>
    Effect.gen(function* () {
      const settings = yield* load(minimal)
      expect(settings).toMatchObject({
        host: "0.0.0.0",
        port: 8000,
        tbHost: "http://localhost:8080",
        allowedHosts: [],
        backendCorsOrigins: [],
        maxBodySize: 10 * 1024 * 1024,
        projectName: "Boardwalk",
        logLevel: "Info",
        docsEnabled: true,
        warnings: []
      })
      expect(Duration.toMillis(settings.tbTimeout)).toBe(30_000)
      expect(settings.rateLimit.requests).toBe(100)
      expect(Duration.toMillis(settings.rateLimit.window)).toBe(60_000)
      expect(settings.tbCredentials).toMatchObject({ _tag: "Password", username: "tenant@thingsboard.org" })
      expect(String(settings.apiKey)).toBe("<redacted>")
    })
  )

  effect("PUBLIC_URL is an absolute http(s) URL, and loses its trailing slashes", () =>
    Effect.gen(function* () {
      expect((yield* load(minimal)).publicUrl).toBeUndefined()
      for (const [given, publicUrl] of [
        ["https://api.example.com", "https://api.example.com"],
        ["https://API.example.com/", "https://api.example.com"],
        ["http://api.example.com:8080/iot//", "http://api.example.com:8080/iot"]
      ] as const)
        expect(yield* load({ ...minimal, PUBLIC_URL: given })).toMatchObject({ publicUrl })
      for (const PUBLIC_URL of [
        "api.example.com",
        "/iot",
        "ftp://api.example.com",
        "https://a:b@api.example.com",
        "https://api.example.com?a=1"
      ]) {
        const { issues } = yield* loadError({ ...minimal, PUBLIC_URL })
        expect(issues.map(({ variable }) => variable)).toEqual(["PUBLIC_URL"])
        expect(JSON.stringify(issues)).not.toContain("canary")
      }
    })
  )

  effect("accept the variable names and formats of the FastAPI proxy's sample file", () =>
    Effect.gen(function* () {
      const settings = yield* load(
        {},
        `# ThingsBoard Connection Settings
TB_HOST=https://your-thingsboard-host.com/  # Use HTTPS in production
TB_USERNAME=your-username@domain.com
TB_PASSWORD=your-secure#password

PROJECT_NAME=TB-API-SKD
VERSION=0.1.0
DEBUG=false  # NEVER enable in production
API_KEY=your-secret-api-key-here  # Generate a strong random key for production
SECRET_KEY=your-jwt-secret-key    # For future JWT/session signing
ACCESS_TOKEN=  # Populated automatically after authentication
ALLOWED_HOSTS=your-domain.com, api.your-domain.com  # Prevent Host header attacks
BACKEND_CORS_ORIGINS=https://your-frontend.com,https://admin.your-domain.com
RATE_LIMIT_REQUESTS=100  # Requests per minute per IP
RATE_LIMIT_WINDOW=60     # Window in seconds`
      )
      expect(settings).toMatchObject({
        tbHost: "https://your-thingsboard-host.com",
        projectName: "TB-API-SKD",
        version: "0.1.0",
        debug: false,
        allowedHosts: ["your-domain.com", "api.your-domain.com"],
        backendCorsOrigins: ["https://your-frontend.com", "https://admin.your-domain.com"]
      })
      expect(settings.tbCredentials._tag === "Password" && Redacted.value(settings.tbCredentials.password)).toBe("your-secure#password")
      expect(Duration.toMillis(settings.rateLimit.window)).toBe(60_000)
      expect(settings.warnings).toEqual([{ variable: "API_KEY", issue: "is a sample value, which everybody can guess" }])
    })
  )

  effect("report all errors at once, each with its variable and never with its value", () =>
    Effect.gen(function* () {
      const canary = "s3cr3t-canary"
      const error = yield* loadError({
        API_KEY: "",
        TB_USERNAME: "a",
        PORT: canary,
        TB_HOST: `https://user:${canary}@host`,
        TB_TIMEOUT: canary,
        MAX_BODY_SIZE: canary,
        BACKEND_CORS_ORIGINS: canary,
        ALLOWED_HOSTS: `https://${canary}`,
        LOG_LEVEL: canary,
        DEBUG: canary,
        RATE_LIMIT_REQUESTS: "0",
        REDIS_URL: `https://:${canary}@redis.example.com`,
        TRUSTED_PROXIES: `10.0.0.0/8,${canary}`
      })
      expect(error.issues.map(({ variable }) => variable).toSorted()).toEqual([
        "ALLOWED_HOSTS",
        "API_KEY",
        "BACKEND_CORS_ORIGINS",
        "DEBUG",
        "LOG_LEVEL",
        "MAX_BODY_SIZE",
        "PORT",
        "RATE_LIMIT_REQUESTS",
        "REDIS_URL",
        "TB_HOST",
        "TB_PASSWORD",
        "TB_TIMEOUT",
        "TRUSTED_PROXIES"
      ])
      expect(error.message).toContain("PORT must be a whole number from 0 to 65535")
      expect(error.message).toStartWith("The configuration has 13 errors:")
      expect(error.message).not.toContain(canary)
    })
  )

  effect("prefer flags over the environment, and the environment over .env", () =>
    Effect.gen(function* () {
      const dotEnv = "PORT=1\nHOST=file\nPROJECT_NAME=file"
      const settings = yield* load({ ...minimal, PORT: "2", HOST: "environment", PROJECT_NAME: "" }, dotEnv, { PORT: "3" })
      expect(settings).toMatchObject({ port: 3, host: "environment", projectName: "file" })
    })
  )

  effect("let an empty override unset an environment variable", () =>
    Effect.gen(function* () {
      const settings = yield* load({ ...minimal, TB_API_KEY: "tb-key" }, undefined, { TB_API_KEY: "" })
      expect(settings.tbCredentials._tag).toBe("Password")
    })
  )

  const ways: ReadonlyArray<readonly [string, Record<string, string>, string]> = [
    ["none", {}, "TB_USERNAME is required, with TB_PASSWORD; or set TB_API_KEY"],
    ["only a username", { TB_USERNAME: "u" }, "TB_PASSWORD is required"],
    ["only a password", { TB_PASSWORD: "p" }, "TB_USERNAME is required"],
    ["both", { TB_USERNAME: "u", TB_PASSWORD: "p", TB_API_KEY: "k" }, "TB_API_KEY cannot be combined with"]
  ]
  for (const [name, variables, issue] of ways) {
    effect(`require exactly one way to log in to ThingsBoard, not ${name}`, () =>
      Effect.gen(function* () {
        const error = yield* loadError({ API_KEY: minimal.API_KEY, ...variables })
        expect(error.issues).toHaveLength(1)
        expect(error.message).toContain(issue)
      })
    )
  }

  effect("accept a ThingsBoard API key alone", () =>
    Effect.gen(function* () {
      const { tbCredentials } = yield* load({ API_KEY: minimal.API_KEY, TB_API_KEY: "tb-key" })
      expect(tbCredentials._tag === "ApiKey" && Redacted.value(tbCredentials.key)).toBe("tb-key")
    })
  )

  effect("read the variables of proxies in lower case first, and reject only a proxy that applies to TB_HOST", () =>
    Effect.gen(function* () {
      const host = { ...minimal, TB_HOST: "http://tb.example.com" }
      const hostnameWith = (variables: Record<string, string>) =>
        Effect.map(load({ ...host, ...variables }), ({ tbProxy }) => tbProxy?.hostname)
      expect(yield* hostnameWith({ http_proxy: "http://lower:1", HTTP_PROXY: "http://upper:1" })).toBe("lower")
      expect(yield* hostnameWith({ http_proxy: "", HTTP_PROXY: "http://upper:1" })).toBe("upper")
      expect(yield* hostnameWith({ HTTP_PROXY: "http://upper:1", no_proxy: ".example.com" })).toBeUndefined()
      expect(yield* hostnameWith({ https_proxy: "socks5://other:1" })).toBeUndefined()
      for (const proxy of ["socks5://proxy:1", "http://us%er:a-secret-password@proxy:1"]) {
        const { issues } = yield* loadError({ ...host, http_proxy: proxy })
        expect(issues.map(({ variable }) => variable)).toEqual(["HTTP_PROXY"])
        expect(JSON.stringify(issues)).not.toContain("a-secret-password")
      }
    })
  )

  const durations = { "10s": 10_000, "500ms": 500, "2m": 120_000, "1.5": 1500, "1 h": 3_600_000 }
  for (const [text, millis] of Object.entries(durations)) {
    effect(`read ${text} as ${millis} ms`, () =>
      Effect.gen(function* () {
        expect(Duration.toMillis((yield* load({ ...minimal, TB_TIMEOUT: text })).tbTimeout)).toBe(millis)
      })
    )
  }

  effect("accept lists as JSON arrays, and sizes in bytes", () =>
    Effect.gen(function* () {
      const settings = yield* load({
        ...minimal,
        BACKEND_CORS_ORIGINS: '["https://a.com/", "http://localhost:3000"]',
        MAX_BODY_SIZE: "2048"
      })
      expect(settings).toMatchObject({ backendCorsOrigins: ["https://a.com", "http://localhost:3000"], maxBodySize: 2048 })
    })
  )

  const certificates: ReadonlyArray<readonly [string, Record<string, string>, string]> = [
    ["a certificate without its key", { TLS_CERT_FILE: "a.pem" }, "TLS_KEY_FILE is required when TLS_CERT_FILE is set"],
    ["a key without its certificate", { TLS_KEY_FILE: "a.key" }, "TLS_CERT_FILE is required when TLS_KEY_FILE is set"],
    [
      "traces of proxies without a proxy",
      { TRUST_TRACEPARENT: "proxies" },
      "TRUSTED_PROXIES is required when TRUST_TRACEPARENT is proxies"
    ],
    ["client certificates over plain http", { TLS_CLIENT_CA_FILE: "ca.pem" }, "TLS_CERT_FILE is required, with TLS_KEY_FILE"]
  ]
  for (const [name, variables, issue] of certificates) {
    effect(`reject ${name}`, () =>
      Effect.gen(function* () {
        const error = yield* loadError({ ...minimal, ...variables })
        expect(error.issues).toHaveLength(1)
        expect(error.message).toContain(issue)
      })
    )
  }

  effect("warn about plain http to another machine, and about an authority that plain http does not use", () =>
    Effect.gen(function* () {
      const warned = (TB_HOST: string, more: Record<string, string> = {}) =>
        Effect.map(load({ ...minimal, TB_HOST, ...more }), ({ warnings }) => warnings.map(({ variable }) => variable))
      for (const host of ["localhost:8080", "tb.localhost", "127.0.0.2", "[::1]:8080", "host.docker.internal:8080"])
        expect([host, yield* warned(`http://${host}`)]).toEqual([host, []])
      for (const host of [
        "thingsboard:8080",
        "10.0.0.5",
        "192.168.1.2:8080",
        "tb.example.com",
        "localhost.example.com",
        "127.0.0.1.example.com"
      ])
        expect([host, yield* warned(`http://${host}`)]).toEqual([host, ["TB_HOST"]])
      expect(yield* warned("https://tb.example.com", { TB_CA_FILE: "ca.pem" })).toEqual([])
      expect(yield* warned("http://localhost:8080", { TB_CA_FILE: "ca.pem" })).toEqual(["TB_CA_FILE"])
    })
  )

  const warningsOf = (variables: Record<string, string>) =>
    Effect.map(load({ ...minimal, ...variables }), ({ warnings }) => warnings.map(({ issue, variable }) => `${variable} ${issue}`))

  effect("warn only about proxies that together cover all addresses", () =>
    Effect.gen(function* () {
      for (const everybody of ["0.0.0.0/0", "0.0.0.0/1,128.0.0.0/1", "10.0.0.1,128.0.0.0/1,0.0.0.0/2,64.0.0.0/2", "::/0", "8000::/1,::/1"])
        expect([everybody, yield* warningsOf({ TRUSTED_PROXIES: everybody })]).toEqual([
          everybody,
          [expect.stringContaining("trusts everybody")]
        ])
      for (const some of ["10.0.0.7,fd00::7", "0.0.0.0/1,::/1", "128.0.0.0/1,0.0.0.0/2,64.0.0.0/3", "0.0.0.0/1,128.0.0.0/2,224.0.0.0/3"])
        expect([some, yield* warningsOf({ TRUSTED_PROXIES: some })]).toEqual([some, []])
    })
  )

  effect("warn about a Redis password that is sent unencrypted", () =>
    Effect.gen(function* () {
      const [{ urlPassword: password }, local] = [canaries, ["redis://localhost", "redis://:p@127.0.0.1:6379/2", "redis://u:p@[::1]:6379"]]
      for (const url of [...local, `rediss://u:${password}@redis.example.com`, "redis://redis.example.com"])
        expect([url, yield* warningsOf({ REDIS_URL: url })]).toEqual([url, []])
      for (const url of [`redis://:${password}@redis:6379`, `redis://u:${password}@10.0.0.5`]) {
        const warnings = yield* warningsOf({ REDIS_URL: url })
        expect(warnings).toEqual([expect.stringContaining("REDIS_URL has a password but no TLS")])
        expect(warnings.join()).not.toContain(password)
      }
    })
  )

  effect("warn about CORS for every site, and about DOCS_ACCESS without documentation", () =>
    Effect.gen(function* () {
      expect(yield* warningsOf({ BACKEND_CORS_ORIGINS: "https://a.com,*" })).toEqual([expect.stringContaining("BACKEND_CORS_ORIGINS lets")])
      expect(yield* warningsOf({ DOCS_ACCESS: "key", DOCS_ENABLED: "false" })).toEqual(["DOCS_ACCESS is not used: DOCS_ENABLED is false"])
      expect(yield* warningsOf({ DOCS_ACCESS: "key" })).toEqual([])
    })
  )

  effect("reject a key that cannot be sent in a header, and warn about one that clients encode in different ways", () =>
    Effect.gen(function* () {
      for (const key of ["0123456789abcdef\u20ac", "0123456789\nabcdef", "0123456789\u0000abcdef", "0123456789\u007fabcdef"]) {
        const error = yield* loadError({ ...minimal, API_KEY: key })
        expect(error.message).toContain("API_KEY has characters that cannot be sent in a header")
        expect(error.message).not.toContain("0123456789")
      }
      expect(yield* warningsOf({ API_KEY: "0123456789abcdefé" })).toEqual([expect.stringContaining("API_KEY has characters beyond ASCII")])
      expect(yield* warningsOf({ API_KEY: "0123456789 !~\tabcdef" })).toEqual([])
    })
  )

  effect("reject an origin with a wildcard, which would never match", () =>
    Effect.gen(function* () {
      for (const origin of ["https://*.example.com", "https://a.com,https://*", "http://*:3000"]) {
        const error = yield* loadError({ ...minimal, BACKEND_CORS_ORIGINS: origin })
        expect(error.message).toContain("BACKEND_CORS_ORIGINS must be origins")
      }
    })
  )

  effect("accept only a valid address or host name to listen on", () =>
    Effect.gen(function* () {
      for (const HOST of ["127.0.0.1", "::", "::1", "[::1]", "fe80::1%eth0", "localhost", "boardwalk-1.example.com"])
        expect((yield* load({ ...minimal, HOST })).host).toBe(HOST)
      for (const HOST of ["999.1.1.1", "1.2.3", "10.0.0.0/8", "http://localhost", "a b", "localhost:8000", "[localhost]"])
        expect([HOST, (yield* loadError({ ...minimal, HOST })).message]).toEqual([HOST, expect.stringContaining("HOST must be an address")])
    })
  )

  effect("reject a blank value: treating it as absent would remove a restriction", () =>
    Effect.gen(function* () {
      const blank = { HOST: " ", ALLOWED_HOSTS: "\t", TB_CA_FILE: "  ", API_KEY: " " }
      const error = yield* loadError({ ...minimal, ...blank })
      expect(error.issues.map(({ variable }) => variable).toSorted()).toEqual(Object.keys(blank).toSorted())
      expect(error.message).toContain("HOST is blank")
      expect((yield* load({ ...minimal, HOST: "" }, "ALLOWED_HOSTS=   # none")).host).toBe("0.0.0.0")
    })
  )

  effect("warn about a short key and about plain http to another machine", () =>
    Effect.gen(function* () {
      const { warnings } = yield* load({ ...minimal, API_KEY: "short", TB_HOST: "http://thingsboard.example.com" })
      expect(warnings.map(({ variable }) => variable)).toEqual(["API_KEY", "TB_HOST"])
      expect(JSON.stringify(warnings)).not.toContain('"short"')
    })
  )

  effect("let DEBUG change only the default of LOG_LEVEL", () =>
    Effect.gen(function* () {
      expect((yield* load({ ...minimal, DEBUG: "True" })).logLevel).toBe("Debug")
      expect((yield* load({ ...minimal, DEBUG: "1", LOG_LEVEL: "WARN" })).logLevel).toBe("Warn")
    })
  )
})

describe("rendered settings", () => {
  effect("name the source of each value and hide secrets", () =>
    Effect.gen(function* () {
      const resolved = yield* readSettings({ PORT: "9000" }).pipe(
        Effect.provide(environmentLayer({ API_KEY: "canary-key", TB_PASSWORD: "canary-password" }, "TB_USERNAME=u"))
      )
      const lines = effectiveSettings(resolved)
      const line = (variable: string) => lines.find((found) => found.variable === variable)
      expect(line("PORT")).toMatchObject({ value: "9000", from: "command line" })
      expect(line("API_KEY")).toMatchObject({ value: "(hidden)", from: "environment" })
      expect(line("TB_USERNAME")).toMatchObject({ value: "u", from: ".env" })
      expect(line("HOST")).toMatchObject({ value: "0.0.0.0", from: "default" })
      expect(line("TB_API_KEY")).toMatchObject({ value: "", from: "not set" })
      expect(JSON.stringify(lines)).not.toContain("canary")
    })
  )

  effect("match the checked-in files (otherwise run `bun run settings`)", () =>
    Effect.gen(function* () {
      const text = (name: string) => Effect.promise(() => Bun.file(new URL(`../../${name}`, import.meta.url)).text())
      expect(yield* text(".env.sample")).toBe(renderEnvSample())
      expect(yield* text("docs/settings.md")).toBe(renderMarkdown())
    })
  )

  effect("include a sample that works once the credentials are filled in", () =>
    Effect.gen(function* () {
      const filled = renderEnvSample()
        .replace("TB_USERNAME=", "TB_USERNAME=tenant@thingsboard.org")
        .replace("TB_PASSWORD=", "TB_PASSWORD=tenant")
        .replace(/^API_KEY=/m, "API_KEY=0123456789abcdef0123")
      expect(yield* load({}, filled)).toMatchObject({ port: 8000 })
    })
  )
})

describe("a .env file", () => {
  const cases: ReadonlyArray<readonly [string, string, string | undefined]> = [
    ["a comment after a blank", "A=1 # one", "1"],
    ["a number sign inside a value", "A=pa#ss", "pa#ss"],
    ["only a comment", "A=   # nothing", ""],
    ["double quotes", 'A="x # y"  # z', "x # y"],
    ["single quotes, taken literally", "A='x\\n$HOME'", "x\\n$HOME"],
    ["a dollar sign, taken literally", "A=x$HOME", "x$HOME"],
    ["export before the name", "export A=1", "1"],
    ["Windows line endings", "A=1\r\nB=2\r\n", "1"],
    ["an equals sign in a value", "A=b=c==", "b=c=="],
    ["a comment line", "#A=1", undefined],
    ["an unclosed quote", "A='x", "'x"]
  ]
  for (const [name, contents, value] of cases) {
    effect(`may hold ${name}`, () => Effect.sync(() => expect(parseDotEnv(contents).get("A")).toBe(value!)))
  }
})
