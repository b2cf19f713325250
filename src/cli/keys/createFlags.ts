/** What a new key may see and whose rights it has, as flags say it. A wrong one is told by its name, in a sentence. */
import { Effect, Option, Schema } from "effect"
import { CliError, Flag } from "effect/cli"
import { CustomerId, type DeviceRestriction, type KeyIdentity, type SecretReference, VariableName } from "../../domain/ApiKey.ts"
import { DeviceId } from "../../domain/Ids.ts"
import { notBlank, usageError } from "../flags.ts"

export const restrictionFlags = {
  ids: Flag.String("device-id").pipe(
    Flag.withMetavar("id"),
    Flag.withDescription("Restricts the key to this device; may be given several times"),
    Flag.filterMap(Schema.decodeOption(DeviceId), () => "the id of a device, such as 784f394c-42b6-435a-983c-b7beff2784f9"),
    Flag.atLeast(0)
  ),
  types: Flag.String("device-type").pipe(
    Flag.withMetavar("type"),
    Flag.withDescription("Restricts the key to devices of this type; may be given several times"),
    notBlank("the name of a type"),
    Flag.atLeast(0)
  ),
  customer: Flag.String("customer").pipe(
    Flag.withMetavar("id"),
    Flag.withDescription("Restricts the key to the devices of this ThingsBoard customer (its id)"),
    Flag.filterMap(Schema.decodeOption(CustomerId), () => "the id of a customer, such as 0b5a2a70-1111-11ee-8888-000000000001"),
    Flag.optional
  )
}

interface Restricting {
  readonly ids: ReadonlyArray<DeviceId>
  readonly types: ReadonlyArray<string>
  readonly customer: Option.Option<typeof CustomerId.Type>
}

export const toRestriction = ({ customer, ids, types }: Restricting): { readonly devices?: DeviceRestriction } => {
  const given = {
    ...(ids.length > 0 ? { ids } : {}),
    ...(types.length > 0 ? { types } : {}),
    ...(Option.isSome(customer) ? { customer: customer.value } : {})
  }
  return Object.keys(given).length > 0 ? { devices: given } : {}
}

const fileFlag = (name: string, what: string) =>
  Flag.String(name).pipe(Flag.withMetavar("path"), Flag.withDescription(what), notBlank("the path of a file"), Flag.optional)

/** What is no name may be the secret itself, given by mistake: it is not repeated. */
const variableFlag = (name: string, what: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("variable"),
    Flag.withDescription(what),
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
    Flag.withDescription("Calls of the key have the rights of this ThingsBoard user; with one of the passwords below"),
    notBlank("the name of a ThingsBoard user"),
    Flag.optional
  ),
  passwordFile: fileFlag("thingsboard-password-file", "The file that holds that user's password"),
  passwordEnv: variableFlag("thingsboard-password-env", "The variable that holds it"),
  apiKeyFile: fileFlag("thingsboard-api-key-file", "Instead of a user: the file that holds a ThingsBoard API key"),
  apiKeyEnv: variableFlag("thingsboard-api-key-env", "The variable that holds it")
}

type Identifying = { readonly [Name in keyof typeof identityFlags]: Option.Option<string> }

const unclear = usageError(
  ["keys", "create"],
  "Give --thingsboard-user with --thingsboard-password-file or --thingsboard-password-env, or else one of --thingsboard-api-key-file and --thingsboard-api-key-env"
)

export const toIdentity = ({ apiKeyEnv, apiKeyFile, passwordEnv, passwordFile, username }: Identifying) =>
  Effect.suspend((): Effect.Effect<{ readonly thingsboard?: KeyIdentity }, CliError.ShowHelp> => {
    const references = (kind: "file" | "env", given: Option.Option<string>): ReadonlyArray<SecretReference> =>
      Option.match(given, { onNone: () => [], onSome: (place) => [kind === "file" ? { file: place } : { env: place }] })
    const passwords = [...references("file", passwordFile), ...references("env", passwordEnv)]
    const apiKeys = [...references("file", apiKeyFile), ...references("env", apiKeyEnv)]
    const [password, apiKey] = [passwords[0], apiKeys[0]]
    if (passwords.length + apiKeys.length > 1 || Option.isSome(username) !== (password !== undefined)) return Effect.fail(unclear)
    if (apiKey !== undefined) return Effect.succeed({ thingsboard: { api_key: apiKey } })
    return password === undefined || Option.isNone(username)
      ? Effect.succeed({})
      : Effect.succeed({ thingsboard: { username: username.value, password } })
  })
