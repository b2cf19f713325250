/** Warnings about a valid configuration that depend on this machine: who else can read or change its files, and who can reach the gateway. */
import { Effect, FileSystem } from "effect"
import { findAccess } from "../platform/fileAccess.ts"
import { closestName } from "../domain/closestName.ts"
import { checkEnvFile, readEnvFile } from "./envFile.ts"
import type { Diagnostics, ResolvedSetting, SettingIssue } from "./resolveSettings.ts"
import { fileVariable, secretFileWarnings } from "./secretFiles.ts"
import { definitions, secretVariables, valuesOf } from "./Settings.ts"

const isLoopback = (host: string) => /^(localhost|127(\.\d+){3}|\[?::1\]?)$/.test(host)

/** A page of any site can send requests to an address under a name of its own (DNS rebinding), unless names are checked. */
const exposureWarnings = ({ allowedHosts = [], host = "" }: ReturnType<typeof valuesOf>): ReadonlyArray<SettingIssue> =>
  allowedHosts.length > 0 || isLoopback(host)
    ? []
    : [
        {
          variable: "ALLOWED_HOSTS",
          issue: `is empty, while HOST (${host}) can be reached from other machines: list the names that callers use, or * for all`
        }
      ]

const keyWarnings = Effect.fnUntraced(function* (path: string | undefined) {
  if (path === undefined) return []
  const { changes, isPublic } = yield* findAccess(path)
  const issues = [
    ...changes.map((change) => `${change}, who could replace the key`),
    ...(isPublic ? ["can be read by every user of this machine"] : [])
  ]
  return issues.map((issue): SettingIssue => ({ variable: "TLS_KEY_FILE", issue }))
})

const knownNames = [...Object.keys(definitions), ...secretVariables.map(fileVariable)]

/** Variables of the settings file that are hardly meant for anybody else. A longer name, such as TB_PASSWORD_ACME, may be one that the key file refers to. */
const misspelledVariables = Effect.map(
  Effect.orElseSucceed(readEnvFile, () => undefined),
  (file): ReadonlyArray<SettingIssue> =>
    [...(file?.lines ?? [])].flatMap(([name, line]) => {
      const closest = knownNames.includes(name) ? undefined : closestName(name, knownNames)
      if (closest === undefined || Math.abs(closest.length - name.length) > 2 || name.startsWith(`${closest}_`)) return []
      return [{ variable: `${file!.path}:${line}`, issue: `sets ${name}, which is no setting; did you mean ${closest}?` }]
    })
)

/** Checks the settings file, the files of secrets and the private key, and whether the gateway is exposed without ALLOWED_HOSTS. */
export const checkFiles = Effect.fnUntraced(function* (
  resolved: ReadonlyArray<ResolvedSetting>
): Effect.fn.Return<Diagnostics, never, FileSystem.FileSystem> {
  const values = valuesOf(resolved)
  const { warnings } = yield* checkEnvFile
  const secrets = yield* Effect.forEach(resolved, ({ file, variable }) =>
    file === undefined ? Effect.succeed([]) : secretFileWarnings(fileVariable(variable), file)
  )
  return {
    errors: [],
    warnings: [...warnings, ...secrets.flat(), ...(yield* keyWarnings(values.tlsKeyFile)), ...exposureWarnings(values)],
    hints: yield* misspelledVariables
  }
})
