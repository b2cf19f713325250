/** Certificates and keys that settings name by file: read at start, and all that is wrong with them told as of any other setting. */
import { Clock, Effect, FileSystem } from "effect"
import { certificateIssue, formatDay, certificateExpiry, tlsKeyIssue, type ServerTls } from "../platform/Tls.ts"
import type { SettingIssue, Diagnostics } from "./resolveSettings.ts"
import { InvalidSettings, type SettingsShape } from "./Settings.ts"

type Named = Pick<SettingsShape, "tlsCertFile" | "tlsKeyFile" | "tlsClientCaFile" | "tbCaFile">

export interface Certificates {
  /** Undefined for plain http. */
  readonly server: ServerTls | undefined
  /** PEM: the authorities that are trusted for ThingsBoard instead of the public ones. */
  readonly thingsBoard: string | undefined
}

const fault = (variable: string, issue: string): SettingIssue => ({ variable, issue })

const textOf = Effect.fnUntraced(function* (variable: string, path: string | undefined, faults: Array<SettingIssue>) {
  if (path === undefined) return undefined
  const files = yield* FileSystem.FileSystem
  return yield* Effect.catch(files.readFileString(path), () => {
    faults.push(fault(variable, "names a file that cannot be read: is it there, and may this user read it?"))
    return Effect.succeed(undefined)
  })
})

const certificates = Effect.fnUntraced(function* (variable: string, path: string | undefined, faults: Array<SettingIssue>) {
  const pem = yield* textOf(variable, path, faults)
  const issue = pem === undefined ? undefined : certificateIssue(pem)
  if (issue === undefined) return pem
  faults.push(fault(variable, issue))
  return undefined
})

const server = Effect.fnUntraced(function* ({ tlsCertFile, tlsClientCaFile, tlsKeyFile }: Named, faults: Array<SettingIssue>) {
  const cert = yield* certificates("TLS_CERT_FILE", tlsCertFile, faults)
  const key = yield* textOf("TLS_KEY_FILE", tlsKeyFile, faults)
  const clientCa = yield* certificates("TLS_CLIENT_CA_FILE", tlsClientCaFile, faults)
  if (cert === undefined || key === undefined) return undefined
  const issue = tlsKeyIssue(cert, key)
  if (issue !== undefined) faults.push(fault("TLS_KEY_FILE", issue))
  return { cert, key, ...(clientCa === undefined ? {} : { clientCa }) }
})

const orFaults = <A>(value: A, faults: ReadonlyArray<SettingIssue>): Effect.Effect<A, InvalidSettings> =>
  faults.length === 0 ? Effect.succeed(value) : Effect.fail(new InvalidSettings({ issues: faults }))

/** The gateway's own certificate, its key, and the authorities of its clients. */
export const readServerTls = Effect.fnUntraced(function* (settings: Named) {
  const faults: Array<SettingIssue> = []
  return yield* orFaults(yield* server(settings, faults), faults)
})

/** All of them, or everything that is wrong. */
export const readCertificates = Effect.fnUntraced(function* (settings: Named) {
  const faults: Array<SettingIssue> = []
  const found: Certificates = {
    server: yield* server(settings, faults),
    thingsBoard: yield* certificates("TB_CA_FILE", settings.tbCaFile, faults)
  }
  return yield* orFaults(found, faults)
})

/** Long enough to find out why nobody renewed it. */
const daysAhead = 14
const day = 86_400_000

const endOf = (cert: string, now: number): ReadonlyArray<SettingIssue> => {
  const end = certificateExpiry(cert)
  if (end - now > daysAhead * day) return []
  const date = formatDay(end)
  return [
    fault(
      "TLS_CERT_FILE",
      end <= now ? `holds a certificate that expired on ${date}: clients refuse it` : `holds a certificate that ends on ${date}: renew it`
    )
  ]
}

/** What there is to say of them, whatever else is wrong with the settings. */
export const checkCertificates = Effect.fnUntraced(function* (
  settings: Named
): Effect.fn.Return<Diagnostics, never, FileSystem.FileSystem> {
  const faults: Array<SettingIssue> = []
  const tls = yield* server(settings, faults)
  yield* certificates("TB_CA_FILE", settings.tbCaFile, faults)
  return { errors: faults, warnings: tls === undefined ? [] : endOf(tls.cert, yield* Clock.currentTimeMillis) }
})
