/** `boardwalk keys`: the file of API keys, edited whole or not at all. */
import { Console, DateTime, Effect, Redacted } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { KeyEntry, KeyIdentity } from "../domain/ApiKey.ts"
import { printable } from "../observability/printable.ts"
import { digestOf, isWellFormed } from "../services/KeyMint.ts"
import { json, orVariable } from "./flags.ts"
import { create } from "./keysCreate.ts"
import { file, KeysProblem, readKeys } from "./keysFile.ts"
import { changeKeys } from "./keysWrite.ts"

const stateOf = (key: KeyEntry, now: DateTime.DateTime) => {
  if (key.disabled === true) return "disabled"
  return key.expires_at !== undefined && DateTime.isLessThan(key.expires_at, now) ? "expired" : "active"
}

const userOf = (identity: KeyIdentity) => ("username" in identity ? identity.username : "an API key")

const lineOf = (key: KeyEntry, now: DateTime.DateTime) =>
  [
    key.id,
    stateOf(key, now),
    key.name,
    key.scopes.join(" "),
    ...(key.devices === undefined ? [] : [JSON.stringify(key.devices)]),
    ...(key.thingsboard === undefined ? [] : [`as ${userOf(key.thingsboard)}`])
  ].join("  ")

const list = Command.make(
  "list",
  { file, json },
  Effect.fnUntraced(function* ({ file, json }) {
    const keys = yield* readKeys(file)
    const now = yield* DateTime.now
    if (!json) return yield* Effect.forEach(keys, (key) => Console.log(printable(lineOf(key, now))), { discard: true })
    const rows = keys.map((key) => ({
      id: key.id,
      name: key.name,
      scopes: key.scopes,
      devices: key.devices ?? null,
      thingsboard: key.thingsboard ?? null,
      state: stateOf(key, now)
    }))
    yield* Console.log(JSON.stringify(rows, undefined, 2))
  })
).pipe(Command.withDescription("Lists the keys of the file; the keys themselves cannot be had from it"))

const disabled = (key: KeyEntry): KeyEntry => ({ ...key, disabled: true })

const revoke = Command.make(
  "revoke",
  { file, id: Argument.String("id").pipe(Argument.withDescription("The key's id")) },
  Effect.fnUntraced(function* ({ file, id }) {
    yield* changeKeys(file, (keys) =>
      keys.some((key) => key.id === id)
        ? Effect.succeed(keys.map((key) => (key.id === id ? disabled(key) : key)))
        : Effect.fail(new KeysProblem({ message: `No key has the id ${id}.` }))
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
      orVariable("key", "BOARDWALK_KEY", Redacted.make)
    )
  },
  Effect.fnUntraced(function* ({ file, key }) {
    const presented = Redacted.value(key).trim()
    const keys = yield* readKeys(file)
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
