/**
 * Variables by which the Bun in this program runs other code or prints secrets. Our code runs after Bun has read them, so refusing them
 * shows that they are set; it does not stop somebody who controls the environment and hides that. `BUN_BE_BUN=1` turns the binary into the
 * `bun` command before any of our code runs, so it cannot be refused. `NODE_OPTIONS` has no effect on Bun.
 */
import { ConfigProvider, Effect, Result, Schema } from "effect"
import { boolean } from "./codecs.ts"
import type { SettingIssue } from "./resolveSettings.ts"
import { InvalidSettings } from "./Settings.ts"

const effects: Readonly<Record<string, string>> = {
  BUN_OPTIONS: "adds options to the runtime, which can load other code (--preload)",
  BUN_INSPECT: "opens a debugger, which can run any code",
  BUN_INSPECT_CONNECT_TO: "connects to a debugger, which can run any code",
  BUN_INSPECT_PRELOAD: "loads other code",
  BUN_CONFIG_VERBOSE_FETCH: "prints every request to ThingsBoard with its password or token"
}

const read = Effect.fnUntraced(function* (name: string) {
  const provider = yield* ConfigProvider.ConfigProvider
  const node = yield* provider.load([name]).pipe(Effect.orDie) // the environment is in memory, so reading it cannot fail
  return node?.value ?? ""
})

const isAllowed = Effect.map(read("ALLOW_BUN_OPTIONS"), (text) => {
  const decoded = Schema.decodeResult(boolean.schema)(text.trim())
  return Result.isSuccess(decoded) && decoded.success
})

/** Fails if one of these variables is set, unless ALLOW_BUN_OPTIONS is true in the environment. */
export const refuseRuntimeVariables = Effect.gen(function* () {
  if (yield* isAllowed) return
  const issues: Array<SettingIssue> = []
  for (const [variable, effect] of Object.entries(effects))
    if ((yield* read(variable)) !== "")
      issues.push({ variable, issue: `${effect}: unset it, or set ALLOW_BUN_OPTIONS=true in the environment if that is intended` })
  if (issues.length > 0) return yield* new InvalidSettings({ issues })
})
