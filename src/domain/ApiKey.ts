/** Keys that applications call with: what a key may do, and the form of the file that holds them. */
import { Schema } from "effect"
import { DeviceId, noCustomer, Uuid } from "./Ids.ts"

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
  Schema.makeFilter((id: string) => id.toLowerCase() !== noCustomer, {
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

/** Where a secret stands: in a file, or in a variable of the environment. */
export const SecretReference = Schema.Union([
  Schema.Struct({ file: Schema.NonEmptyString }),
  Schema.Struct({ env: Schema.String.check(Schema.isPattern(/^[A-Za-z_]\w*$/, { message: "Expected the name of a variable" })) })
])
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

/** One key of the file. The key itself is nowhere: only its digest. */
export const KeyEntry = Schema.Struct({
  id: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{1,64}$/, { message: "Expected 1 to 64 letters, digits, - or _" })),
  name: Schema.NonEmptyString,
  sha256: Sha256,
  scopes: Schema.Array(KeyScope),
  devices: Schema.optionalKey(DeviceRestriction),
  thingsboard: Schema.optionalKey(KeyIdentity),
  rate_limit: Schema.optionalKey(
    Schema.Struct({
      requests: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
      window_seconds: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
    })
  ),
  expires_at: Schema.optionalKey(Schema.DateTimeUtcFromString),
  disabled: Schema.optionalKey(Schema.Boolean)
})
export type KeyEntry = typeof KeyEntry.Type

const distinct = (field: "id" | "sha256") =>
  Schema.makeFilter(
    (file: { readonly keys: ReadonlyArray<KeyEntry> }) => new Set(file.keys.map((key) => key[field])).size === file.keys.length,
    {
      message: `Expected every key to have its own ${field}`
    }
  )

/** `API_KEYS_FILE`: suits Git and a Kubernetes secret, since no key can be had from it. */
export const KeysFile = Schema.Struct({ keys: Schema.Array(KeyEntry) }).check(distinct("id"), distinct("sha256"))
export type KeysFile = typeof KeysFile.Type
