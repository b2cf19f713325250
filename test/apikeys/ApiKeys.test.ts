/** The key file of a running gateway: which changes are applied, what is logged and how often. The tests control the clock. */
import { describe, expect } from "bun:test"
import { ConfigProvider, Context, Effect, FileSystem, Layer, PlatformError, Redacted, Runtime } from "effect"
import { TestClock } from "effect/testing"
import { Settings } from "../../src/config/Settings.ts"
import { ApiKeys } from "../../src/apikeys/ApiKeys.ts"
import { checkKeyFile } from "../../src/apikeys/KeyFile.ts"
import { createKey } from "../../src/apikeys/KeyFormat.ts"
import { randomBytes } from "../../src/platform/Digest.ts"
import { effect } from "../support/effectTest.ts"
import { privateFile } from "../support/fileInfo.ts"
import { keyOf, renderKeyFile } from "../support/keyFile.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { captureSignals } from "../support/leaks/captureSignals.ts"

const missing = (pathOrDescriptor: string) =>
  PlatformError.systemError({ _tag: "NotFound", module: "FileSystem", method: "readFile", pathOrDescriptor })

/** Files whose dates and sizes never change, like those behind a swapped link. */
const disk = (files: Map<string, string>) =>
  FileSystem.layerNoop({
    exists: (path) => Effect.succeed(files.has(path)),
    stat: () => Effect.succeed(privateFile),
    readFileString: (path) => {
      const text = files.get(path)
      return text === undefined ? Effect.fail(missing(path)) : Effect.succeed(text)
    }
  })

const file = "/keys.json"

interface Site {
  readonly text: string
  readonly apiKey?: string
  readonly files?: Record<string, string>
  readonly environment?: Record<string, string>
}

const site = Effect.fnUntraced(function* ({ apiKey, environment = {}, files: others = {}, text }: Site) {
  const files = new Map([[file, text], ...Object.entries(others)])
  const { layer: SignalsLayer, records } = captureSignals()
  const services = yield* Layer.build(
    ApiKeys.layer.pipe(
      Layer.provide(Settings.layerTest({ apiKeysFile: file, apiKey: apiKey === undefined ? undefined : Redacted.make(apiKey) })),
      Layer.provide(disk(files)),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: environment }))),
      Layer.provide(SignalsLayer)
    )
  )
  const keys = Context.get(services, ApiKeys)
  const find = (id: string) => {
    const result = keys.authenticate(keyOf(id), 0)
    return result._tag === "ApiKey" ? result : undefined
  }
  return {
    files,
    keys,
    find,
    records: (message: string) => records.filter((record) => record["message"] === message),
    /** Whether each of these keys works, lacks its secret, or is unknown. */
    states: (...ids: ReadonlyArray<string>) =>
      ids.map((id) => (find(id) === undefined ? "gone" : find(id)!.lacksSecret ? "lacks secret" : "works")),
    change: (path: string, contents: string | undefined) => {
      if (contents === undefined) files.delete(path)
      else files.set(path, contents)
      return TestClock.adjust("2 seconds")
    }
  }
})

const startError = (options: Site) =>
  Effect.map(Effect.flip(site(options)), (error) => {
    expect(Runtime.getErrorExitCode(error)).toBe(2)
    return error.message
  })

const reloaded = "API_KEYS_FILE was reloaded"
const invalid = "API_KEYS_FILE is invalid; the previous keys stay in use"
const secretMissing = "A key cannot be used: the secret of its ThingsBoard user is missing"

const withFile = (path: string) => ({ thingsboard: { username: "u@example.com", password: { file: path } } })
const withVariable = (env: string) => ({ thingsboard: { api_key: { env } } })

