import { Console, DateTime, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import {
  allScopes,
  CustomerId,
  type DeviceRestriction,
  type KeyEntry,
  KeyId,
  type KeyIdentity,
  KeyScope,
  type SecretReference
} from "../domain/ApiKey.ts"
import { DeviceId } from "../domain/Ids.ts"
import { randomBytes } from "../platform/Digest.ts"
import { digestOf, mint } from "../services/KeyMint.ts"
import { notBlank } from "./flags.ts"
import { file, KeysProblem } from "./keysFile.ts"
import { idOf } from "./keysId.ts"
import { changeKeys } from "./keysWrite.ts"

const restrictionFlags = {
  ids: Flag.String("device-id").pipe(
    Flag.withSchema(DeviceId),
    Flag.withDescription("Restricts the key to this device; may be given several times"),
    Flag.atLeast(0)
  ),
  types: Flag.String("device-type").pipe(
    Flag.withSchema(Schema.NonEmptyString),
    Flag.withDescription("Restricts the key to devices of this type; may be given several times"),
    Flag.atLeast(0)
  ),
  customer: Flag.String("customer").pipe(
    Flag.withSchema(CustomerId),
    Flag.withDescription("Restricts the key to the devices of this ThingsBoard customer (its id)"),
    Flag.optional
  )
}

interface Restricting {
  readonly ids: ReadonlyArray<DeviceId>
  readonly types: ReadonlyArray<string>
  readonly customer: Option.Option<typeof CustomerId.Type>
}

const restriction = ({ customer, ids, types }: Restricting): { readonly devices?: DeviceRestriction } => {
  const given = {
    ...(ids.length > 0 ? { ids } : {}),
    ...(types.length > 0 ? { types } : {}),
    ...(Option.isSome(customer) ? { customer: customer.value } : {})
  }
  return Object.keys(given).length > 0 ? { devices: given } : {}
}

const secretFlag = (name: string, what: string) => Flag.String(name).pipe(Flag.withDescription(what), Flag.optional)

const identityFlags = {
  username: secretFlag("thingsboard-user", "Calls of the key have the rights of this ThingsBoard user; with one of the passwords below"),
  passwordFile: secretFlag("thingsboard-password-file", "The file that holds that user's password"),
  passwordEnv: secretFlag("thingsboard-password-env", "The variable that holds it"),
  apiKeyFile: secretFlag("thingsboard-api-key-file", "Instead of a user: the file that holds a ThingsBoard API key"),
  apiKeyEnv: secretFlag("thingsboard-api-key-env", "The variable that holds it")
}

type Identifying = { readonly [Name in keyof typeof identityFlags]: Option.Option<string> }

const unclear = new KeysProblem({
  message:
    "Give --thingsboard-user with its password's file or variable, or the file or variable of a ThingsBoard API key: one of the four."
})

const identity = ({ apiKeyEnv, apiKeyFile, passwordEnv, passwordFile, username }: Identifying) =>
  Effect.suspend((): Effect.Effect<{ readonly thingsboard?: KeyIdentity }, KeysProblem> => {
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

const add = (file: string, entry: KeyEntry) =>
  changeKeys(
    file,
    (keys) =>
      keys.some(({ id }) => id === entry.id)
        ? Effect.fail(new KeysProblem({ message: `${file} has a key with the id ${entry.id} already: give another with --id.` }))
        : Effect.succeed([...keys, entry]),
    { orNew: true }
  )

export const create = Command.make(
  "create",
  {
    file,
    name: Flag.String("name").pipe(
      Flag.withDescription("What the key is for, such as 'Grafana'"),
      notBlank("something beside blanks"),
      Flag.map((name) => name.trim())
    ),
    id: Flag.String("id").pipe(
      Flag.withDescription("Names the key in logs; made from the name when there is none"),
      Flag.filter(
        Schema.is(KeyId),
        () => "1 to 64 letters, digits, - or _, of which the first is no -; and not default, which is API_KEY's"
      ),
      Flag.optional
    ),
    scope: Flag.Literals("scope", allScopes).pipe(Flag.withDescription("A right of the key; may be given several times"), Flag.atLeast(1)),
    restricting: restrictionFlags,
    identifying: identityFlags,
    expires: Flag.Date("expires").pipe(Flag.withDescription("When the key stops working, such as 2027-01-31"), Flag.optional),
    requests: Flag.String("rate-limit").pipe(
      Flag.withMetavar("number"),
      Flag.withDescription("Requests a minute, instead of the gateway's limit"),
      Flag.filterMap(
        (text) => (/^[1-9]\d{0,8}$/.test(text) ? Option.some(Number(text)) : Option.none()),
        () => "a whole number from 1 to 999999999"
      ),
      Flag.optional
    )
  },
  Effect.fnUntraced(function* ({ expires, file, id, identifying, name, requests, restricting, scope }) {
    const key = mint(randomBytes)
    const sha256 = digestOf(key)
    const entry: KeyEntry = {
      id: Option.getOrElse(id, () => idOf(name, sha256)),
      name,
      sha256,
      scopes: [...new Set<KeyScope>(scope)],
      ...restriction(restricting),
      ...(yield* identity(identifying)),
      ...(Option.isSome(requests) ? { rate_limit: { requests: requests.value, window_seconds: 60 } } : {}),
      ...(Option.isSome(expires) ? { expires_at: DateTime.fromDateUnsafe(expires.value) } : {})
    }
    yield* add(file, entry)
    yield* Console.error(`Key ${entry.id} was added to ${file}. It is shown this once:`)
    yield* Console.log(key)
  })
).pipe(Command.withDescription("Makes a key, adds its digest to the file and prints the key, this once"))
