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
  /** PEM, one list each: the client certificates that the authorities have revoked. */
  readonly clientRevocations?: ReadonlyArray<string>
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

const revocationListBlock = /-----BEGIN X509 CRL-----([\s\S]+?)-----END X509 CRL-----/g

/** The revocation lists in a file, each as PEM. Bun reads only the first list of a text. */
export const splitRevocationLists = (pem: string): ReadonlyArray<string> => pem.match(revocationListBlock) ?? []

/** One element of DER: its tag, and the positions of its content. */
const derElement = (der: Uint8Array, at: number) => {
  let [start, length] = [at + 2, der[at + 1]!]
  if (length > 127) {
    const bytes = der.subarray(start, (start += length - 128))
    length = bytes.reduce((sum, byte) => sum * 256 + byte, 0)
  }
  if (!(start + length <= der.length)) throw new Error("truncated")
  return { tag: der[at]!, start, end: start + length }
}

const [integerTag, utcTimeTag, generalizedTimeTag] = [0x02, 0x17, 0x18]

/** When the next list is due (RFC 5280, 5.1), epoch ms; undefined if the list does not say. Node has no parser of revocation lists. */
const nextUpdate = (der: Uint8Array): number | undefined => {
  const content = derElement(der, derElement(der, 0).start)
  let next = derElement(der, content.start)
  // The version is optional; the algorithm, the issuer and the time of this list follow.
  for (let skipped = next.tag === integerTag ? 0 : 1; skipped < 3; skipped++) next = derElement(der, next.end)
  if (next.tag !== utcTimeTag && next.tag !== generalizedTimeTag) throw new Error("not a revocation list")
  if (next.end >= content.end) return undefined
  const due = derElement(der, next.end)
  if (due.tag !== utcTimeTag && due.tag !== generalizedTimeTag) return undefined
  const text = Buffer.from(der.subarray(due.start, due.end)).toString("latin1")
  const digits = due.tag === generalizedTimeTag ? text : `${Number(text.slice(0, 2)) < 50 ? "20" : "19"}${text}`
  return Date.parse(digits.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"))
}

const nextUpdates = (pem: string): ReadonlyArray<number | undefined> =>
  [...pem.matchAll(revocationListBlock)].map(([, base64]) => nextUpdate(Buffer.from(base64!, "base64")))

/** What is wrong with the content of a file of revocation lists; undefined if nothing is. */
export const revocationListIssue = (pem: string): string | undefined => {
  try {
    return nextUpdates(pem).length === 0 ? "contains no revocation list in PEM format" : undefined
  } catch {
    return "contains a revocation list that cannot be read"
  }
}

/** When the first of the lists is outdated, epoch ms: from then on all client certificates of its authority are rejected. */
export const revocationListExpiry = (pem: string): number => Math.min(...nextUpdates(pem).map((due) => due ?? Number.POSITIVE_INFINITY))

/**
 * TLS 1.2 with forward secrecy and authenticated encryption (AEAD) only: Bun's default also has CBC and RSA key exchange. The suites of TLS
 * 1.3 are all of this kind, and this list does not concern them.
 */
const ciphers = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"]
  .flatMap((cipher) => [`ECDHE-ECDSA-${cipher}`, `ECDHE-RSA-${cipher}`])
  .join(":")

/** For `Bun.serve`, which supports TLS 1.2 and 1.3. */
export const serverTlsOptions = ({ cert, clientCa, clientRevocations, key }: ServerTls): Bun.TLSOptions => ({
  cert,
  key,
  ciphers,
  ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  ...(clientRevocations === undefined ? {} : { crl: [...clientRevocations] })
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
