/** How commands reach the gateway of this machine that has the same configuration; works with an otherwise faulty one too. */
import { Effect } from "effect"
import { toLocalHost } from "../platform/addresses.ts"
import { localFetchOptions } from "../platform/Tls.ts"
import { readServerTls } from "./Certificates.ts"
import { readSettings, valuesOf } from "./Settings.ts"

export interface GatewayAddress {
  readonly url: string
  /** For `fetch`. */
  readonly requestInit: RequestInit
  /** For each request. */
  readonly headers: Readonly<Record<string, string>>
}

/** A gateway at any other address: with nothing that this configuration says. */
export const gatewayAt = (url: string): GatewayAddress => ({ url: url.replace(/\/+$/, ""), requestInit: {}, headers: {} })

/** A name that ALLOWED_HOSTS lets in, which the address of this machine seldom is. */
const allowedName = (allowed: ReadonlyArray<string>): string | undefined => {
  if (allowed.length === 0 || allowed.includes("*")) return undefined
  return allowed.find((name) => !name.startsWith("*")) ?? allowed[0]!.replace("*", "boardwalk")
}

export const localGateway = Effect.gen(function* () {
  const { allowedHosts = [], host = "0.0.0.0", port = 8000, tlsCertFile, tlsKeyFile } = valuesOf(yield* readSettings())
  const secure = tlsCertFile !== undefined && tlsKeyFile !== undefined
  const tls = secure
    ? yield* Effect.orElseSucceed(
        readServerTls({ tlsCertFile, tlsKeyFile, tlsClientCaFile: undefined, tbCaFile: undefined }),
        () => undefined
      )
    : undefined
  const name = allowedName(allowedHosts)
  const reach: GatewayAddress = {
    url: `${secure ? "https" : "http"}://${toLocalHost(host)}:${port}`,
    requestInit: tls === undefined ? {} : localFetchOptions(tls),
    headers: name === undefined ? {} : { host: name }
  }
  return reach
})

/** Codes of `fetch` for a connection that the other side broke off before it said anything, or while it shook hands. */
const brokenOff = new Set(["ECONNRESET", "EPROTO"])

const codeOf = (error: unknown): unknown => {
  if (typeof error !== "object" || error === null) return undefined
  const { cause, code, reason } = error as { readonly cause?: unknown; readonly code?: unknown; readonly reason?: unknown }
  return code ?? codeOf(reason) ?? codeOf(cause)
}

/** What there is to say of TLS when no answer came. A server that wants client certificates just breaks off. */
export const describeTlsFailure = (url: string, error: unknown): string | undefined => {
  const code = String(codeOf(error))
  if (!url.startsWith("https:")) return undefined
  if (brokenOff.has(code))
    return "TLS was refused: where TLS_CLIENT_CA_FILE is set, the gateway's own certificate has to come from one of its authorities and be allowed for clientAuth as well."
  return /CERT|VERIFY/.test(code) ? "Its certificate is not trusted: NODE_EXTRA_CA_CERTS names the file of a private authority." : undefined
}

/** For who waited for an answer. `shown` is the address without what is secret in it. */
export const describeNoResponse = (url: string, shown: string, error: unknown): string => {
  const trouble = describeTlsFailure(url, error)
  return `No answer from ${shown}.${trouble === undefined ? "" : ` ${trouble}`}`
}