describe("a changed key file", () => {
  effect("is detected by its content and logged once, with the ids of the keys", () =>
    Effect.gen(function* () {
      const it = yield* site({ text: renderKeyFile({ a: {}, b: {} }), files: { "/secret": "s" } })
      yield* TestClock.adjust("10 seconds")
      expect(it.records(reloaded)).toEqual([])
      yield* it.change(file, renderKeyFile({ a: {}, c: {} }))
      expect(it.states("a", "b", "c")).toEqual(["works", "gone", "works"])
      expect(it.records(reloaded)).toMatchObject([{ added: ["c"], removed: ["b"] }])
      yield* it.change(file, renderKeyFile({ a: {}, c: {}, d: withFile("/secret") }))
      yield* TestClock.adjust("10 seconds")
      expect(it.records(reloaded).slice(1)).toMatchObject([{ added: ["d"] }])
      // The file is unchanged, but the secret that it refers to has changed.
      yield* it.change("/secret", "t")
      yield* TestClock.adjust("10 seconds")
      expect(it.records(reloaded).slice(2)).toMatchObject([{ changed: ["d"] }])
    })
  )

  effect("that is invalid has no effect, which is logged hourly in one line until it is fixed", () =>
    Effect.gen(function* () {
      const good = renderKeyFile({ a: {} })
      const it = yield* site({ text: good })
      expect(it.keys.fileState()).toBe("loaded")
      yield* it.change(file, renderKeyFile({ a: { scopes: ["devices:raed" as never] }, b: {} }))
      yield* TestClock.adjust("59 minutes")
      expect(it.states("a", "b")).toEqual(["works", "gone"])
      expect(it.keys.fileState()).toBe("invalid")
      const [first, ...more] = it.records(invalid)
      expect(first).toMatchObject({
        level: "error",
        reason: expect.stringMatching(/^key a: scopes\.0: Expected one of devices:read, [^\n]*$/)
      })
      expect(Object.keys(first!).toSorted()).toEqual(["level", "message", "reason", "ts"])
      expect(more).toEqual([])
      yield* TestClock.adjust("2 minutes")
      expect(it.records(invalid).length).toBe(2)
      // A different error is logged at once.
      yield* it.change(file, undefined)
      expect(it.records(invalid).slice(2)).toMatchObject([{ reason: "the file does not exist" }])
      yield* it.change(file, good)
      yield* TestClock.adjust("3 hours")
      expect(it.keys.fileState()).toBe("loaded")
      expect([it.records(invalid).length, it.records(reloaded).length]).toEqual([3, 1])
    })
  )

  effect("has its errors reported by their place, without quoting what somebody pasted there", () =>
    Effect.gen(function* () {
      const { otherApiKey } = canaries
      const entry = JSON.parse(renderKeyFile({ a: {} })).keys[0]
      const errors = {
        "{": "it is not JSON",
        " ": "it is empty",
        [`{"keys":[${otherApiKey}]}`]: "it is not JSON",
        [JSON.stringify({ [otherApiKey]: entry })]: "…: Expected no excess property; keys: Missing key",
        [JSON.stringify({ keys: [{ ...entry, id: `bw_${"x".repeat(46)}`, [otherApiKey]: 1 }] })]:
          "key number 1: …: Expected no excess property",
        [JSON.stringify({ keys: [entry, entry] })]: "Expected a unique id for every key; duplicate: a",
        [JSON.stringify({ keys: Array.from({ length: 9 }, () => ({})) })]: "and 31 more errors"
      }
      for (const [text, expected] of Object.entries(errors)) {
        const message = yield* startError({ text })
        expect(message).toStartWith("API_KEYS_FILE cannot be used: ")
        expect(message).toContain(expected)
        expect(message).not.toContain("\n")
        expect(message).not.toContain(otherApiKey)
      }
    })
  )
})

