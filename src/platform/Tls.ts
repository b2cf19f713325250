/** Certificates and keys in the form that Bun's servers and clients accept. Nothing here reads a file. */
import { createPrivateKey, X509Certificate } from "node:crypto"
import { DateTime } from "effect"

export interface ServerTls {
  /** PEM: the server's certificate, followed by its intermediate certificates. */
  readonly cert: string
  /** PEM. */
  readonly key: string
  /** PEM: authorities whose client certificates are accepted. Without it, no client certificate is requested. */
  readonly clientCa?: string
}

const pemBlock = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]+?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g

const parseCertificates = (pem: string): ReadonlyArray<X509Certificate> =>
  (pem.match(pemBlock) ?? []).map((one) => new X509Certificate(one))

/** What is wrong with the content of a certificate file; undefined if nothing is. */
export const certificateIssue = (pem: string): string | undefined => {
  try {
    return parseCertificates(pem).length === 0 ? "contains no certificate in PEM format" : undefined
  } catch {
    return "contains a certificate that cannot be read"
  }
}

/** What is wrong with the key for a readable certificate; undefined if nothing is. */
export const tlsKeyIssue = (cert: string, key: string): string | undefined => {
  try {
    const parsed = createPrivateKey(key)
    return parseCertificates(cert)[0]?.checkPrivateKey(parsed) === true ? undefined : "is not the key of the certificate in TLS_CERT_FILE"
  } catch {
    return "contains no private key in PEM format without a passphrase"
  }
}

/** Expiry of the first certificate, epoch ms. */
export const certificateExpiry = (pem: string): number => Date.parse(parseCertificates(pem)[0]!.validTo)

/** The day of a timestamp (epoch ms) in UTC, for messages. */
export const formatDay = (millis: number): string => DateTime.formatIsoDateUtc(DateTime.makeUnsafe(millis))

/** For `Bun.serve`, which supports TLS 1.2 and 1.3. */
export const serverTlsOptions = ({ cert, clientCa, key }: ServerTls): Bun.TLSOptions => ({
  cert,
  key,
  ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true })
})

/**
 * For `fetch` to an HTTPS URL. Verifies the server even if NODE_TLS_REJECT_UNAUTHORIZED is 0, and trusts only these authorities (PEM) if
 * they are given.
 */
export const verifiedFetchOptions = (authorities: string | undefined): BunFetchRequestInit => ({
  tls: authorities === undefined ? { rejectUnauthorized: true } : { ca: authorities, rejectUnauthorized: true }
})

/**
 * For `fetch` to our own server on this machine. The server is not verified: its certificate names the host that clients use, and its
 * authority need not be known here. The certificate is also sent as a client certificate, for servers that request one.
 */
export const localFetchOptions = ({ cert, key }: Pick<ServerTls, "cert" | "key">): BunFetchRequestInit => ({
  tls: { cert, key, rejectUnauthorized: false }
})
