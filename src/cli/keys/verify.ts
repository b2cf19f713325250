import { DateTime, Effect, Option, Redacted, Stdio, Stream } from "effect"
import { Command, Flag, Prompt, TerminalCapabilities } from "effect/cli"
import type { KeyEntry } from "../../domain/ApiKey.ts"
import { escapeControls, toJson } from "../../observability/escapeControls.ts"
import { digestOf, isWellFormed, looksGenerated } from "../../apikeys/KeyFormat.ts"
import { json, readSecretFlag, usageError } from "../flags.ts"
import { CommandFailed, printResult } from "../result.ts"
import { fileFlag, readKeys } from "./keyFile.ts"
import { formatExpiry, keyState, summarizeKey } from "./output.ts"

const key = Flag.Redacted("key").pipe(
  Flag.withDescription("The key. Prefer BOARDWALK_KEY or standard input: all users of the machine can see arguments."),
  Flag.map(Option.some),
  Flag.withDefault(Effect.map(readSecretFlag("BOARDWALK_KEY"), Option.map(Redacted.make)))
)

const noKey = usageError(["keys", "verify"], "No key: pass it on standard input or in BOARDWALK_KEY")

const promptForKey = Prompt.run(Prompt.Hidden({ message: "Key (not shown)" })).pipe(Effect.catchTag("QuitError", () => Effect.fail(noKey)))

/** Reads the first line of standard input, where `pass` and similar tools print the password. */
const readFromInput = Effect.gen(function* () {
  const { stdin, stdinIsTerminal } = yield* Stdio.Stdio
  if (yield* stdinIsTerminal) {
    const { canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
    return yield* canPrompt ? promptForKey : Effect.fail(noKey)
  }
  const line = yield* stdin.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.runHead,
    Effect.mapError(() => noKey)
  )
  return Redacted.make(Option.getOrElse(line, () => ""))
})

const describeUnknown = (presented: string, file: string) => {
  if (isWellFormed(presented)) return ["unknown", `This key is well formed, but not in ${file}.`] as const
  return looksGenerated(presented)
    ? (["mistyped", "This key was mistyped or truncated: its checksum is wrong."] as const)
    : (["foreign", `This is not a key in ${file}, and not one that Boardwalk generated.`] as const)
}

const describeKey = (key: KeyEntry, now: DateTime.DateTime) => {
  const state = keyState(key, now)
  const name = `This is key ${key.id} (${escapeControls(key.name)})`
  if (state === "disabled") return `${name}, which is disabled.`
  if (state === "expired") return `${name}, which expired ${formatExpiry(key)}.`
  return key.expires_at === undefined ? `${name}.` : `${name}, which expires ${formatExpiry(key)}.`
}

export const verify = Command.make(
  "verify",
  { file: fileFlag, key, json },
  Effect.fnUntraced(function* ({ file, json, key }) {
    const presented = Redacted.value(Option.isSome(key) ? key.value : yield* readFromInput).trim()
    if (presented === "") return yield* noKey
    const keys = yield* readKeys(file)
    const now = yield* DateTime.now
    const found = keys.find(({ sha256 }) => sha256 === digestOf(presented))
    const [state, sentence] = found === undefined ? describeUnknown(presented, file) : [keyState(found, now), describeKey(found, now)]
    const summary = found === undefined ? { id: null, name: null, state, expires_at: null } : summarizeKey(found, now)
    if (json) yield* printResult(toJson(summary))
    if (state !== "active") return yield* new CommandFailed({ message: sentence })
    if (!json) yield* printResult(sentence)
  })
).pipe(
  Command.withShortDescription("Find out which key this is, and whether it works"),
  Command.withDescription(
    "Finds the entry of a key in the file and reports whether the key works, or that it was mistyped. The key is read from BOARDWALK_KEY, otherwise from the first line of standard input; on a terminal you are asked for it. Exit code 1 unless the key works."
  ),
  Command.withExamples([
    { command: "pass show grafana | boardwalk keys verify", description: "Pass the key on standard input, where no other user sees it" },
    { command: "boardwalk keys verify --json", description: "Ask for the key, and print JSON" }
  ])
)
