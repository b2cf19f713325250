/** How commands reach the gateway on this machine that has the same configuration. Other settings may be invalid. */
import { Effect } from "effect"
import { isOwnAddress, toLocalHost } from "../platform/addresses.ts"
import { localFetchOptions, verifiedFetchOptions } from "../platform/Tls.ts"
import { readServerTls } from "./Certificates.ts"
import { InvalidSettings } from "./InvalidSettings.ts"
import { readSettings, valuesOf } from "./Settings.ts"

export interface GatewayAddress {
  readonly url: string
  /** Options for `fetch`. */
  readonly requestInit: RequestInit
  /** Headers of each request. */
  readonly headers: Readonly<Record<string, string>>
}

/** A gateway at another address, for which nothing of this configuration is used. Its certificate is always verified. */
export const gatewayAt = (url: string): GatewayAddress => ({
  url: url.replace(/\/+$/, ""),
  requestInit: url.startsWith("https:") ? verifiedFetchOptions(undefined) : {},
  headers: {}
})

/** A host name that ALLOWED_HOSTS accepts; the address of this machine is seldom among them. */
const allowedName = (allowed: ReadonlyArray<string>): string | undefined => {
  if (allowed.length === 0 || allowed.includes("*")) return undefined
  return allowed.find((name) => !name.startsWith("*")) ?? allowed[0]!.replace("*", "boardwalk")
}

export const localGateway = Effect.gen(function* () {
  const { allowedHosts = [], host = "0.0.0.0", port = 8000, tlsCertFile, tlsKeyFile } = valuesOf(yield* readSettings())
  // Callers send the key there, and a .env could name any host.
  if (!(yield* Effect.promise(() => isOwnAddress(host))))
    return yield* new InvalidSettings({
      issues: [{ variable: "HOST", issue: "is no address of this machine: for a gateway elsewhere, use --url" }]
    })
  const secure = tlsCertFile !== undefined && tlsKeyFile !== undefined
  const tls = secure
    ? yield* Effect.orElseSucceed(
        readServerTls({ tlsCertFile, tlsKeyFile, tlsClientCaFile: undefined, tlsClientCrlFile: undefined, tbCaFile: undefined }),
        () => undefined
      )
    : undefined
  const name = allowedName(allowedHosts)
  const address: GatewayAddress = {
    url: `${secure ? "https" : "http"}://${toLocalHost(host)}:${port}`,
    requestInit: tls === undefined ? {} : localFetchOptions(tls),
    headers: name === undefined ? {} : { host: name }
  }
  return address
})

/** Error codes of `fetch` for a connection that the server closed before responding or during the TLS handshake. */
const closedByServer = new Set(["ECONNRESET", "EPROTO"])

const codeOf = (error: unknown): unknown => {
  if (typeof error !== "object" || error === null) return undefined
  const { cause, code, reason } = error as { readonly cause?: unknown; readonly code?: unknown; readonly reason?: unknown }
  return code ?? codeOf(reason) ?? codeOf(cause)
}

/** Explains a failed connection if TLS may be the cause. A server that requires client certificates just closes the connection. */
export const describeTlsFailure = (url: string, error: unknown): string | undefined => {
  const code = String(codeOf(error))
  if (!url.startsWith("https:")) return undefined
  if (closedByServer.has(code))
    return "The TLS handshake failed. If TLS_CLIENT_CA_FILE is set, the gateway's own certificate must be issued by one of its authorities and allow clientAuth."
  return /CERT|VERIFY/.test(code)
    ? "Its certificate is not trusted. For a private authority, set NODE_EXTRA_CA_CERTS to the file of its certificate."
    : undefined
}

/** The message for a request without a response. `shown` is the URL without secrets. */
export const describeNoResponse = (url: string, shown: string, error: unknown): string => {
  const tlsFailure = describeTlsFailure(url, error)
  return `No response from ${shown}.${tlsFailure === undefined ? "" : ` ${tlsFailure}`}`
}
