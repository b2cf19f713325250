/** What is left of an entity is what JSON.parse sees without the fields of credentials, and every byte of it is ThingsBoard's. */
import { describe, expect, test } from "bun:test"
import { Effect, Predicate, Result } from "effect"
import * as fc from "fast-check"
import { isCredentialName } from "../../../src/domain/credentialNames.ts"
import { withoutCredentials, visibleTransportFields } from "../../../src/thingsboard/responses/CredentialFilter.ts"
import { device } from "../../../bench/upstream/tenant.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const filter = (text: string) => new TextDecoder().decode(Effect.runSync(withoutCredentials(bytes(text))))
const isRejected = (text: string | Uint8Array) => {
  const result = Effect.runSync(Effect.result(withoutCredentials(typeof text === "string" ? bytes(text) : text)))
  return Result.isFailure(result) && result.failure.reason._tag === "InvalidResponse"
}

/** The rule on values, without bytes. */
const pruned = (value: unknown, visible?: ReadonlySet<string>): unknown => {
  if (Array.isArray(value)) return value.map((element) => pruned(element))
  if (!Predicate.isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !isCredentialName(name) && visible?.has(name) !== false)
      .map(([name, child]) => [name, pruned(child, name === "transportConfiguration" ? visibleTransportFields : undefined)])
  )
}

const name = fc.oneof(
  fc.string({ unit: "binary" }).map((text) => text.toWellFormed()),
  fc.constantFrom(
    "password",
    "api_key",
    "Community",
    "privacyPassphrase",
    "transportConfiguration",
    "type",
    "host",
    "user name",
    "a",
    "b",
    "",
    "key"
  )
)
const { entity } = fc.letrec<{ entity: unknown; object: Record<string, unknown> }>((tie) => ({
  entity: fc.oneof({ depthSize: "small" }, fc.jsonValue({ maxDepth: 0 }), fc.array(tie("entity"), { maxLength: 4 }), tie("object")),
  object: fc.dictionary(name, tie("entity"), { maxKeys: 6 })
}))

/** Prints JSON with white space, and with names of which some characters are escaped, as chosen by a generator of numbers. */
const printLoosely = (value: unknown, next: () => number): string => {
  const space = () => ["", "", " ", "\n", "\t \r\n"][next() % 5]!
  const text = (plain: string) =>
    `"${[...plain].map((c) => (next() % 4 === 0 && c.length === 1 ? `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}` : JSON.stringify(c).slice(1, -1))).join("")}"`
  const print = (part: unknown): string => {
    if (Array.isArray(part)) return `[${space()}${part.map((element) => print(element) + space()).join(`,${space()}`)}]`
    if (!Predicate.isObject(part)) return typeof part === "string" ? text(part) : JSON.stringify(part)
    return `{${space()}${Object.entries(part)
      .map(([field, child]) => `${text(field)}${space()}:${space()}${print(child)}${space()}`)
      .join(`,${space()}`)}}`
  }
  return space() + print(value) + space()
}

/** Whether `part` is left when bytes are removed from `whole`. */
const isSubsequence = (part: string, whole: string): boolean => {
  let at = 0
  for (const c of part) {
    at = whole.indexOf(c, at)
    if (at === -1) return false
    at += c.length
  }
  return true
}