describe("a missing ThingsBoard secret", () => {
  effect("disables its key, and does not keep other keys from being added or removed", () =>
    Effect.gen(function* () {
      const it = yield* site({ text: renderKeyFile({ a: {}, b: {} }) })
      // As after `boardwalk keys create --thingsboard-api-key-env`: a running gateway cannot get new environment variables.
      yield* it.change(file, renderKeyFile({ a: {}, b: {}, c: {}, billing: withVariable("TB_API_KEY_BILLING") }))
      expect(it.states("a", "b", "c", "billing")).toEqual(["works", "works", "works", "lacks secret"])
      yield* it.change(file, renderKeyFile({ a: { disabled: true }, c: {}, billing: withVariable("TB_API_KEY_BILLING") }))
      expect(it.states("a", "b", "c", "billing")).toEqual(["gone", "gone", "works", "lacks secret"])
      yield* TestClock.adjust("3 hours")
      expect(it.keys.fileState()).toBe("loaded")
      expect(it.records(invalid)).toEqual([])
      expect(it.records(secretMissing)).toMatchObject([
        {
          level: "warn",
          key_id: "billing",
          reason: "the variable TB_API_KEY_BILLING is empty or not set, in the environment and in .env"
        }
      ])
    })
  )

  effect("is looked for in the environment, then in .env, at each reload, and logged again when it goes missing again", () =>
    Effect.gen(function* () {
      const it = yield* site({
        text: renderKeyFile({ one: withVariable("ONE"), two: withVariable("TWO"), three: withFile("/three") }),
        files: { ".env": `TWO='${canaries.freshPassword}' # here\nONE=of-the-file`, "/three": "\n" },
        environment: { ONE: "of-the-environment", TWO: "" }
      })
      expect(it.states("one", "two", "three")).toEqual(["works", "works", "lacks secret"])
      const user = (id: string) => it.find(id)!.thingsBoard
      const secretOf = (id: string) => {
        const found = user(id)
        return found === undefined ? undefined : Redacted.value(found._tag === "ApiKey" ? found.key : found.password)
      }
      expect([secretOf("one"), secretOf("two")]).toEqual(["of-the-environment", canaries.freshPassword])
      // Without its secret, it must never act as the gateway's own user.
      expect([user("three") === undefined, secretOf("three")]).toEqual([false, ""])

      yield* it.change("/three", `${canaries.guestPassword}\n`)
      expect([it.states("three"), secretOf("three")]).toEqual([["works"], canaries.guestPassword])
      yield* it.change(".env", undefined)
      expect(it.states("one", "two", "three")).toEqual(["works", "lacks secret", "works"])
      yield* it.change("/three", undefined)
      expect(it.records(secretMissing).map(({ key_id, reason }) => [key_id, reason])).toEqual([
        ["three", "the file /three is empty or cannot be read"],
        ["two", "the variable TWO is empty or not set, in the environment and in .env"],
        ["three", "the file /three is empty or cannot be read"]
      ])
      expect(it.records(reloaded).map(({ changed }) => changed)).toEqual([["three"], ["two"], ["three"]])
    })
  )
})

describe("a gateway does not start", () => {
  const noUsableKey = "it has no usable key"
  const texts = {
    "no keys": renderKeyFile({}),
    "disabled keys": renderKeyFile({ a: { disabled: true } }),
    "expired keys": renderKeyFile({ a: { expires_at: "1969-01-01T00:00:00.000Z" } }),
    "keys without their secrets": renderKeyFile({ a: withFile("/nowhere") })
  }
  for (const [kind, text] of Object.entries(texts))
    effect(`with a file that contains only ${kind}, unless API_KEY is set`, () =>
      Effect.gen(function* () {
        expect(yield* startError({ text })).toContain(noUsableKey)
        yield* site({ text, apiKey: canaries.apiKey })
        // A running gateway must apply a change that revokes all keys.
        const it = yield* site({ text: renderKeyFile({ a: {}, b: {} }) })
        yield* it.change(file, text)
        expect(it.states("b")).toEqual(["gone"])
        expect(it.keys.fileState()).toBe("loaded")
      })
    )

  effect("with a duplicate field, of which JSON would keep the last: it may be a restriction", () =>
    Effect.gen(function* () {
      const text = renderKeyFile({ a: { devices: { types: ["meter"] } } })
      const twice = text.replace('"devices":', '"devices":{"types":["meter","pump"]},"devices":')
      expect(JSON.parse(twice)).toEqual(JSON.parse(text))
      const sentence = "an object has the field devices twice, and only the last would count"
      expect(yield* startError({ text: twice })).toBe(`API_KEYS_FILE cannot be used: ${sentence}`)
      const it = yield* site({ text: renderKeyFile({ a: {} }) })
      yield* it.change(file, twice)
      expect(it.records(invalid)).toMatchObject([{ reason: sentence }])
    })
  )

  effect("with an entry for the key of API_KEY, disabled or not: its restriction would be ignored", () =>
    Effect.gen(function* () {
      const sentence = "key twice is the key of API_KEY, which has all scopes: remove API_KEY or this entry"
      const apiKey = keyOf("twice")
      for (const entry of [{}, { disabled: true }, { scopes: ["devices:read" as const] }]) {
        const text = renderKeyFile({ a: {}, twice: entry })
        expect(yield* startError({ text, apiKey })).toBe(`API_KEYS_FILE cannot be used: ${sentence}`)
        const it = yield* site({ text: renderKeyFile({ a: {} }), apiKey })
        yield* it.change(file, text)
        expect(it.records(invalid)).toMatchObject([{ reason: sentence }])
        expect(it.states("a", "twice")).toEqual(["works", "works"])
      }
    })
  )
})

