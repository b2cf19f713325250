/** Keys that applications call with: what a key may do, and the form of the file that holds them. */
import { DateTime, Option, Schema } from "effect"
import { DeviceId, noCustomerId, Uuid } from "./Ids.ts"

/** What a key can be allowed. Each endpoint needs one of them. */
export const KeyScope = Schema.Literals([
  "devices:read",
  "assets:read",
  "telemetry:read",
  "telemetry:write",
  "attributes:read",
  "attributes:write",
  "graph:read",
  "metrics:read"
]).annotate({ identifier: "KeyScope", description: "A right of an API key." })
export type KeyScope = typeof KeyScope.Type

export const allScopes: ReadonlyArray<KeyScope> = KeyScope.literals

/** Restricted to the customer that stands for none, a key would see all that is not assigned. */
export const CustomerId = Uuid.check(
  Schema.makeFilter((id: string) => id.toLowerCase() !== noCustomerId, {
    message: "Expected the id of a customer; this one stands for devices without any"
  })
)

/** The devices a key is restricted to: those with one of the ids, of one of the types, or of the ThingsBoard customer. */
export const DeviceRestriction = Schema.Struct({
  ids: Schema.optionalKey(Schema.Array(DeviceId)),
  types: Schema.optionalKey(Schema.Array(Schema.NonEmptyString)),
  customer: Schema.optionalKey(CustomerId)
}).check(
  Schema.makeFilter(
    (given: { readonly ids?: unknown; readonly types?: unknown; readonly customer?: unknown }) => Object.keys(given).length > 0,
    {
      message: "Expected ids, types or customer"
    }
  )
)
export type DeviceRestriction = typeof DeviceRestriction.Type

export const VariableName = Schema.String.check(Schema.isPattern(/^[A-Za-z_]\w*$/, { message: "Expected the name of a variable" }))

/** Where a secret stands: in a file, or in a variable of the environment. */
export const SecretReference = Schema.Union([Schema.Struct({ file: Schema.NonEmptyString }), Schema.Struct({ env: VariableName })])
export type SecretReference = typeof SecretReference.Type

/** The ThingsBoard user whose rights a key has instead of those of the gateway's own user: by name and password, or by an API key. */
export const KeyIdentity = Schema.Union([
  Schema.Struct({ username: Schema.NonEmptyString, password: SecretReference }),
  Schema.Struct({ api_key: SecretReference })
])
export type KeyIdentity = typeof KeyIdentity.Type

const Sha256 = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{64}$/, { message: "Expected a SHA-256 in 64 lower-case hexadecimal digits" })
)

/** The id of `API_KEY`, which is in no file: it is counted and logged as `default`. */
const idOfSetting = "default"

/** Names a key in logs and on command lines, where a text that begins with `-` would be taken for a flag. */
export const KeyId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/, {
    message: "Expected 1 to 64 letters, digits, - or _, of which the first is no -"
  }),
  Schema.makeFilter((id: string) => id !== idOfSetting, {
    message: `Expected another id: ${idOfSetting} is what the key of API_KEY is called`
  })
)

const KeyName = Schema.String.check(Schema.isPattern(/\S/, { message: "Expected something beside blanks" }))

const isDay = (day: string) => Option.exists(DateTime.make(day), (at) => DateTime.formatIsoDateUtc(at) === day)

const timeOfDay = /^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,3})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

/** A time that means one moment everywhere: of a day that there is, with its offset. `Date` takes much more, and turns it into something else. */
export const OffsetDateTime = Schema.String.check(
  Schema.makeFilter((text: string) => /^\d{4}-\d\d-\d\dT/.test(text) && isDay(text.slice(0, 10)) && timeOfDay.test(text.slice(11)), {
    message: "Expected a time with its offset, such as 2027-12-31T18:00:00Z or 2027-12-31T18:00:00+01:00"
  })
).pipe(Schema.decodeTo(Schema.DateTimeUtcFromString))

/** One key of the file. The key itself is nowhere: only its digest. */
export const KeyEntry = Schema.Struct({
  id: KeyId,
  name: KeyName,
  sha256: Sha256,
  scopes: Schema.Array(KeyScope.annotate({ message: `Expected one of ${allScopes.join(", ")}` })),
  devices: Schema.optionalKey(DeviceRestriction),
  thingsboard: Schema.optionalKey(KeyIdentity),
  rate_limit: Schema.optionalKey(
    Schema.Struct({
      requests: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
      window_seconds: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
    })
  ),
  expires_at: Schema.optionalKey(OffsetDateTime),
  disabled: Schema.optionalKey(Schema.Boolean)
})
export type KeyEntry = typeof KeyEntry.Type

/** Which entries have a value that an earlier one has too. */
const repeated = (keys: ReadonlyArray<KeyEntry>, field: "id" | "sha256") => {
  const first = new Set<string>()
  return keys.filter((key) => first.size === first.add(key[field]).size)
}

const distinct = (field: "id" | "sha256") =>
  Schema.makeFilter((file: { readonly keys: ReadonlyArray<KeyEntry> }) => {
    const ids = repeated(file.keys, field).map(({ id }) => id)
    return ids.length === 0 || `Expected every key to have its own ${field}; that of ${ids.join(", ")} is there twice`
  })

/** `API_KEYS_FILE`: suits Git and a Kubernetes secret, since no key can be had from it. */
export const KeysFile = Schema.Struct({ keys: Schema.Array(KeyEntry) }).check(distinct("id"), distinct("sha256"))
export type KeysFile = typeof KeysFile.Type
