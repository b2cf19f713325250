/** The flags of `boardwalk keys create` for what the key may see, from where it may be used, and for its ThingsBoard user. */
import { Effect, Option, Schema } from "effect"
import { CliError, Flag } from "effect/cli"
import {
  AssetRestriction,
  CustomerId,
  type DeviceRestriction,
  type KeyIdentity,
  type SecretReference,
  VariableName
} from "../../domain/ApiKey.ts"
import { DeviceId } from "../../domain/Ids.ts"
import { Cidr } from "../../domain/Network.ts"
import { RestrictingTypeName } from "../../domain/TypeName.ts"
import { notBlank, usageError } from "../flags.ts"

export const restrictionFlags = {
  ids: Flag.String("device-id").pipe(
    Flag.withMetavar("id"),
    Flag.withDescription("Restrict the key to this device; may be repeated"),
    Flag.filterMap(Schema.decodeOption(DeviceId), () => "the id of a device, such as 784f394c-42b6-435a-983c-b7beff2784f9"),
    Flag.atLeast(0)
  ),
  types: Flag.String("device-type").pipe(
    Flag.withMetavar("type"),
    Flag.withDescription("Restrict the key to devices of this type; may be repeated"),
    Flag.filter(Schema.is(RestrictingTypeName), () => "the name of a type, without blanks around it and without control characters"),
    Flag.atLeast(0)
  ),
  customer: Flag.String("customer").pipe(
    Flag.withMetavar("id"),
    Flag.withDescription("Restrict the key to the devices of this ThingsBoard customer (its id)"),
    Flag.filterMap(Schema.decodeOption(CustomerId), () => "the id of a customer, such as 0b5a2a70-1111-11ee-8888-000000000001"),
    Flag.optional
  ),
  assets: Flag.Literals("assets", AssetRestriction.literals).pipe(
    Flag.withDescription(
      "Assets that a restricted key may see: those related to its devices or assigned to its customer (related, the default), all, or none"
    ),
    Flag.optional
  )
}

/** The addresses that the key may be used from. */
export const cidrs = Flag.String("cidr").pipe(
  Flag.withMetavar("range"),
  Flag.withDescription("Address range that the key may be used from, such as 10.0.0.0/8; may be repeated"),
  Flag.filter(Schema.is(Cidr), () => "an address range such as 10.0.0.0/8 or 2001:db8::/32, or a single address"),
  Flag.atLeast(0)
)

interface RestrictionFlags {
  readonly ids: ReadonlyArray<DeviceId>
  readonly types: ReadonlyArray<string>
  readonly customer: Option.Option<typeof CustomerId.Type>
  readonly assets: Option.Option<AssetRestriction>
}

const assetsWithoutDevices = usageError(
  ["keys", "create"],
  "--assets needs --device-id, --device-type or --customer: assets are restricted together with devices"
)

export const toRestriction = ({
  assets,
  customer,
  ids,
  types
}: RestrictionFlags): Effect.Effect<{ readonly devices?: DeviceRestriction; readonly assets?: AssetRestriction }, CliError.ShowHelp> => {
  const devices = {
    ...(ids.length > 0 ? { ids } : {}),
    ...(types.length > 0 ? { types } : {}),
    ...(Option.isSome(customer) ? { customer: customer.value } : {})
  }
  if (Object.keys(devices).length === 0) return Option.isSome(assets) ? Effect.fail(assetsWithoutDevices) : Effect.succeed({})
  return Effect.succeed({ devices, assets: Option.getOrElse(assets, () => "related" as const) })
}

const fileFlag = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar("path"), Flag.withDescription(description), notBlank("the path of a file"), Flag.optional)

/** An invalid name may be the secret itself, given by mistake, so it is not repeated. */
const variableFlag = (name: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("variable"),
    Flag.withDescription(description),
    Flag.mapEffect((text) =>
      Schema.is(VariableName)(text)
        ? Effect.succeed(text)
        : Effect.fail(new CliError.ValidationError({ message: `--${name} must be the name of a variable, such as TB_PASSWORD_HALL3` }))
    ),
    Flag.optional
  )

export const identityFlags = {
  username: Flag.String("thingsboard-user").pipe(
    Flag.withMetavar("user"),
    Flag.withDescription("Requests with the key use the permissions of this ThingsBoard user; requires one of the password flags below"),
    notBlank("the name of a ThingsBoard user"),
    Flag.optional
  ),
  passwordFile: fileFlag("thingsboard-password-file", "File with the password of that user"),
  passwordEnv: variableFlag("thingsboard-password-env", "Environment variable with the password of that user"),
  apiKeyFile: fileFlag("thingsboard-api-key-file", "File with a ThingsBoard API key, instead of username and password"),
  apiKeyEnv: variableFlag("thingsboard-api-key-env", "Environment variable with a ThingsBoard API key")
}

type IdentityFlags = { readonly [Name in keyof typeof identityFlags]: Option.Option<string> }

const ambiguousIdentity = usageError(
  ["keys", "create"],
  "Use --thingsboard-user with --thingsboard-password-file or --thingsboard-password-env, or use either --thingsboard-api-key-file or --thingsboard-api-key-env"
)

export const toIdentity = ({ apiKeyEnv, apiKeyFile, passwordEnv, passwordFile, username }: IdentityFlags) =>
  Effect.suspend((): Effect.Effect<{ readonly thingsboard?: KeyIdentity }, CliError.ShowHelp> => {
    const references = (kind: "file" | "env", flag: Option.Option<string>): ReadonlyArray<SecretReference> =>
      Option.match(flag, { onNone: () => [], onSome: (value) => [kind === "file" ? { file: value } : { env: value }] })
    const passwords = [...references("file", passwordFile), ...references("env", passwordEnv)]
    const apiKeys = [...references("file", apiKeyFile), ...references("env", apiKeyEnv)]
    const [password, apiKey] = [passwords[0], apiKeys[0]]
    if (passwords.length + apiKeys.length > 1 || Option.isSome(username) !== (password !== undefined)) return Effect.fail(ambiguousIdentity)
    if (apiKey !== undefined) return Effect.succeed({ thingsboard: { api_key: apiKey } })
    return password === undefined || Option.isNone(username)
      ? Effect.succeed({})
      : Effect.succeed({ thingsboard: { username: username.value, password } })
  })
