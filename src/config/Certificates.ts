/** Certificates and keys that settings name by file: read at start, and all that is wrong with them told as of any other setting. */
import { Effect, FileSystem } from "effect"
import { certificateIssue, keyIssue, type ServerTls } from "../platform/Tls.ts"
import type { Fault } from "./read.ts"
import { InvalidSettings, type SettingsShape } from "./Settings.ts"

type Named = Pick<SettingsShape, "tlsCertFile" | "tlsKeyFile" | "tlsClientCaFile" | "tbCaFile">

export interface Certificates {
  /** Undefined for plain http. */
  readonly server: ServerTls | undefined
  /** PEM: the authorities that are trusted for ThingsBoard instead of the public ones. */
  readonly thingsBoard: string | undefined
}

const fault = (variable: string, issue: string): Fault => ({ variable, issue })

const textOf = Effect.fnUntraced(function* (variable: string, path: string, faults: Array<Fault>) {
  const files = yield* FileSystem.FileSystem
  return yield* Effect.catch(files.readFileString(path), () => {
    faults.push(fault(variable, "names a file that cannot be read: is it there, and may this user read it?"))
    return Effect.succeed(undefined)
  })
})

const certificates = Effect.fnUntraced(function* (variable: string, path: string | undefined, faults: Array<Fault>) {
  if (path === undefined) return undefined
  const pem = yield* textOf(variable, path, faults)
  const issue = pem === undefined ? undefined : certificateIssue(pem)
  if (issue === undefined) return pem
  faults.push(fault(variable, issue))
  return undefined
})

const server = Effect.fnUntraced(function* ({ tlsCertFile, tlsClientCaFile, tlsKeyFile }: Named, faults: Array<Fault>) {
  if (tlsCertFile === undefined || tlsKeyFile === undefined) return undefined
  const cert = yield* certificates("TLS_CERT_FILE", tlsCertFile, faults)
  const key = yield* textOf("TLS_KEY_FILE", tlsKeyFile, faults)
  const clientCa = yield* certificates("TLS_CLIENT_CA_FILE", tlsClientCaFile, faults)
  if (cert === undefined || key === undefined) return undefined
  const issue = keyIssue(cert, key)
  if (issue !== undefined) faults.push(fault("TLS_KEY_FILE", issue))
  return { cert, key, ...(clientCa === undefined ? {} : { clientCa }) }
})

const orFaults = <A>(value: A, faults: ReadonlyArray<Fault>): Effect.Effect<A, InvalidSettings> =>
  faults.length === 0 ? Effect.succeed(value) : Effect.fail(new InvalidSettings({ faults }))

/** The gateway's own certificate, its key, and the authorities of its clients. */
export const readServerTls = Effect.fnUntraced(function* (settings: Named) {
  const faults: Array<Fault> = []
  return yield* orFaults(yield* server(settings, faults), faults)
})

/** All of them, or everything that is wrong. */
export const readCertificates = Effect.fnUntraced(function* (settings: Named) {
  const faults: Array<Fault> = []
  const found: Certificates = {
    server: yield* server(settings, faults),
    thingsBoard: yield* certificates("TB_CA_FILE", settings.tbCaFile, faults)
  }
  return yield* orFaults(found, faults)
})
