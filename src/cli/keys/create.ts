import { Console, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { allScopes, type KeyEntry, KeyId, type KeyScope } from "../../domain/ApiKey.ts"
import { randomBytes } from "../../platform/Digest.ts"
import { digestOf, createKey } from "../../apikeys/KeyFormat.ts"
import { json, notBlank } from "../flags.ts"
import { expires } from "./expiresFlag.ts"
import { fileFlag, KeyCommandFailed, systemMessage } from "./keyFile.ts"
import { toIdentity, identityFlags, toRestriction, restrictionFlags } from "./createFlags.ts"
import { makeKeyId } from "./makeKeyId.ts"
import { formatExpiry, toJson, printResult, formatTime } from "./output.ts"
import { changeKeys } from "./changeKeys.ts"

const flags = {
  file: fileFlag,
  name: Flag.String("name").pipe(
    Flag.withDescription("What the key is for, such as 'Grafana'"),
    notBlank("something beside blanks"),
    Flag.map((name) => name.trim())
  ),
  id: Flag.String("id").pipe(
    Flag.withDescription("Names the key in logs; made from the name when there is none"),
    Flag.filter(Schema.is(KeyId), () => "1 to 64 letters, digits, - or _, of which the first is no -; and not default, which is API_KEY's"),
    Flag.optional
  ),
  scope: Flag.Literals("scope", allScopes).pipe(Flag.withDescription("A right of the key; may be given several times"), Flag.atLeast(1)),
  restricting: restrictionFlags,
  identifying: identityFlags,
  expires: Flag.optional(expires),
  requests: Flag.String("rate-limit").pipe(
    Flag.withMetavar("number"),
    Flag.withDescription("Requests a minute, instead of the gateway's limit"),
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
        ? Effect.fail(new KeyCommandFailed({ message: `${file} has a key with the id ${entry.id} already: give another with --id.` }))
        : Effect.succeed([...keys, entry]),
    { orNew: true }
  )

/** A key that nobody has seen is of no use, and would only be in the way. */
const takeBack = (file: string, entry: KeyEntry, why: string) =>
  Effect.matchEffect(
    changeKeys(file, (keys) => Effect.succeed(keys.filter(({ sha256 }) => sha256 !== entry.sha256))),
    {
      onSuccess: () =>
        Effect.fail(new KeyCommandFailed({ message: `The key could not be printed (${why}), so ${entry.id} was removed again.` })),
      onFailure: ({ message }) =>
        Effect.fail(
          new KeyCommandFailed({ message: `The key could not be printed (${why}). Run \`boardwalk keys revoke ${entry.id}\`: ${message}` })
        )
    }
  )

const announce = Effect.fnUntraced(function* (file: string, entry: KeyEntry, isNew: boolean) {
  if (isNew)
    yield* Console.error(`${file} is new, and only its owner can read it: give it to the gateway's user where that is another one.`)
  if (entry.expires_at !== undefined) yield* Console.error(`Key ${entry.id}: it ends ${formatTime(entry.expires_at)}.`)
  yield* Console.error(`Key ${entry.id} was added to ${file}. It is shown this once:`)
})

export const create = Command.make(
  "create",
  flags,
  Effect.fnUntraced(function* ({ expires, file, id, identifying, json, name, requests, restricting, scope }) {
    const acting = yield* toIdentity(identifying)
    const key = createKey(randomBytes)
    const sha256 = digestOf(key)
    const entry: KeyEntry = {
      id: Option.getOrElse(id, () => makeKeyId(name, sha256)),
      name,
      sha256,
      scopes: [...new Set<KeyScope>(scope)],
      ...toRestriction(restricting),
      ...acting,
      ...(Option.isSome(requests) ? { rate_limit: { requests: requests.value, window_seconds: 60 } } : {}),
      ...(Option.isSome(expires) ? { expires_at: expires.value } : {})
    }
    const { isNew } = yield* add(file, entry)
    yield* announce(file, entry, isNew)
    const shown = json ? toJson({ id: entry.id, name, key, expires_at: formatExpiry(entry) }) : key
    yield* Effect.catchTag(printResult(shown), "PlatformError", (error) => takeBack(file, entry, systemMessage(error)))
  })
).pipe(
  Command.withShortDescription("Make a key"),
  Command.withDescription(
    "Makes a key, adds its digest to the file, and prints the key, this once: nothing else goes to standard output. A file that is not there is made, readable to its owner alone; one that is there keeps its owner, group and mode."
  ),
  Command.withExamples([
    { command: "boardwalk keys create --name Grafana --scope devices:read --scope telemetry:read", description: "A key that reads" },
    {
      command: "boardwalk keys create --name Meters --scope telemetry:write --device-type meter --expires 90d | pass insert -m meters",
      description: "For some devices and some time; kept off the screen"
    }
  ])
)