describe("a restriction", () => {
  effect("that ThingsBoard would ignore, or that would not restrict, makes the file invalid", () =>
    Effect.gen(function* () {
      const blank = "devices.types.0: Expected the name of a type: not blank, without control characters"
      const padded = "devices.types.0: Expected the name of a type without blanks around it"
      const types: Readonly<Record<string, string>> = {
        "": blank,
        " ": blank,
        " \t\r\n ": blank,
        "\u00a0": blank,
        "\u2003\u3000": blank,
        "\ufeff": blank,
        "\u0000": blank,
        "\u0001\u001f": blank,
        "a\u0000b": blank,
        "a\u007f": blank,
        "a\u0085b": blank,
        "\ud800": "devices.types.0: Expected the name of a type without broken surrogates",
        " meter": padded,
        "meter\u00a0": padded,
        [`m${"x".repeat(255)}`]: "devices.types.0: Expected a name of at most 255 characters"
      }
      for (const [type, sentence] of Object.entries(types)) {
        const error = yield* startError({ text: renderKeyFile({ a: { devices: { types: [type] } } }) })
        expect([type, error]).toEqual([type, `API_KEYS_FILE cannot be used: key a: ${sentence}`])
      }
      const range = "Expected an address range such as 10.0.0.0/8 or 2001:db8::/32, without bits after the prefix, or a single address"
      for (const cidr of ["", " ", "10.0.0.0/33", "10.0.0.5/8", "10.0.0", "::/129", "::ffff:10.0.0.0/104", "example.com", "10.0.0.0/8 "]) {
        const error = yield* startError({ text: renderKeyFile({ a: { cidrs: [cidr] } }) })
        expect([cidr, error]).toEqual([cidr, `API_KEYS_FILE cannot be used: key a: cidrs.0: ${range}`])
      }
      expect(yield* startError({ text: renderKeyFile({ a: { cidrs: [] } }) })).toContain("cidrs: Expected 1 to 100 address ranges")
      expect(yield* startError({ text: renderKeyFile({ a: { assets: "none" } }) })).toBe(
        "API_KEYS_FILE cannot be used: key a: assets: Expected devices as well: assets are restricted together with devices"
      )
      const other = renderKeyFile({ a: { devices: { ids: [] }, assets: "none" } }).replace('"none"', '"some"')
      expect(yield* startError({ text: other })).toContain("key a: assets: Expected one of all, related, none")
    })
  )
})

effect("a file that does not say which assets its restricted keys may see is warned about", () =>
  Effect.gen(function* () {
    const devices = { types: ["meter"] }
    const assetKeys = Object.fromEntries(["a", "b", "c", "d", "e", "f"].map((id) => [id, { devices, scopes: ["assets:read" as const] }]))
    const others = {
      graph: { devices, scopes: ["graph:read" as const] },
      unrestricted: {},
      said: { devices, assets: "all" as const },
      off: { devices, disabled: true },
      noAssets: { devices, scopes: ["telemetry:read" as const] }
    }
    const warningsOf = (text: string) =>
      Effect.map(
        checkKeyFile({ apiKey: undefined, apiKeysFile: file }).pipe(Effect.provide(disk(new Map([[file, text]])))),
        ({ errors, warnings }) => {
          expect(errors).toEqual([])
          return warnings.map(({ issue }) => issue)
        }
      )
    expect(yield* warningsOf(renderKeyFile({ ...others, graph: { ...others.graph, assets: "none" } }))).toEqual([])
    const issue = "does not say which assets keys restricted to devices may see, so they see only those related to their devices"
    const add = 'add "assets": "related", "all" or "none" to'
    expect(yield* warningsOf(renderKeyFile(others))).toEqual([`${issue}: ${add} graph`])
    expect(yield* warningsOf(renderKeyFile({ ...assetKeys, ...others }))).toEqual([`${issue}: ${add} a, b, c, d, e, and 2 more keys`])
  })
)

