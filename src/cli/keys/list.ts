import { DateTime, Effect } from "effect"
import { Command } from "effect/cli"
import type { KeyEntry, KeyIdentity } from "../../domain/ApiKey.ts"
import { escapeControls, toJson } from "../../observability/escapeControls.ts"
import { json } from "../flags.ts"
import { printResult, printRows } from "../result.ts"
import { fileFlag, readKeys } from "./keyFile.ts"
import { formatExpiry, keyState, summarizeKey } from "./output.ts"

const describeUser = (identity: KeyIdentity) => ("username" in identity ? identity.username : "an API key")

const describeRateLimit = ({ read_bytes, requests, window_seconds, write_bytes }: NonNullable<KeyEntry["rate_limit"]>) =>
  [
    `${requests} requests`,
    ...(read_bytes === undefined ? [] : [`${read_bytes} bytes read`]),
    ...(write_bytes === undefined ? [] : [`${write_bytes} bytes written`])
  ].join(", ") + ` per ${window_seconds} s`

const toCells = (key: KeyEntry, now: DateTime.DateTime) =>
  [
    key.id,
    keyState(key, now),
    key.name,
    key.scopes.join(" "),
    key.expires_at === undefined ? "" : `until ${formatExpiry(key)}`,
    key.rate_limit === undefined ? "" : describeRateLimit(key.rate_limit),
    key.devices === undefined ? "" : JSON.stringify(key.devices),
    key.assets === undefined ? "" : `${key.assets} assets`,
    key.cidrs === undefined ? "" : `from ${key.cidrs.join(" ")}`,
    key.thingsboard === undefined ? "" : `as ${describeUser(key.thingsboard)}`
  ].map(escapeControls)

const toJsonEntry = (key: KeyEntry, now: DateTime.DateTime) => ({
  ...summarizeKey(key, now),
  scopes: key.scopes,
  devices: key.devices ?? null,
  assets: key.assets ?? null,
  cidrs: key.cidrs ?? null,
  thingsboard: key.thingsboard ?? null,
  rate_limit: key.rate_limit ?? null
})

export const list = Command.make(
  "list",
  { file: fileFlag, json },
  Effect.fnUntraced(function* ({ file, json }) {
    const keys = yield* readKeys(file)
    const now = yield* DateTime.now
    if (json) return yield* printResult(toJson(keys.map((key) => toJsonEntry(key, now))))
    yield* printRows(keys.map((key) => toCells(key, now)))
  })
).pipe(
  Command.withShortDescription("List the keys in the file"),
  Command.withDescription(
    "Lists the keys in the file: id, state (active, expired or disabled), name, scopes, expiry, rate limit, devices, assets, addresses and ThingsBoard user. The keys themselves are not stored."
  ),
  Command.withExamples([
    { command: "boardwalk keys list", description: "One line per key" },
    {
      command: `boardwalk keys list --json | jq -r '.[] | select(.state != "active").id'`,
      description: "The ids of keys that no longer work"
    }
  ])
)
