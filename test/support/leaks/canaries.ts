/**
 * The secrets that tests use. Each begins with one unique mark and ends with another, so that the leak check (`watch.ts`) finds the
 * secret, or part of it, wherever it appears. To add a secret, add a line to `canaries`.
 */
import type { Kind } from "./scan.ts"

/** Twelve characters each. */
const head = "cnry7kq2zx9w"
const tail = "w4jmv8hd6tpq"

const secret = (name: string) => `${head}-${name}-${tail}`

export const canaries = {
  /** `API_KEY` */
  apiKey: secret("api-key"),
  otherApiKey: secret("other-api-key"),
  /** `TB_PASSWORD`, with characters that JSON, URLs and shells escape. */
  password: `${head}-pass"word\\ %2B+&é${tail}`,
  wrongPassword: secret("wrong-password"),
  /** `TB_API_KEY` */
  thingsBoardKey: `tb_${secret("thingsboard-key")}`,
  /** `SECRET_KEY` and `ACCESS_TOKEN`, which are accepted but not used. */
  secretKey: secret("secret-key"),
  accessToken: secret("access-token"),
  /** The signature of tokens made by tests. */
  signature: secret("signature"),
  /** For URLs with a user and a password. */
  urlPassword: secret("url-password"),
  /** Passwords of the ThingsBoard users that keys act as. */
  guestPassword: secret("guest-password"),
  strangerPassword: secret("stranger-password"),
  freshPassword: secret("fresh-password"),
  /** `TB_USERNAME`: the operator may read it, callers may not. */
  username: "canary-user-p5gx3@example.com",
  /** A loopback address that nothing else uses. */
  host: process.platform === "linux" ? "127.83.71.9" : "127.0.0.1",
  /** A host name in ThingsBoard's responses. */
  innerHost: "tb-core-3.canary-r7fw2.internal",
  /** Part of every error text of ThingsBoard. */
  upstreamWords: "upstream-words-n3qz8"
}

/** The secret of the key with this id, for a key file. */
export const keyOf = (id: string) => secret(`key-of-${id}`)

/** The texts to look for. Those of kind `secret` are looked for in every encoding. */
export const marks: ReadonlyArray<{ readonly name: string; readonly text: string; readonly kind: Kind }> = [
  // Nine characters, so that they are among the first twelve even after a prefix of three, such as "tb_".
  { name: "the beginning of a canary", text: head.slice(0, 9), kind: "secret" },
  { name: "the end of a canary", text: tail, kind: "secret" },
  // Base64 of {"alg":"HS512"} and {"sub":", with which the header and the claims of ThingsBoard's tokens begin.
  { name: "the header of a token", text: "eyJhbGciOiJIUzUxMiJ9", kind: "secret" },
  { name: "the claims of a token", text: "eyJzdWIiOi", kind: "secret" },
  { name: "an error text of ThingsBoard", text: canaries.upstreamWords, kind: "upstream" },
  { name: "a class name of ThingsBoard", text: "org.thingsboard", kind: "upstream" },
  { name: "a host behind ThingsBoard", text: "canary-r7fw2", kind: "upstream" },
  { name: "TB_USERNAME", text: "canary-user-p5gx3", kind: "private" },
  ...(canaries.host === "127.0.0.1" ? [] : [{ name: "TB_HOST", text: canaries.host, kind: "private" as const }])
]
