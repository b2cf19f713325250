/** `boardwalk keys`: the file of API keys, edited whole or not at all. */
import { Config, Console, DateTime, Effect, FileSystem, Option, Redacted, Runtime, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { allScopes, CustomerId, type DeviceRestriction, type KeyEntry, KeyScope, KeysFile } from "../domain/ApiKey.ts"
import { DeviceId } from "../domain/Ids.ts"
import { printable } from "../observability/printable.ts"
import { randomBytes } from "../platform/Digest.ts"
import { digestOf, isWellFormed, mint } from "../services/KeyMint.ts"
import { json } from "./flags.ts"

class KeysProblem extends Schema.TaggedError<KeysProblem>()("KeysProblem", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

const file = Flag.String("file").pipe(
  Flag.withDescription("The file of keys; API_KEYS_FILE when there is none"),
  Flag.withFallbackConfig(Config.NonEmptyString("API_KEYS_FILE"))
)

const Document = Schema.fromJsonString(KeysFile)

const readKeys = Effect.fnUntraced(function* (path: string) {
  const files = yield* FileSystem.FileSystem
  if (!(yield* files.exists(path))) return []
  const { keys } = yield* Schema.decodeEffect(Document)(yield* files.readFileString(path), { errors: "all", onExcessProperty: "error" })
  return keys
})

/** Written beside the file and moved over it, so that a gateway that looks at it never reads half of it. */
const writeKeys = Effect.fnUntraced(function* (path: string, keys: ReadonlyArray<KeyEntry>) {
  const files = yield* FileSystem.FileSystem
  const compact = yield* Schema.encodeEffect(Document)({ keys })
  const draft = `${path}.new`
  yield* files.writeFileString(draft, `${JSON.stringify(JSON.parse(compact), undefined, 2)}\n`, { mode: 0o600 })
  yield* files.rename(draft, path)
})

const orProblem = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.mapError(effect, (error) => new KeysProblem({ message: error.message }))

const restriction = (
  ids: ReadonlyArray<string>,
  types: ReadonlyArray<string>,
  customer: Option.Option<string>
): DeviceRestriction | undefined => {
  const given = {
    ...(ids.length > 0 ? { ids: ids.map((id) => DeviceId.make(id)) } : {}),
    ...(types.length > 0 ? { types } : {}),
    ...(Option.isSome(customer) ? { customer: customer.value } : {})
  }
  return Object.keys(given).length > 0 ? given : undefined
}

const create = Command.make(
  "create",
  {
    file,
    name: Flag.String("name").pipe(Flag.withDescription("What the key is for, such as 'Grafana'")),
    id: Flag.String("id").pipe(Flag.withDescription("Names the key in logs; made from the name when there is none"), Flag.optional),
    scope: Flag.Literals("scope", allScopes).pipe(Flag.withDescription("A right of the key; may be given several times"), Flag.atLeast(1)),
    deviceId: Flag.String("device-id").pipe(
      Flag.withSchema(DeviceId),
      Flag.withDescription("Restricts the key to this device; may be given several times"),
      Flag.atLeast(0)
    ),
    deviceType: Flag.String("device-type").pipe(
      Flag.withSchema(Schema.NonEmptyString),
      Flag.withDescription("Restricts the key to devices of this type; may be given several times"),
      Flag.atLeast(0)
    ),
    customer: Flag.String("customer").pipe(
      Flag.withSchema(CustomerId),
      Flag.withDescription("Restricts the key to the devices of this ThingsBoard customer (its id)"),
      Flag.optional
    ),
    expires: Flag.Date("expires").pipe(Flag.withDescription("When the key stops working, such as 2027-01-31"), Flag.optional),
    requests: Flag.Int("rate-limit").pipe(Flag.withDescription("Requests a minute, instead of the gateway's limit"), Flag.optional)
  },
  Effect.fnUntraced(function* ({ customer, deviceId, deviceType, expires, file, id, name, requests, scope }) {
    const keys = yield* orProblem(readKeys(file))
    const key = mint(randomBytes)
    const sha256 = digestOf(key)
    const devices = restriction(deviceId, deviceType, customer)
    const entry: KeyEntry = {
      id: Option.getOrElse(
        id,
        () =>
          `${name
            .toLowerCase()
            .replaceAll(/[^a-z0-9]+/g, "-")
            .slice(0, 40)}-${sha256.slice(0, 6)}`
      ),
      name,
      sha256,
      scopes: [...new Set<KeyScope>(scope)],
      ...(devices === undefined ? {} : { devices }),
      ...(Option.isSome(requests) ? { rate_limit: { requests: requests.value, window_seconds: 60 } } : {}),
      ...(Option.isSome(expires) ? { expires_at: DateTime.fromDateUnsafe(expires.value) } : {})
    }
    yield* orProblem(writeKeys(file, [...keys, entry]))
    yield* Console.error(`Key ${entry.id} was added to ${file}. It is shown this once:`)
    yield* Console.log(key)
  })
).pipe(Command.withDescription("Makes a key, adds its digest to the file and prints the key, this once"))

const list = Command.make(
  "list",
  { file, json },
  Effect.fnUntraced(function* ({ file, json }) {
    const keys = yield* orProblem(readKeys(file))
    const now = yield* DateTime.now
    const rows = keys.map((key) => ({
      id: key.id,
      name: key.name,
      scopes: key.scopes,
      devices: key.devices ?? null,
      state:
        key.disabled === true ? "disabled" : key.expires_at !== undefined && DateTime.isLessThan(key.expires_at, now) ? "expired" : "active"
    }))
    if (json) return yield* Console.log(JSON.stringify(rows, undefined, 2))
    for (const row of rows)
      yield* Console.log(
        printable(
          `${row.id}  ${row.state}  ${row.name}  ${row.scopes.join(" ")}${row.devices === null ? "" : `  ${JSON.stringify(row.devices)}`}`
        )
      )
  })
).pipe(Command.withDescription("Lists the keys of the file; the keys themselves cannot be had from it"))

const disabled = (key: KeyEntry): KeyEntry => ({ ...key, disabled: true })

const revoke = Command.make(
  "revoke",
  { file, id: Argument.String("id").pipe(Argument.withDescription("The key's id")) },
  Effect.fnUntraced(function* ({ file, id }) {
    const keys = yield* orProblem(readKeys(file))
    if (!keys.some((key) => key.id === id)) return yield* new KeysProblem({ message: `No key has the id ${id}.` })
    yield* orProblem(
      writeKeys(
        file,
        keys.map((key) => (key.id === id ? disabled(key) : key))
      )
    )
    yield* Console.log(`Key ${id} is disabled; a running gateway takes that over within seconds.`)
  })
).pipe(Command.withDescription("Disables a key; its entry stays, so that logs can still be read"))

const verify = Command.make(
  "verify",
  {
    file,
    key: Flag.Redacted("key").pipe(
      Flag.withDescription("The key; better given on standard input or as BOARDWALK_KEY"),
      Flag.withFallbackConfig(Config.Redacted("BOARDWALK_KEY"))
    )
  },
  Effect.fnUntraced(function* ({ file, key }) {
    const presented = Redacted.value(key).trim()
    const keys = yield* orProblem(readKeys(file))
    const found = keys.find(({ sha256 }) => sha256 === digestOf(presented))
    if (found !== undefined)
      return yield* Console.log(
        `This is key ${found.id} (${printable(found.name)})${found.disabled === true ? ", which is disabled" : ""}.`
      )
    return yield* new KeysProblem({
      message: isWellFormed(presented)
        ? "This key is well formed but not in the file."
        : "This is no key: it was mistyped or cut off (its checksum does not fit)."
    })
  })
).pipe(Command.withDescription("Tells which key of the file a key is, or whether it was mistyped"))

export const keys = Command.make("keys").pipe(
  Command.withDescription("Make, list, disable and check API keys"),
  Command.withSubcommands([create, list, revoke, verify])
)
