/** `TB_PASSWORD_FILE` and the like. */
import { describe, expect } from "bun:test"
import { ConfigProvider, Effect, Layer, Option, Redacted } from "effect"
import { chmod, mkdir } from "node:fs/promises"
import { join } from "node:path"
import { checkFiles } from "../../src/config/checkFiles.ts"
import { effectiveSettings, renderEnvSample, renderMarkdown } from "../../src/config/renderSettings.ts"
import { definitions, makeSettings, type Overrides, readSecretVariable, readSettings, secretVariables } from "../../src/config/Settings.ts"
import * as Runtime from "../../src/platform/Runtime.ts"
import { live } from "../support/effectTest.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"

const environmentLayer = (env: Record<string, string>) => Layer.merge(Runtime.layer, ConfigProvider.layer(ConfigProvider.fromEnv({ env })))

const resolve = (env: Record<string, string>, overrides: Overrides = {}) => Effect.provide(readSettings(overrides), environmentLayer(env))

const files = Effect.fnUntraced(function* (contents: Record<string, string>) {
  const folder = yield* temporaryFolder("secrets")
  yield* Effect.promise(async () => {
    for (const [name, text] of Object.entries(contents)) {
      await Bun.write(join(folder, name), text)
      await chmod(join(folder, name), 0o600)
    }
  })
  return (name: string) => join(folder, name)
})

const minimal = { TB_USERNAME: "u", TB_PASSWORD: "p", API_KEY: "0123456789abcdef0123" }

describe("a secret in a file", () => {
  live("is read for every setting that is secret, without the final line break and otherwise unchanged", () =>
    Effect.gen(function* () {
      const path = yield* files({ password: "  of a file \r\n", key: "0123456789abcdef9876\n", redis: "redis://localhost\n", other: "x" })
      const resolved = yield* resolve({
        TB_USERNAME: "u",
        TB_PASSWORD_FILE: path("password"),
        API_KEY_FILE: path("key"),
        REDIS_URL_FILE: path("redis"),
        SECRET_KEY_FILE: path("other"),
        ACCESS_TOKEN_FILE: path("other")
      })
      const settings = yield* makeSettings(resolved)
      expect(settings.tbCredentials._tag === "Password" && Redacted.value(settings.tbCredentials.password)).toBe("  of a file ")
      expect(settings.apiKey && Redacted.value(settings.apiKey)).toBe("0123456789abcdef9876")
      expect(settings.redisUrl && Redacted.value(settings.redisUrl)).toBe("redis://localhost")
      expect(JSON.stringify(effectiveSettings(resolved))).not.toMatch(/of a file|9876|redis:/)
      const marked = Object.entries(definitions).flatMap(([variable, definition]) => ("secret" in definition ? [variable] : []))
      expect(secretVariables).toEqual(marked)
      for (const variable of marked) for (const text of [renderEnvSample(), renderMarkdown()]) expect(text).toContain(`${variable}_FILE`)
    })
  )

  live("is an error if it is also given directly, is missing, empty, not a file or too large; all together, without its content", () =>
    Effect.gen(function* () {
      const path = yield* files({ empty: " \n", large: "s".repeat(70_000), both: "secret-content" })
      yield* Effect.promise(() => mkdir(path("folder")))
      const error = yield* resolve({
        TB_USERNAME: "u",
        TB_PASSWORD: "p",
        TB_PASSWORD_FILE: path("both"),
        API_KEY_FILE: path("nowhere"),
        REDIS_URL_FILE: path("empty"),
        SECRET_KEY_FILE: path("folder"),
        ACCESS_TOKEN_FILE: path("large")
      }).pipe(Effect.flatMap(makeSettings), Effect.flip)
      expect(error.issues.map(({ issue, variable }) => `${variable} ${issue}`).toSorted()).toEqual([
        `ACCESS_TOKEN cannot be read: ACCESS_TOKEN_FILE names the file ${path("large")}, which is larger than 64 KiB`,
        `API_KEY cannot be read: API_KEY_FILE names the file ${path("nowhere")}, which does not exist`,
        `REDIS_URL cannot be read: REDIS_URL_FILE names the file ${path("empty")}, which is empty`,
        `SECRET_KEY cannot be read: SECRET_KEY_FILE names the file ${path("folder")}, which is not a regular file`,
        "TB_PASSWORD cannot be combined with TB_PASSWORD_FILE: leave out one of them"
      ])
      expect(error.message).not.toContain("secret-content")
      // Somebody may have given the secret instead of a path.
      const given = yield* Effect.flip(Effect.flatMap(resolve({ ...minimal, SECRET_KEY_FILE: "my-secret" }), makeSettings))
      expect(given.message).toContain("SECRET_KEY_FILE names a file, which does not exist")
      expect(given.message).not.toContain("my-secret")
    })
  )

  live("causes a warning if every user can read it", () =>
    Effect.gen(function* () {
      const path = yield* files({ key: "0123456789abcdef9876\n" })
      const resolved = yield* resolve({ TB_USERNAME: "u", TB_PASSWORD: "p", API_KEY_FILE: path("key"), HOST: "127.0.0.1" })
      const warnings = Effect.map(Effect.provide(checkFiles(resolved), environmentLayer({})), (found) => found.warnings)
      expect(yield* warnings).toEqual([])
      yield* Effect.promise(() => chmod(path("key"), 0o644))
      expect(yield* warnings).toEqual([
        { variable: "API_KEY_FILE", issue: `names the file ${path("key")}, which every user of this machine can read` }
      ])
    })
  )

  live("is not read if the command sets the secret itself, and is also read for BOARDWALK_KEY", () =>
    Effect.gen(function* () {
      const path = yield* files({ key: "of-a-file\n" })
      const resolved = yield* resolve({ ...minimal, TB_API_KEY_FILE: path("nowhere") }, { TB_API_KEY: "" })
      expect((yield* makeSettings(resolved)).tbCredentials._tag).toBe("Password")
      const read = (env: Record<string, string>) => Effect.provide(readSecretVariable("BOARDWALK_KEY"), environmentLayer(env))
      expect(yield* read({ BOARDWALK_KEY_FILE: path("key") })).toEqual(Option.some("of-a-file"))
      expect((yield* Effect.flip(read({ BOARDWALK_KEY_FILE: path("key"), BOARDWALK_KEY: "x" }))).message).toContain(
        "BOARDWALK_KEY cannot be"
      )
    })
  )
})

live("a private key that every user can read causes a warning", () =>
  Effect.gen(function* () {
    const path = yield* files({ "tls.key": "-", "tls.crt": "-" })
    const resolved = yield* resolve({ ...minimal, HOST: "::1", TLS_CERT_FILE: path("tls.crt"), TLS_KEY_FILE: path("tls.key") })
    const warnings = Effect.map(Effect.provide(checkFiles(resolved), environmentLayer({})), (found) => found.warnings)
    expect(yield* warnings).toEqual([])
    yield* Effect.promise(() => chmod(path("tls.key"), 0o646))
    expect((yield* warnings).map(({ issue, variable }) => `${variable} ${issue}`)).toEqual([
      "TLS_KEY_FILE can be written by users other than its owner, who could replace the key",
      "TLS_KEY_FILE can be read by every user of this machine"
    ])
  })
)