describe("an entity without its credentials", () => {
  test("is what JSON.parse, deletion and comparison give, however it is printed", () => {
    fc.assert(
      fc.property(entity, fc.infiniteStream(fc.nat(19)), (value, choices) => {
        const printed = printLoosely(value, () => choices.next().value!)
        const left = filter(printed)
        expect(JSON.parse(left)).toEqual(pruned(JSON.parse(printed)))
        expect(isSubsequence(left, printed)).toBe(true)
        if (JSON.stringify(pruned(value)) === JSON.stringify(value)) expect(left).toBe(printed)
        expect(filter(left)).toBe(left)
      }),
      { numRuns: 1000 }
    )
  })

  test("has every other byte as it was sent", () => {
    expect(filter('{"a": 1.10 ,"password":"x" , "b":12345678901234567890}')).toBe('{"a": 1.10 , "b":12345678901234567890}')
    expect(filter('{ "password":"x" , "b":1e3 }')).toBe('{ "b":1e3 }')
    expect(filter('{"b":"\\u00e9\\/","token":[{"a":1}]}')).toBe('{"b":"\\u00e9\\/"}')
    expect(filter('{"password":1,"secret":{"a":2},"token":3}')).toBe("{}")
    expect(filter('[{"password":1},{"a":[{"pwd":1},{"pwd":2,"c":3}]},[]]')).toBe('[{},{"a":[{},{"c":3}]},[]]')
    expect(filter('{"a":1,"pwd":2,"pwd":3,"b":4,"pwd":5}')).toBe('{"a":1,"b":4}')
  })

  test("loses names with escape sequences too", () => {
    expect(filter('{"comm\\u0075nity":"x","\\u0070wd":"y","api\\u005fkey":"z","a":1}')).toBe('{"a":1}')
    expect(filter('{"transport\\u0043onfiguration":{"typ\\u0065":"MQTT","any":"x"}}')).toBe(
      '{"transport\\u0043onfiguration":{"typ\\u0065":"MQTT"}}'
    )
  })

  test("keeps only known fields of a transport configuration, whatever the others are called", () => {
    const snmp =
      '{"type":"SNMP","host":"10.0.0.5","port":161,"protocolVersion":"V3","community":"a","username":"b","securityName":"c","contextName":"d",' +
      '"authenticationProtocol":"SHA_512","authenticationPassphrase":"e","privacyProtocol":"AES_256","privacyPassphrase":"f","engineId":"g"}'
    expect(filter(`{"deviceData":{"configuration":{"type":"DEFAULT"},"transportConfiguration":${snmp}}}`)).toBe(
      '{"deviceData":{"configuration":{"type":"DEFAULT"},"transportConfiguration":{"type":"SNMP","host":"10.0.0.5","port":161,' +
        '"protocolVersion":"V3","authenticationProtocol":"SHA_512","privacyProtocol":"AES_256"}}}'
    )
    expect(filter('{"transportConfiguration":{"x":"a","type":"MQTT","y":{"z":"b"}}}')).toBe('{"transportConfiguration":{"type":"MQTT"}}')
  })

  test("of a device profile is without its keys and secrets", () => {
    const profile =
      '{"name":"p","profileData":{"configuration":{"type":"DEFAULT"},"transportConfiguration":{"type":"LWM2M","bootstrap":[{"serverPublicKey":"a"}]},' +
      '"provisionConfiguration":{"type":"X509_CERTIFICATE_CHAIN","provisionDeviceSecret":"b","certificateRegExPattern":"c"}},"provisionDeviceKey":"d"}'
    expect(filter(profile)).toBe(
      '{"name":"p","profileData":{"configuration":{"type":"DEFAULT"},"transportConfiguration":{"type":"LWM2M"},' +
        '"provisionConfiguration":{"type":"X509_CERTIFICATE_CHAIN"}}}'
    )
  })

  test("is itself when it has none, in the form that ThingsBoard prints and with values that look like names", () => {
    const page = [device(1), device(2, true), device(3).replace("Sensor number 3", '"password": x, community')]
    const plain = bytes(`[${page.slice(0, 2).join(",")}]`)
    expect(Effect.runSync(withoutCredentials(plain))).toBe(plain)
    expect(Effect.runSync(withoutCredentials(bytes(page[0]!)))).toEqual(bytes(page[0]!))
    const named = `[${page.join(",")},{"name":"password","label":"secret","type":"token"}]`.replaceAll('"password": x', '\\"password\\": x')
    expect(filter(named)).toBe(named)
  })

  test("is found behind entities of the usual form, and in fields that these may have", () => {
    const usual = device(1)
    const hidden = usual.replace('"description":', '"token":"x","description":')
    const changed = usual.replace('"version":', '"password":"y","version":')
    const snmp = usual.replace('"transportConfiguration":{"type":"DEFAULT"}', '"transportConfiguration":{"type":"SNMP","community":"z"}')
    const left = filter(`[${[usual, hidden, usual, changed, snmp, usual].join(",")}]`)
    expect(left).toBe(
      `[${[usual, usual, usual, usual, usual.replace('n":{"type":"DEFAULT"}}}', 'n":{"type":"SNMP"}}}'), usual].join(",")}]`
    )
  })

  test("is not passed on when it is not JSON", () => {
    for (const text of [
      "",
      "{",
      '{"a":1,}',
      '{"a" 1}',
      '{"a":1 "b":2}',
      "[1,]",
      '[{"a":1}',
      '{"a":tru}',
      '{"password":[1,}',
      "{} {}",
      '{"\\x":1}',
      "[[]"
    ])
      expect([text, isRejected(text)]).toEqual([text, true])
    expect(isRejected(new Uint8Array([123, 34, 0xff, 34, 58, 49, 125]))).toBe(true)
    expect(isRejected("[".repeat(100_000))).toBe(true)
    expect(isRejected('{"a":'.repeat(1200) + "1" + "}".repeat(1200))).toBe(true)
  })

  test("does not depend on what was filtered before, with more names than are remembered", () => {
    for (let i = 0; i < 2500; i++) expect(filter(`{"name${i}":1,"password${i}":2,"type":3}`)).toBe(`{"name${i}":1,"type":3}`)
  })
})
