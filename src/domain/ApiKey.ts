/** API keys: their scopes, and the schema of the key file (`API_KEYS_FILE`). */
import { DateTime, Option, Schema } from "effect"
import { DeviceId, noCustomerId, Uuid } from "./Ids.ts"
import { Cidr } from "./Network.ts"
import { RestrictingTypeName } from "./TypeName.ts"

/** What a key may do. Every endpoint that needs a key requires one of these scopes. */
export const KeyScope = Schema.Literals([
  "devices:read",
  "assets:read",
  "telemetry:read",
  "telemetry:write",
  "attributes:read",
  "attributes:write",
  "graph:read",
  "users:read",
  "credentials:read",
  "metrics:read"
]).annotate({ identifier: "KeyScope", description: "A scope of an API key." })
export type KeyScope = typeof KeyScope.Type

export const allScopes: ReadonlyArray<KeyScope> = KeyScope.literals

/**
 * Id of a customer that a key can be restricted to. The id that stands for "no customer" is rejected: it would give access to every
 * device that is not assigned to a customer.
 */
export const CustomerId = Uuid.check(
  Schema.makeFilter((id: string) => id.toLowerCase() !== noCustomerId, {
    message: "Expected the id of a customer; this id means 'no customer'"
  })
)

/** The devices that a key is restricted to: those with one of the ids, of one of the types, or assigned to the ThingsBoard customer. */
export const DeviceRestriction = Schema.Struct({
  ids: Schema.optionalKey(Schema.Array(DeviceId)),
  types: Schema.optionalKey(Schema.Array(RestrictingTypeName)),
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

/** The assets that a key with a device restriction may see: all, those related to its devices or assigned to its customer, or none. */
export const AssetRestriction = Schema.Literals(["all", "related", "none"])
export type AssetRestriction = typeof AssetRestriction.Type

/** Address ranges from which a key may be used. Every request with the key compares its address with each of them. */
const Cidrs = Schema.Array(Cidr).check(
  Schema.isBetweenLength(1, 100, { message: "Expected 1 to 100 address ranges; without any the key could not be used" })
)

/** Name of an environment variable. */
export const VariableName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z_]\w*$/, { message: "Expected the name of an environment variable" })
)

/** Where a secret is stored: in a file or in an environment variable. */
export const SecretReference = Schema.Union([Schema.Struct({ file: Schema.NonEmptyString }), Schema.Struct({ env: VariableName })])
export type SecretReference = typeof SecretReference.Type

/**
 * The ThingsBoard user that a key acts as, instead of the gateway's own user: a username and password, or a ThingsBoard API key.
 */
export const KeyIdentity = Schema.Union([
  Schema.Struct({ username: Schema.NonEmptyString, password: SecretReference }),
  Schema.Struct({ api_key: SecretReference })
])
export type KeyIdentity = typeof KeyIdentity.Type

const Sha256 = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{64}$/, { message: "Expected a SHA-256 digest of 64 lowercase hexadecimal digits" })
)

/** Id of the key in the setting `API_KEY`, which is not in the key file: rate limits and logs use this id for it. */
const defaultKeyId = "default"

/** Identifies a key in logs and on the command line, where an id that starts with `-` would be parsed as a flag. */
export const KeyId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/, {
    message: "Expected 1 to 64 letters, digits, - or _, not starting with -"
  }),
  Schema.makeFilter((id: string) => id !== defaultKeyId, {
    message: `Expected another id: ${defaultKeyId} is reserved for the key in API_KEY`
  })
)

const KeyName = Schema.String.check(Schema.isPattern(/\S/, { message: "Expected a name that is not blank" }))

const isCalendarDay = (day: string) => Option.exists(DateTime.make(day), (at) => DateTime.formatIsoDateUtc(at) === day)

const timeOfDay = /^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,3})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

/**
 * An ISO 8601 date and time with a UTC offset, on a day that exists. `Date` alone is not strict enough: it also accepts local times
 * and turns 31 February into 2 or 3 March.
 */
export const OffsetDateTime = Schema.String.check(
  Schema.makeFilter(
    (text: string) => /^\d{4}-\d\d-\d\dT/.test(text) && isCalendarDay(text.slice(0, 10)) && timeOfDay.test(text.slice(11)),
    {
      message: "Expected a time with an offset, such as 2027-12-31T18:00:00Z or 2027-12-31T18:00:00+01:00"
    }
  )
).pipe(Schema.decodeTo(Schema.DateTimeUtcFromString))

/** Bytes are counted in KiB. */
const minByteLimit = 1024

/** One entry of the key file. The secret itself is not stored, only its digest. */
export const KeyEntry = Schema.Struct({
  id: KeyId,
  name: KeyName,
  sha256: Sha256,
  scopes: Schema.Array(KeyScope.annotate({ message: `Expected one of ${allScopes.join(", ")}` })),
  devices: Schema.optionalKey(DeviceRestriction),
  assets: Schema.optionalKey(AssetRestriction.annotate({ message: `Expected one of ${AssetRestriction.literals.join(", ")}` })),
  cidrs: Schema.optionalKey(Cidrs),
  thingsboard: Schema.optionalKey(KeyIdentity),
  rate_limit: Schema.optionalKey(
    Schema.Struct({
      requests: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
      window_seconds: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
      read_bytes: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(minByteLimit))),
      write_bytes: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(minByteLimit)))
    })
  ),
  expires_at: Schema.optionalKey(OffsetDateTime),
  disabled: Schema.optionalKey(Schema.Boolean)
}).check(
  Schema.makeFilter((entry: { readonly assets?: unknown; readonly devices?: unknown }) =>
    entry.assets === undefined || entry.devices !== undefined
      ? true
      : { path: ["assets"], issue: "Expected devices as well: assets are restricted together with devices" }
  )
)
export type KeyEntry = typeof KeyEntry.Type

/** The entries with a value that an earlier entry already has. */
const findDuplicates = (keys: ReadonlyArray<KeyEntry>, field: "id" | "sha256") => {
  const seen = new Set<string>()
  return keys.filter((key) => seen.size === seen.add(key[field]).size)
}

const hasUnique = (field: "id" | "sha256") =>
  Schema.makeFilter((file: { readonly keys: ReadonlyArray<KeyEntry> }) => {
    const ids = findDuplicates(file.keys, field).map(({ id }) => id)
    return ids.length === 0 || `Expected a unique ${field} for every key; duplicate: ${ids.join(", ")}`
  })

/** The content of `API_KEYS_FILE`. It holds no usable key, so it may be kept in Git or in a Kubernetes secret. */
export const KeysFile = Schema.Struct({ keys: Schema.Array(KeyEntry) }).check(hasUnique("id"), hasUnique("sha256"))
export type KeysFile = typeof KeysFile.Type
