/** Certificates and keys as the servers and clients of this platform take them. Nothing here reads a file. */
import { createPrivateKey, X509Certificate } from "node:crypto"
import { DateTime } from "effect"

export interface ServerTls {
  /** PEM: the server's certificate, then those between it and its authority. */
  readonly cert: string
  /** PEM. */
  readonly key: string
  /** PEM: authorities whose client certificates are let in; without them no client certificate is asked for. */
  readonly clientCa?: string
}

const block = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]+?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g

const certificatesOf = (pem: string): ReadonlyArray<X509Certificate> => (pem.match(block) ?? []).map((one) => new X509Certificate(one))

/** What is wrong with the text of a file of certificates. */
export const certificateIssue = (pem: string): string | undefined => {
  try {
    return certificatesOf(pem).length === 0 ? "holds no certificate in PEM form" : undefined
  } catch {
    return "holds a certificate that cannot be read"
  }
}

/** What is wrong with a key for a certificate that was found to be readable. */
export const tlsKeyIssue = (cert: string, key: string): string | undefined => {
  try {
    const parsed = createPrivateKey(key)
    return certificatesOf(cert)[0]?.checkPrivateKey(parsed) === true ? undefined : "is not the key of the certificate in TLS_CERT_FILE"
  } catch {
    return "holds no private key in PEM form without a passphrase"
  }
}

/** When the first of the certificates ceases to hold, epoch ms. */
export const certificateExpiry = (pem: string): number => Date.parse(certificatesOf(pem)[0]!.validTo)

/** The day of an expiry (epoch ms) as people are told it, in UTC. */
export const formatDay = (millis: number): string => DateTime.formatIsoDateUtc(DateTime.makeUnsafe(millis))

/** For `Bun.serve`. It speaks TLS 1.2 and 1.3. */
export const serverTlsOptions = ({ cert, clientCa, key }: ServerTls): Bun.TLSOptions => ({
  cert,
  key,
  ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true })
})

/** For `fetch` to an https address: verified whatever NODE_TLS_REJECT_UNAUTHORIZED says, and by these authorities alone when there are any. */
export const verifiedFetchOptions = (authorities: string | undefined): BunFetchRequestInit => ({
  tls: authorities === undefined ? { rejectUnauthorized: true } : { ca: authorities, rejectUnauthorized: true }
})

/**
 * For `fetch` to the server of this machine itself: its certificate names the host that others call it by, and its authority need not
 * be known here, so it is not verified. The certificate is shown as the client's, for servers that ask for one.
 */
export const localFetchOptions = ({ cert, key }: Pick<ServerTls, "cert" | "key">): BunFetchRequestInit => ({
  tls: { cert, key, rejectUnauthorized: false }
})
