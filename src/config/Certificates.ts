/** Reads the certificate and key files that settings name, at start. Their errors are reported like those of any other setting. */
import { Clock, Effect, FileSystem } from "effect"
import {
  certificateExpiry,
  certificateIssue,
  formatDay,
  revocationListExpiry,
  revocationListIssue,
  type ServerTls,
  splitRevocationLists,
  tlsKeyIssue
} from "../platform/Tls.ts"
import type { SettingIssue, Diagnostics } from "./resolveSettings.ts"
import { InvalidSettings, type SettingsShape } from "./Settings.ts"

type CertificateFiles = Pick<SettingsShape, "tlsCertFile" | "tlsKeyFile" | "tlsClientCaFile" | "tlsClientCrlFile" | "tbCaFile">

export interface Certificates {
  /** Undefined for plain http. */
  readonly server: ServerTls | undefined
  /** PEM of the authorities that are trusted for ThingsBoard, instead of the public ones. */
  readonly thingsBoard: string | undefined
}

const readFile = Effect.fnUntraced(function* (variable: string, path: string | undefined, issues: Array<SettingIssue>) {
  if (path === undefined) return undefined
  const files = yield* FileSystem.FileSystem
  return yield* Effect.catch(files.readFileString(path), () => {
    issues.push({ variable, issue: "names a file that cannot be read: does it exist, and may this user read it?" })
    return Effect.succeed(undefined)
  })
})

const readPem = Effect.fnUntraced(function* (
  variable: string,
  path: string | undefined,
  issues: Array<SettingIssue>,
  findIssue = certificateIssue
) {
  const pem = yield* readFile(variable, path, issues)
  const issue = pem === undefined ? undefined : findIssue(pem)
  if (issue === undefined) return pem
  issues.push({ variable, issue })
  return undefined
})

const readServer = Effect.fnUntraced(function* (
  { tlsCertFile, tlsClientCaFile, tlsClientCrlFile, tlsKeyFile }: CertificateFiles,
  issues: Array<SettingIssue>
) {
  const cert = yield* readPem("TLS_CERT_FILE", tlsCertFile, issues)
  const key = yield* readFile("TLS_KEY_FILE", tlsKeyFile, issues)
  const clientCa = yield* readPem("TLS_CLIENT_CA_FILE", tlsClientCaFile, issues)
  const clientCrl = yield* readPem("TLS_CLIENT_CRL_FILE", tlsClientCrlFile, issues, revocationListIssue)
  if (cert === undefined || key === undefined) return undefined
  const issue = tlsKeyIssue(cert, key)
  if (issue !== undefined) issues.push({ variable: "TLS_KEY_FILE", issue })
  return {
    cert,
    key,
    ...(clientCa === undefined ? {} : { clientCa }),
    ...(clientCrl === undefined ? {} : { clientRevocations: splitRevocationLists(clientCrl) })
  } satisfies ServerTls
})

const failOnIssues = <A>(value: A, issues: ReadonlyArray<SettingIssue>): Effect.Effect<A, InvalidSettings> =>
  issues.length === 0 ? Effect.succeed(value) : Effect.fail(new InvalidSettings({ issues }))

/** Reads the gateway's own certificate, its key, and the authorities of client certificates. */
export const readServerTls = Effect.fnUntraced(function* (settings: CertificateFiles) {
  const issues: Array<SettingIssue> = []
  return yield* failOnIssues(yield* readServer(settings, issues), issues)
})

/** Reads all certificates, or fails with all their issues. */
export const readCertificates = Effect.fnUntraced(function* (settings: CertificateFiles) {
  const issues: Array<SettingIssue> = []
  const found: Certificates = {
    server: yield* readServer(settings, issues),
    thingsBoard: yield* readPem("TB_CA_FILE", settings.tbCaFile, issues)
  }
  return yield* failOnIssues(found, issues)
})

/** Long enough to find out why the certificate was not renewed. */
const warningDays = 14
const day = 86_400_000

const expiryWarnings = (cert: string, now: number): ReadonlyArray<SettingIssue> => {
  const expiry = certificateExpiry(cert)
  if (expiry - now > warningDays * day) return []
  const date = formatDay(expiry)
  return [
    {
      variable: "TLS_CERT_FILE",
      issue:
        expiry <= now
          ? `has a certificate that expired on ${date}: clients reject it`
          : `has a certificate that expires on ${date}: renew it`
    }
  ]
}

const outdatedWarnings = (lists: ReadonlyArray<string>, now: number): ReadonlyArray<SettingIssue> => {
  const expiry = revocationListExpiry(lists.join("\n"))
  if (expiry > now) return []
  const issue = `has a revocation list that was due for renewal on ${formatDay(expiry)}: client certificates of its authority are rejected`
  return [{ variable: "TLS_CLIENT_CRL_FILE", issue }]
}

/** Checks the certificates, independently of the other settings. */
export const checkCertificates = Effect.fnUntraced(function* (
  settings: CertificateFiles
): Effect.fn.Return<Diagnostics, never, FileSystem.FileSystem> {
  const issues: Array<SettingIssue> = []
  const tls = yield* readServer(settings, issues)
  yield* readPem("TB_CA_FILE", settings.tbCaFile, issues)
  const now = yield* Clock.currentTimeMillis
  return {
    errors: issues,
    warnings: tls === undefined ? [] : [...expiryWarnings(tls.cert, now), ...outdatedWarnings(tls.clientRevocations ?? [], now)]
  }
})
