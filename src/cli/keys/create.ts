import { Console, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { allScopes, type KeyEntry, KeyId, type KeyScope } from "../../domain/ApiKey.ts"
import { randomBytes } from "../../platform/Digest.ts"
import { digestOf, createKey } from "../../apikeys/KeyFormat.ts"
import { json, notBlank } from "../flags.ts"
import { expires } from "./expiresFlag.ts"
import { fileFlag } from "./keyFile.ts"
import { cidrs, toIdentity, identityFlags, toRestriction, restrictionFlags } from "./createFlags.ts"
import { makeKeyId } from "./makeKeyId.ts"
import { escapeControls, toJson } from "../../observability/escapeControls.ts"
import { CommandFailed, systemMessage, writeResult } from "../result.ts"
import { formatExpiry, formatTime } from "./output.ts"
import { changeKeys } from "./changeKeys.ts"

const flags = {
  file: fileFlag,
  name: Flag.String("name").pipe(
    Flag.withDescription("What the key is for, such as 'Grafana'"),
    notBlank("a text that is not blank"),
    Flag.map((name) => name.trim())
  ),
  id: Flag.String("id").pipe(
    Flag.withDescription("Id of the key in logs; by default made from the name"),
    Flag.filter(
      Schema.is(KeyId),
      () => "1 to 64 letters, digits, - or _, not beginning with -; and not default, which is the id of API_KEY"
    ),
    Flag.optional
  ),
  scope: Flag.Literals("scope", allScopes).pipe(
    Flag.withDescription(
      "Scope of the key; may be repeated. credentials:read adds the passwords and other credentials in devices and assets, users:read the users, customers and tenants in graphs"
    ),
    Flag.atLeast(1)
  ),
  restrictionFlags,
  cidrs,
  identityFlags,
  expires: Flag.optional(expires),
  requests: Flag.String("rate-limit").pipe(
    Flag.withMetavar("number"),
    Flag.withDescription("Requests per minute, instead of the gateway's limit"),
    Flag.filterMap(
      (text) => (/^[1-9]\d{0,8}$/.test(text) ? Option.some(Number(text)) : Option.none()),
      () => "a whole number from 1 to 999999999"
    ),
    Flag.optional
  ),
  json
}

const add = (file: string, entry: KeyEntry) =>
  changeKeys(
    file,
    (keys) =>
      keys.some(({ id }) => id === entry.id)
        ? Effect.fail(new CommandFailed({ message: `${file} already has a key with the id ${entry.id}; choose another with --id.` }))
        : Effect.succeed([...keys, entry]),
    { createFile: true }
  )

/** Nobody has seen a key that could not be printed, so it is useless. */
const removeUnprinted = (file: string, entry: KeyEntry, reason: string) =>
  Effect.matchEffect(
    changeKeys(file, (keys) => Effect.succeed(keys.filter(({ sha256 }) => sha256 !== entry.sha256))),
    {
      onSuccess: () =>
        Effect.fail(new CommandFailed({ message: `The key could not be printed (${reason}), so ${entry.id} was removed from the file.` })),
      onFailure: ({ message }) =>
        Effect.fail(
          new CommandFailed({
            message: `The key could not be printed (${reason}). Run \`boardwalk keys revoke ${entry.id}\`: ${message}`
          })
        )
    }
  )

const announce = Effect.fnUntraced(function* (file: string, entry: KeyEntry, isNew: boolean) {
  if (isNew)
    yield* Console.error(
      `Created ${escapeControls(file)}, which only its owner can read. If the gateway runs as another user, chown the file to it.`
    )
  if (entry.expires_at !== undefined) yield* Console.error(`Key ${entry.id} expires ${formatTime(entry.expires_at)}.`)
  yield* Console.error(`Added key ${entry.id} to ${escapeControls(file)}. The key is printed only once:`)
})

export const create = Command.make(
  "create",
  flags,
  Effect.fnUntraced(function* ({ cidrs, expires, file, id, identityFlags, json, name, requests, restrictionFlags, scope }) {
    const restriction = yield* toRestriction(restrictionFlags)
    const thingsboardUser = yield* toIdentity(identityFlags)
    const key = createKey(randomBytes)
    const sha256 = digestOf(key)
    const entry: KeyEntry = {
      id: Option.getOrElse(id, () => makeKeyId(name, sha256)),
      name,
      sha256,
      scopes: [...new Set<KeyScope>(scope)],
      ...restriction,
      ...(cidrs.length > 0 ? { cidrs } : {}),
      ...thingsboardUser,
      ...(Option.isSome(requests) ? { rate_limit: { requests: requests.value, window_seconds: 60 } } : {}),
      ...(Option.isSome(expires) ? { expires_at: expires.value } : {})
    }
    const { isNew } = yield* add(file, entry)
    yield* announce(file, entry, isNew)
    const output = json ? toJson({ id: entry.id, name, key, expires_at: formatExpiry(entry) }) : key
    yield* Effect.catchTag(writeResult(output), "PlatformError", (error) => removeUnprinted(file, entry, systemMessage(error)))
  })
).pipe(
  Command.withShortDescription("Create a key"),
  Command.withDescription(
    "Creates a key, adds its digest to the key file, and prints the key once to standard output. Messages go to standard error. A new file is readable only by its owner; an existing file keeps its owner, group and mode."
  ),
  Command.withExamples([
    { command: "boardwalk keys create --name Grafana --scope devices:read --scope telemetry:read", description: "A read-only key" },
    {
      command: "boardwalk keys create --name Meters --scope telemetry:write --device-type meter --expires 90d | pass insert -m meters",
      description: "Restricted to some devices, expires, and is kept off the screen"
    }
  ])
)