describe("a presented key", () => {
  const expires_at = "2020-01-01T00:00:00Z"
  const expiry = Date.parse(expires_at)

  effect("is found, or denied with a reason that only the log gets", () =>
    Effect.gen(function* () {
      const { keys } = yield* site({ text: renderKeyFile({ a: {}, old: { expires_at }, off: { disabled: true } }) })
      expect(keys.authenticate(keyOf("a"), 0)).toMatchObject({ _tag: "ApiKey", id: "a" })
      expect(keys.authenticate(keyOf("old"), expiry - 1)).toMatchObject({ _tag: "ApiKey", id: "old" })
      const denial = { _tag: "Denial", hasChecksumError: false } as const
      const mistyped = `${createKey(randomBytes).slice(0, -1)}-`
      const cases = [
        ["", { ...denial, reason: "missing" }],
        ["nobody's", { ...denial, reason: "unknown" }],
        [createKey(randomBytes), { ...denial, reason: "unknown" }],
        [mistyped, { ...denial, reason: "mistyped", hasChecksumError: true }],
        [keyOf("old"), { ...denial, reason: "expired", keyId: "old" }],
        [keyOf("off"), { ...denial, reason: "disabled", keyId: "off" }]
      ] as const
      for (const [presented, expected] of cases) expect([presented, keys.authenticate(presented, expiry)]).toEqual([presented, expected])
    })
  )

  effect("is denied from addresses outside its ranges, in whatever form an address is written, and without one", () =>
    Effect.gen(function* () {
      const cidrs = ["10.1.0.0/16", "192.0.2.7", "2001:db8:1::/48"]
      const { keys } = yield* site({ text: renderKeyFile({ bound: { cidrs }, expired: { cidrs, expires_at }, free: {} }) })
      const inside = ["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.7", "2001:db8:1::5", "2001:0DB8:0001:0000::0005"]
      for (const address of inside) expect([address, keys.authenticate(keyOf("bound"), expiry, address)._tag]).toEqual([address, "ApiKey"])
      const outside = ["10.2.0.1", "192.0.2.8", "2001:db8:2::5", "::1", "unknown", "", "10.1.2", "010.1.2.3", undefined]
      const denied = { _tag: "Denial", hasChecksumError: false, reason: "address", keyId: "bound" } as const
      for (const address of outside) {
        expect([address, keys.authenticate(keyOf("bound"), expiry, address)]).toEqual([address, denied])
        expect([address, keys.authenticate(keyOf("free"), expiry, address)._tag]).toEqual([address, "ApiKey"])
      }
      expect(keys.authenticate(keyOf("expired"), expiry, "10.1.2.3")).toMatchObject({ reason: "expired" })
    })
  )

  effect("is current until it expires, is removed or is disabled, even if its id is given to another key", () =>
    Effect.gen(function* () {
      const it = yield* site({ text: renderKeyFile({ a: { expires_at }, b: {}, c: {} }) })
      const [a, b, c] = ["a", "b", "c"].map((id) => it.find(id)!)
      const current = (now = 0) => [a, b, c].map((key) => it.keys.current(key!, now)?.id)
      expect([current(expiry - 1), current(expiry)]).toEqual([
        ["a", "b", "c"],
        [undefined, "b", "c"]
      ])
      const other = JSON.stringify({ keys: [{ ...JSON.parse(renderKeyFile({ other: {} })).keys[0], id: "b" }] })
      yield* it.change(file, other)
      expect(current()).toEqual([undefined, undefined, undefined])
      yield* it.change(file, renderKeyFile({ b: { disabled: true }, c: {} }))
      expect(current()).toEqual([undefined, undefined, "c"])
    })
  )
})
